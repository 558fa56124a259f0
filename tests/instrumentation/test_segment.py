"""A file of the spool belongs to one process, and to the next one when that is gone."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from spanledger.instrumentation.frames import frame
from spanledger.instrumentation.segment import Segment

HEADER = b'{"service.name":"shop"}'
SERVICE = {"service.name": "shop"}


def contents(segment: Segment) -> tuple[bytes, ...]:
    """What is still to be delivered."""
    return segment.read(1000).payloads


def test_what_was_written_is_read_by_the_next_process(tmp_path: Path) -> None:
    """With the name of the service that wrote it, which the next one may not share."""
    segment = Segment.create(tmp_path, HEADER)
    segment.append(frame(b"[1]") + frame(b"[2]"))
    segment.close()
    adopted = Segment.adopt(segment.path)

    assert adopted is not None
    assert (adopted.resource, contents(adopted)) == (SERVICE, (b"[1]", b"[2]"))
    adopted.remove()
    assert list(tmp_path.iterdir()) == []


def test_nobody_takes_the_file_of_a_living_process(tmp_path: Path) -> None:
    """The lock says who lives; it needs no process number that may come again."""
    segment = Segment.create(tmp_path, HEADER)

    assert Segment.adopt(segment.path) is None
    segment.remove()


def test_others_on_the_machine_cannot_read_it(tmp_path: Path) -> None:
    """User names and costs are nobody else's business."""
    segment = Segment.create(tmp_path / "spool", HEADER)

    assert (tmp_path / "spool").stat().st_mode & 0o777 == 0o700
    assert segment.path.stat().st_mode & 0o777 == 0o600
    segment.remove()


def test_after_a_rewind_only_the_header_is_left(tmp_path: Path) -> None:
    """A process that runs for years needs one small file."""
    segment = Segment.create(tmp_path, HEADER)
    empty = segment.path.stat().st_size
    segment.append(frame(b"[1]"))
    segment.rewind()
    assert segment.path.stat().st_size == empty

    segment.append(frame(b"[2]"))
    assert contents(segment) == (b"[2]",)
    segment.remove()


def test_any_damage_to_one_byte_costs_one_record_at_most(tmp_path: Path) -> None:
    """The header stands twice, so the name of the service is never lost to one byte."""
    segment = Segment.create(tmp_path, HEADER)
    payloads = [b"[%d]" % number for number in range(3)]
    segment.append(b"".join(frame(payload) for payload in payloads))
    segment.close()
    sound = segment.path.read_bytes()
    for position in range(len(sound)):
        for wrong in (sound[position] ^ 0xFF, ord("\n")):
            segment.path.write_bytes(sound[:position] + bytes([wrong]) + sound[position + 1 :])
            adopted = Segment.adopt(segment.path)
            assert adopted is not None
            found = contents(adopted)
            adopted.close()

            assert adopted.resource == SERVICE, position
            assert len(found) >= len(payloads) - 1, position
            assert set(found) <= set(payloads), position


FULL = """
import resource, sys
from pathlib import Path
from spanledger.instrumentation.frames import frame
from spanledger.instrumentation.segment import Segment
segment = Segment.create(Path(sys.argv[1]), b"{}")
segment.append(frame(b"[1]"))
resource.setrlimit(resource.RLIMIT_FSIZE, (segment.size + 10, resource.RLIM_INFINITY))
try:
    segment.append(frame(b"[2]"))
except OSError:
    print("full")
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
segment.append(frame(b"[3]"))
print(segment.read(10).payloads, segment.read(10).damaged)
"""


def test_a_full_disk_leaves_no_half_frame(tmp_path: Path) -> None:
    """What did not fit is taken back, and the next record follows the last whole one."""
    command = [sys.executable, "-c", FULL, str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=30)

    assert done.stdout.splitlines() == ["full", "(b'[1]', b'[3]') 0"]


@pytest.mark.skipif(os.getuid() == 0, reason="root may write everywhere")
def test_a_directory_that_may_not_be_written_says_so(tmp_path: Path) -> None:
    """The spool then keeps to memory."""
    tmp_path.chmod(0o500)
    with pytest.raises(OSError, match="Permission"):
        Segment.create(tmp_path, HEADER)
