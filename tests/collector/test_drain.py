"""What lies in the spool comes into the store, once, whatever store and disk do meanwhile."""

import logging
import os
import threading
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from spanledger.collector.drain import READ_FAILURES_MAX, Drain, Pace
from spanledger.collector.pipeline import Pipeline
from spanledger.collector.spool import Spool
from spanledger.errors import StoreError
from spanledger.pricing.book import PriceBook
from spanledger.storage.memory import MemoryStore
from spanledger.storage.query import CostQuery, Selection
from spanledger.storage.row import CostRow
from tests.collector.spooled import NOW, a_delivery, of_call, open_spool, segments
from tests.running import wait_until

BOOK = PriceBook()

FAST = Pace(linger_s=0, retry_first_s=0.001, retry_max_s=0.01, idle_s=0.01)

EACH = (1200 * Decimal("2.50") + 350 * Decimal(10)) / 10**6
"""What a call of `of_call` costs, by the list price of gpt-4o."""


class FailingStore(MemoryStore):
    """A store that fails as it is told, and refuses calls that say so."""

    def __init__(self) -> None:
        super().__init__()
        self.fails = False
        self.raises: Exception = StoreError("out of order")
        self.writes = 0
        self.gate = threading.Event()
        self.gate.set()

    def write(self, rows: Sequence[CostRow]) -> None:
        """Write, or fail."""
        self.writes += 1
        self.gate.wait()
        if self.fails or any(row.call.user_id == "poison" for row in rows):
            raise self.raises
        super().write(rows)


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    """Where the spool is."""
    return tmp_path / "spool"


@pytest.fixture
def spool(directory: Path) -> Iterator[Spool]:
    """An empty spool with small files."""
    spool = open_spool(directory, segment_bytes=2000)
    yield spool
    spool.close()


@pytest.fixture
def store() -> FailingStore:
    """A store that is fine until it is told otherwise."""
    return FailingStore()


@pytest.fixture
def pipeline(store: FailingStore) -> Iterator[Pipeline]:
    """Prices calls for the store."""
    with Pipeline(store, lambda: BOOK, lambda: datetime.now(UTC)) as pipeline:
        yield pipeline


def draining(spool: Spool, pipeline: Pipeline, pace: Pace = FAST) -> Drain:
    """A drain that does not wait long."""
    return Drain(spool, pipeline, 100_000, pace)


def stored(store: MemoryStore) -> tuple[int, Decimal | None]:
    """How many calls there are, and what they cost."""
    results = store.costs(CostQuery(where=Selection(project="shop"))).results
    return (results[0].calls, results[0].amount) if results else (0, None)


def test_all_is_stored_in_groups_and_gone(
    spool: Spool, pipeline: Pipeline, store: FailingStore, directory: Path
) -> None:
    """R1: of many files each call once, priced; then nothing is left of them on the disk."""
    for number in range(100):
        spool.append([of_call(number)])
    assert len(segments(directory)) > 5

    with draining(spool, pipeline) as drain:
        assert drain.settle(60)
        assert stored(store) == (100, 100 * EACH)
        assert store.writes == 1
        assert drain.counts == {"stored": 100}
        wait_until(lambda: segments(directory) == [])


def test_what_comes_later_is_stored_too(
    spool: Spool, pipeline: Pipeline, store: FailingStore
) -> None:
    """It waits for more, again and again; a delivery without calls holds nothing up."""
    with draining(spool, pipeline, replace(FAST, linger_s=0.01)) as drain:
        for number in range(10):
            spool.append([of_call(number), a_delivery(b"")])
            assert drain.settle(60)
            assert stored(store)[0] == number + 1


def test_duplicates_count_once(spool: Spool, pipeline: Pipeline, store: FailingStore) -> None:
    """R9: the same bytes three times, in one group and in others."""
    with draining(spool, pipeline) as drain:
        for _ in range(3):
            spool.append([of_call(number) for number in (1, 2, 1)])
            assert drain.settle(60)

    assert stored(store) == (2, 2 * EACH)


def test_an_outage_is_waited_for(
    spool: Spool, pipeline: Pipeline, store: FailingStore, caplog: pytest.LogCaptureFixture
) -> None:
    """R4: however long, nothing is given up, nothing is set aside, and the log stays short."""
    store.fails = True
    with caplog.at_level(logging.WARNING), draining(spool, pipeline) as drain:
        for number in range(50):
            spool.append([of_call(number)])
        wait_until(lambda: store.writes > 300)
        assert not drain.settle(0)
        store.fails = False
        assert drain.settle(60)

    assert stored(store) == (50, 50 * EACH)
    assert spool.counts == {}
    assert drain.counts["failed"] > 200
    assert 1 <= len(caplog.records) < 20
    assert "out of order" in caplog.text


@pytest.mark.parametrize("raised", [StoreError("refused"), KeyError("odd"), OverflowError("odd")])
def test_a_poisoned_delivery_stops_nobody(
    spool: Spool,
    pipeline: Pipeline,
    store: FailingStore,
    directory: Path,
    raised: Exception,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """It is found among the others, set aside and counted; the next start tries it again."""
    store.raises = raised
    for number in range(20):
        poison = {"user.id": "poison"} if number in {3, 11} else {}
        spool.append([of_call(number, **poison)])
    with draining(spool, pipeline) as drain:
        wait_until(lambda: stored(store)[0] == 18)
        assert drain.settle(60)
    spool.close()

    assert spool.counts == {"set_aside": 2}
    assert stored(store) == (18, 18 * EACH)
    assert "project shop cannot be stored" in caplog.text
    again = open_spool(directory)
    assert {again.next(), again.next()} == {
        of_call(3, **{"user.id": "poison"}),
        of_call(11, **{"user.id": "poison"}),
    }
    assert again.next() is None
    again.close()


def test_alone_it_waits_for_another(spool: Spool, pipeline: Pipeline, store: FailingStore) -> None:
    """A single delivery that fails may be an outage: only another one tells the difference."""
    spool.append([of_call(1, **{"user.id": "poison"})])
    with draining(spool, pipeline) as drain:
        wait_until(lambda: store.writes > 20)
        assert spool.counts == {}
        spool.append([of_call(2)])
        assert drain.settle(60)

    assert spool.counts == {"set_aside": 1}
    assert stored(store) == (1, EACH)


def test_what_cannot_be_decoded_stops_nobody(
    spool: Spool, pipeline: Pipeline, store: FailingStore
) -> None:
    """The receiver lets no such thing in, but a later program may know less or more."""
    spool.append([a_delivery(b"nonsense"), of_call(1), a_delivery(b"\x1f\x8b", encoding="gzip")])
    with draining(spool, pipeline) as drain:
        assert drain.settle(60)

    assert spool.counts == {"set_aside": 2}
    assert stored(store) == (1, EACH)


def test_damage_costs_its_record(
    directory: Path, spool: Spool, pipeline: Pipeline, store: FailingStore
) -> None:
    """R7: the others are stored, before it and after it."""
    for number in range(3):
        spool.append([of_call(number)])
    (path,) = segments(directory)
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    with draining(spool, pipeline) as drain:
        assert drain.settle(60)

    assert stored(store) == (2, 2 * EACH)
    assert spool.counts == {"damaged": 1}


def test_a_disk_that_does_not_give_a_file_stops_nobody(
    directory: Path, spool: Spool, pipeline: Pipeline, store: FailingStore
) -> None:
    """The file is tried several times, then put away; what follows is stored."""
    for number in range(20):
        spool.append([of_call(number)])
    first = spool._segments[0]
    in_it = first.path.read_bytes().count(b"gpt-4o-2024")
    # Reading it fails, whatever is tried.
    fd, first._fd = first._fd, os.open(first.path, os.O_WRONLY)
    os.close(fd)
    with draining(spool, pipeline) as drain:
        wait_until(lambda: stored(store)[0] == 20 - in_it)
        assert drain.settle(60)

    assert spool.counts == {"damaged": 1}
    assert READ_FAILURES_MAX > 2
    assert len(list((directory / "quarantine").iterdir())) == 1


def test_a_stop_leaves_the_rest(
    directory: Path, spool: Spool, pipeline: Pipeline, store: FailingStore
) -> None:
    """R2: a stop does not wait for a store that fails; the next start stores what is left."""
    store.fails = True
    spool.append([of_call(number) for number in range(5)])
    drain = draining(spool, pipeline, Pace())
    wait_until(lambda: store.writes > 0)
    assert drain.close()
    spool.close()

    store.fails = False
    again = open_spool(directory)
    with draining(again, pipeline) as drain:
        assert drain.settle(60)
    again.close()
    assert stored(store) == (5, 5 * EACH)
    assert NOW  # the deliveries' own time plays no part


def test_a_stop_first_stores_what_it_can(
    spool: Spool, pipeline: Pipeline, store: FailingStore
) -> None:
    """R2: with a store that works nothing is left."""
    drain = draining(spool, pipeline, Pace())
    spool.append([of_call(number) for number in range(5)])
    assert drain.close()

    assert stored(store) == (5, 5 * EACH)


def test_a_stop_does_not_wait_for_a_store_that_hangs(
    spool: Spool, pipeline: Pipeline, store: FailingStore
) -> None:
    """R2: it says that the thread is still there."""
    store.gate.clear()
    drain = draining(spool, pipeline)
    spool.append([of_call(1)])
    wait_until(lambda: store.writes > 0)
    assert not drain.close(0)
    store.gate.set()
    drain._thread.join()
    assert stored(store)[0] == 1
