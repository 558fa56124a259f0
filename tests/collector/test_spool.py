"""What was appended is read until it is acknowledged, whatever happened to process and files."""

import json
import resource
import shutil
import stat
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spanledger.collector.spool import Refusal, Spool, SpoolRefused, is_settled
from spanledger.errors import StoreError, StoreLocked
from tests.collector.spooled import MIB, NOW, a_delivery, open_spool, read_all, segments
from tests.collector.test_spool_segment import files_end_at
from tests.running import small_disk

BODIES = [b"first", b"second" * 10, b"third"]


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    """Where a spool is."""
    return tmp_path / "spool"


def filled(directory: Path, bodies: list[bytes] = BODIES) -> list[bytes]:
    """A spool that a process has left, with a delivery for each body; gives the bodies."""
    spool = open_spool(directory)
    for body in bodies:
        spool.append([a_delivery(body)])
    spool.close()
    return bodies


def left_in(directory: Path) -> list[bytes]:
    """What the next process finds."""
    spool = open_spool(directory)
    found = read_all(spool)
    spool.close()
    return found


def test_the_next_process_finds_all(directory: Path) -> None:
    """R1: in order, with project, encoding and time."""
    spool = open_spool(directory)
    first, second = a_delivery(b"1", "shop", "gzip"), a_delivery(b"2", "other")
    spool.append([first, second])
    spool.append([first])
    spool.close()

    again = open_spool(directory)
    assert [again.next(), again.next(), again.next(), again.next()] == [first, second, first, None]
    again.close()


def test_what_was_acknowledged_is_gone(directory: Path) -> None:
    """Only what was read and not acknowledged is found again."""
    spool = open_spool(directory)
    spool.append([a_delivery(body) for body in BODIES])
    assert spool.next() is not None
    spool.acknowledge()
    assert spool.next() is not None
    spool.close()

    assert left_in(directory) == BODIES[1:]


def test_read_files_are_deleted(directory: Path) -> None:
    """Nothing of a stored delivery stays: not in full files, and not in the last one."""
    spool = open_spool(directory, segment_bytes=100)
    for body in BODIES:
        spool.append([a_delivery(body)])
    assert len(segments(directory)) == 3
    assert not is_settled(directory)
    read_all(spool)
    assert len(segments(directory)) == 3, "nothing goes before it is acknowledged"
    spool.acknowledge()
    assert len(segments(directory)) == 1
    assert is_settled(directory)

    spool.retire(idle=True)

    assert segments(directory) == []
    assert is_settled(directory)
    spool.append([a_delivery(b"later")])
    assert read_all(spool) == [b"later"]
    spool.close()


def test_a_file_that_is_in_use_stays(directory: Path) -> None:
    """What was not read keeps its file; a young file stays where deliveries come."""
    spool = open_spool(directory)
    spool.retire(idle=True)
    spool.append([a_delivery()])
    spool.retire(idle=True)
    assert read_all(spool) == [b"body"]
    spool.acknowledge()
    spool.retire(idle=False)

    assert len(segments(directory)) == 1
    spool.close()


def test_a_group_that_failed_is_read_again(directory: Path) -> None:
    """Across files: from what was acknowledged last."""
    spool = open_spool(directory, segment_bytes=100)
    for body in BODIES:
        spool.append([a_delivery(body)])
    assert spool.next() is not None
    spool.acknowledge()
    assert read_all(spool) == BODIES[1:]
    spool.rewind()

    assert read_all(spool) == BODIES[1:]
    spool.close()


@pytest.mark.parametrize(
    "position", ["", "no", "{name} 9999999", "{name} 50\n", "other.spool 22\n", "{name} -1\n", "é"]
)
def test_a_wrong_position_loses_nothing(directory: Path, position: str) -> None:
    """R7: a position that is torn or of another file is not believed; calls are stored again."""
    filled(directory)
    (name,) = [path.name for path in segments(directory)]
    (directory / "position").write_text(position.format(name=name), encoding="utf-8")

    assert left_in(directory) == BODIES


def test_one_process_owns_it(directory: Path) -> None:
    """Two that append to one spool would overwrite each other."""
    spool = open_spool(directory)
    with pytest.raises(StoreLocked):
        open_spool(directory)
    spool.close()
    open_spool(directory).close()


def test_nobody_else_looks_into_it(directory: Path) -> None:
    """Threat "prompts at rest": directories 0700, files 0600."""
    filled(directory)
    spool = open_spool(directory)
    spool.next()
    spool.acknowledge()
    spool.set_aside(a_delivery())
    spool.close()

    for path in (directory, *directory.rglob("*")):
        if path.name != "lock":  # says who has it, and nothing else
            expected = 0o700 if path.is_dir() else 0o600
            assert stat.S_IMODE(path.stat().st_mode) == expected, path


def test_a_place_that_cannot_be_used_ends_the_start(tmp_path: Path) -> None:
    """A file where the directory should be is named in one sentence."""
    (tmp_path / "spool").mkdir()
    (tmp_path / "spool" / "quarantine").touch()

    with pytest.raises(StoreError, match="cannot be used: File exists"):
        open_spool(tmp_path / "spool")


def test_a_newer_spool_ends_the_start(directory: Path) -> None:
    """It is not skipped, since the calls in it would be missing."""
    filled(directory)
    (path,) = segments(directory)
    head = struct.pack(">16sH", b"SPANLEDGER-SPOOL", 9)
    path.write_bytes(head + struct.pack(">I", zlib.crc32(head)) + path.read_bytes()[22:])

    with pytest.raises(StoreError, match="newer version"):
        open_spool(directory)
    assert path.exists()


def test_at_the_cap_it_refuses(directory: Path) -> None:
    """R5: never acknowledged and dropped; what is in quarantine counts; stored, there is room."""
    spool = open_spool(directory, bytes_max=1000)
    spool.set_aside(a_delivery(b"odd"))
    spool.append([a_delivery(bytes(400))])
    with pytest.raises(SpoolRefused, match="full") as refused:
        spool.append([a_delivery(bytes(400))])
    assert refused.value.reason is Refusal.FULL

    assert read_all(spool) == [bytes(400)]
    spool.acknowledge()
    spool.retire(idle=True)
    spool.append([a_delivery(bytes(400))])
    spool.close()


def test_room_is_left_on_the_disk(directory: Path) -> None:
    """The engine needs some to merge; deliveries wait with their senders."""
    free = shutil.disk_usage(directory.parent).free
    spool = Spool(directory, bytes_max=MIB, free_bytes_min=free * 2)

    with pytest.raises(SpoolRefused, match="free on the disk") as refused:
        spool.append([a_delivery()])
    assert refused.value.reason is Refusal.DISK_FULL
    spool.close()


def test_a_failed_write_is_not_acknowledged_and_heals(directory: Path) -> None:
    """R6: nothing is half taken, and no restart is needed."""
    spool = open_spool(directory)
    spool.append([a_delivery(b"before")])
    with files_end_at(2000), pytest.raises(SpoolRefused, match="File too large") as refused:
        spool.append([a_delivery(bytes(5000))])
    spool.append([a_delivery(b"after")])
    assert refused.value.reason is Refusal.DISK_FAILED
    spool.close()

    assert left_in(directory) == [b"before", b"after"]


def test_a_vanished_directory_refuses(directory: Path) -> None:
    """Whatever the disk does, senders are told to come back."""
    spool = open_spool(directory)
    shutil.rmtree(directory)

    with pytest.raises(SpoolRefused, match="cannot be used"):
        spool.append([a_delivery()])
    spool.close()


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 1 MiB."""
    with small_disk(tmp_path / "disk", "1m") as disk:
        yield disk


def test_a_full_disk_heals_by_itself(disk: Path) -> None:
    """R6: no acknowledgement without storing, no damage, and on it goes when there is room."""
    spool = open_spool(disk / "spool")
    taken = 0
    while shutil.disk_usage(disk).free > 12_000:
        spool.append([a_delivery(bytes(10_000))])
        taken += 1
    for _ in range(3):
        with pytest.raises(SpoolRefused) as refused:
            spool.append([a_delivery(bytes(12_000))])
        assert refused.value.reason in {Refusal.DISK_FAILED, Refusal.DISK_FULL}
    assert taken > 50
    assert len(read_all(spool)) == taken
    spool.acknowledge()
    spool.retire(idle=True)
    spool.append([a_delivery(b"after")])
    spool.close()

    assert left_in(disk / "spool") == [b"after"]


def test_a_cut_at_every_byte_of_the_last_record(directory: Path) -> None:
    """R7: it starts, reads the others, and counts the torn one."""
    filled(directory)
    (path,) = segments(directory)
    data = path.read_bytes()
    begin = data.rindex(bytes.fromhex(path.stem[13:]))
    for end in range(begin + 1, len(data)):
        path.write_bytes(data[:end])
        spool = open_spool(directory)
        assert read_all(spool) == BODIES[:-1]
        assert spool.counts == {"torn": 1}
        spool.close()
    assert list((directory / "quarantine").iterdir()) == []


@given(st.data())
def test_a_flipped_byte_costs_one_record_at_most(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    """R7: anywhere in the file; the rest is read, the damage is counted and kept."""
    directory = tmp_path_factory.mktemp("flip") / "spool"
    filled(directory)
    (path,) = segments(directory)
    content = bytearray(path.read_bytes())
    content[data.draw(st.integers(0, len(content) - 1))] ^= data.draw(st.integers(1, 255))
    path.write_bytes(content)

    spool = open_spool(directory)
    found = read_all(spool)
    damaged = spool.counts["damaged"]
    spool.acknowledge()
    spool.close()

    assert len(found) == len(BODIES) - damaged
    assert set(found) <= set(BODIES)
    assert damaged <= 1
    assert len(list((directory / "quarantine").iterdir())) == damaged
    shutil.rmtree(directory.parent)


def test_what_was_set_aside_comes_again_at_the_next_start(directory: Path) -> None:
    """What the store would not take is not lost, and is tried again."""
    spool = open_spool(directory)
    spool.set_aside(a_delivery(b"odd"))
    assert spool.counts == {"set_aside": 1}
    assert read_all(spool) == []
    spool.append([a_delivery(b"sound")])
    spool.close()

    assert left_in(directory) == [b"sound", b"odd"]


def test_a_file_that_the_disk_does_not_give_is_put_away(directory: Path) -> None:
    """What comes after it is read."""
    spool = open_spool(directory)
    spool.append([a_delivery(b"bad")])
    spool.give_up_segment()
    spool.append([a_delivery(b"good")])

    assert read_all(spool) == [b"good"]
    assert spool.counts == {"damaged": 1}
    assert len(list((directory / "quarantine").glob("unreadable-*"))) == 1
    spool.acknowledge()
    spool.give_up_segment()
    assert spool.counts == {"damaged": 1}
    spool.close()


def test_it_says_how_much_waits_and_since_when(directory: Path) -> None:
    """For metrics: bytes, and the time of the oldest file."""
    spool = open_spool(directory)
    assert (spool.size, spool.oldest_s) == (0, 0.0)
    spool.append([a_delivery()])

    assert spool.size == segments(directory)[0].stat().st_size
    assert spool.oldest_s == segments(directory)[0].stat().st_mtime
    assert spool.wait(0)
    spool.close()


def test_an_empty_file_is_cleared_away(directory: Path) -> None:
    """A process that was killed while it made a file leaves nothing that hinders."""
    filled(directory, [])
    (directory / f"{1:012d}-{'ab' * 16}.spool").touch()
    assert is_settled(directory)
    spool = open_spool(directory)
    spool.append([a_delivery()])

    assert read_all(spool) == [b"body"]
    spool.acknowledge()
    assert len(segments(directory)) == 1
    spool.close()


def test_there_may_be_more_files_than_may_be_open(directory: Path) -> None:
    """Many starts during an outage of the store leave as many files."""
    spool = open_spool(directory, segment_bytes=1)
    for number in range(200):
        spool.append([a_delivery(b"%d" % number)])
    spool.close()
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    open_now = len(list(Path("/proc/self/fd").iterdir()))
    resource.setrlimit(resource.RLIMIT_NOFILE, (open_now + 50, hard))
    try:
        spool = open_spool(directory)
        for number in range(200):
            assert spool.next() == a_delivery(b"%d" % number)
            spool.acknowledge()
        spool.close()
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_facts_are_readable_json(directory: Path) -> None:
    """A person who looks into a file sees the project and the time."""
    filled(directory)

    assert json.dumps(NOW.isoformat()).encode() in segments(directory)[0].read_bytes()
