"""Records wait in files, in memory where there can be none, and never beyond their bounds."""

import threading
from collections import Counter
from pathlib import Path

import pytest

from spanledger.instrumentation.losses import losses
from spanledger.instrumentation.spool import MEMORY_RECORDS_MAX, Batch, Spool
from tests.instrumentation.spans import resource

SHOP = resource("shop")
ROOM = 64 * 1024 * 1024


def drained(spool: Spool, limit: int = 100) -> list[bytes]:
    """All that waits, acknowledged batch by batch."""
    found: list[bytes] = []
    while (batch := spool.next_batch(limit)) is not None:
        assert len(batch.payloads) + batch.damaged <= limit
        found += batch.payloads
        spool.acknowledge(batch)
    return found


def first(spool: Spool) -> Batch:
    """The next batch, which must be there."""
    batch = spool.next_batch(100)
    assert batch is not None
    return batch


@pytest.fixture(params=["disk", "memory"])
def spool(request: pytest.FixtureRequest, tmp_path: Path) -> Spool:
    """A spool with room, in files and in memory."""
    return Spool(tmp_path if request.param == "disk" else None, ROOM)


def test_what_is_appended_comes_out_once_and_in_order(spool: Spool) -> None:
    """Batches are as small as asked for, and between them more may come."""
    for number in range(5):
        spool.append(SHOP, b"[%d]" % number)
    batch = spool.next_batch(2)
    assert batch is not None
    spool.append(SHOP, b"[5]")
    spool.acknowledge(batch)

    assert batch.resource == {"service.name": "shop"}
    assert [*batch.payloads, *drained(spool)] == [b"[%d]" % number for number in range(6)]
    assert spool.next_batch(1) is None
    spool.close()


def test_a_batch_that_was_not_acknowledged_comes_again(spool: Spool) -> None:
    """Nothing is forgotten before the collector has it."""
    spool.append(SHOP, b"[1]")

    assert first(spool).payloads == first(spool).payloads == (b"[1]",)
    assert drained(spool) == [b"[1]"]
    spool.close()


def test_a_batch_is_of_one_service(spool: Spool) -> None:
    """A process with two providers keeps their names apart."""
    office = resource("office")
    for origin in (SHOP, office, SHOP):
        spool.append(origin, b"[1]")
    names: list[object] = []
    while (batch := spool.next_batch(100)) is not None:
        names += [batch.resource["service.name"]] * len(batch.payloads)
        spool.acknowledge(batch)

    assert names == ["shop", "office", "shop"]
    spool.close()


def test_the_next_process_takes_what_was_left(tmp_path: Path) -> None:
    """Closed or killed, the files are the same; those of living processes stay alone."""
    left, living, after = (Spool(tmp_path, ROOM) for _ in range(3))
    left.append(SHOP, b"[1]")
    living.append(SHOP, b"[2]")
    left.close()
    after.adopt()

    assert drained(after) == [b"[1]"]
    assert drained(living) == [b"[2]"]
    living.close()
    after.close()
    assert not tmp_path.exists()


def test_delivered_files_are_deleted(tmp_path: Path) -> None:
    """An outage leaves nothing behind once it is over."""
    spool = Spool(tmp_path, 64 * 100)
    for number in range(20):
        spool.append(SHOP, b"[%d]" % number)
    files = len(list(tmp_path.iterdir()))

    assert len(drained(spool)) == 20
    assert files > 2
    assert len(list(tmp_path.iterdir())) <= 1
    spool.close()


def test_a_full_spool_drops_the_newest_and_counts_them(tmp_path: Path) -> None:
    """Its bound holds, and what lies in it is still delivered."""
    before = losses().get("the spool is full", 0)
    bound = 64 * 200
    spool = Spool(tmp_path, bound)
    for number in range(1000):
        spool.append(SHOP, b"[%d]" % number)
    size = sum(path.stat().st_size for path in tmp_path.iterdir())
    found = drained(spool)

    assert bound / 2 < size <= bound * 1.5
    assert found == [b"[%d]" % number for number in range(len(found))]
    assert len(found) + losses()["the spool is full"] - before == 1000
    spool.append(SHOP, b"[1000]")
    assert drained(spool) == [b"[1000]"]
    spool.close()


def test_where_no_directory_can_be_made_memory_serves(tmp_path: Path) -> None:
    """S4.4: a read-only container records as well; up to a bound, beyond which it counts."""
    before = losses().get("no directory can be written, and memory is full", 0)
    (tmp_path / "file").write_text("in the way")
    spool = Spool(tmp_path / "file" / "spool", ROOM)
    for number in range(MEMORY_RECORDS_MAX + 3):
        spool.append(SHOP, b"[%d]" % number)

    assert spool.in_memory == MEMORY_RECORDS_MAX
    assert losses()["no directory can be written, and memory is full"] - before == 3
    assert len(drained(spool, 512)) == MEMORY_RECORDS_MAX
    spool.close()


def test_what_dies_with_the_process_is_counted() -> None:
    """Memory cannot be left to the next process."""
    kind = "not delivered before the end of the process"
    before = losses().get(kind, 0)
    spool = Spool(None, ROOM)
    spool.append(SHOP, b"[1]")
    spool.close()

    assert losses()[kind] - before == 1


def test_damage_is_skipped_and_counted(tmp_path: Path) -> None:
    """A flipped byte costs its own record."""
    before = losses().get("damaged in the spool", 0)
    left = Spool(tmp_path, ROOM)
    for number in range(3):
        left.append(SHOP, b"[%d]" % number)
    left.close()
    (path,) = tmp_path.iterdir()
    path.write_bytes(path.read_bytes().replace(b"[1]", b"[x]"))
    spool = Spool(tmp_path, ROOM)
    spool.adopt()

    assert drained(spool) == [b"[0]", b"[2]"]
    assert losses()["damaged in the spool"] - before == 1
    spool.close()


def test_threads_append_while_one_takes_out(spool: Spool) -> None:
    """Each record comes out once, whoever wrote it."""
    found: Counter[bytes] = Counter()
    appended = threading.Event()

    def append(name: int) -> None:
        for number in range(500):
            spool.append(SHOP, b"[%d,%d]" % (name, number))

    def take() -> None:
        while not appended.is_set():
            found.update(drained(spool))
        found.update(drained(spool))

    threads = [threading.Thread(target=append, args=(name,)) for name in range(4)]
    taker = threading.Thread(target=take)
    for thread in (taker, *threads):
        thread.start()
    for thread in threads:
        thread.join()
    appended.set()
    taker.join()

    assert found == Counter(b"[%d,%d]" % (n, i) for n in range(4) for i in range(500))
    spool.close()
