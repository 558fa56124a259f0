"""Calls handed in are stored, in groups, and their senders learn when."""

import threading
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from spanledger.call import Call
from spanledger.collector.pipeline import GROUP_ROWS_MAX, WAITING_MAX, Pipeline, PipelineFull
from spanledger.errors import StoreError
from spanledger.pricing.book import PriceBook
from spanledger.pricing.cost import Cost
from spanledger.storage.memory import MemoryStore
from spanledger.storage.query import CostQuery, Selection
from spanledger.storage.row import CostRow
from spanledger.usage import Usage

BOOK = PriceBook()
NOW = datetime(2026, 11, 1, 12, tzinfo=UTC)


def build_call(number: int) -> Call:
    """One of many calls, each $2.50."""
    return Call(
        trace_id="1" * 32,
        span_id=f"{number + 1:016x}",
        start_time=NOW,
        duration_us=1,
        provider="openai",
        operation="chat",
        request_model="gpt-4o",
        usage=Usage(input_tokens=1_000_000),
    )


class GatedStore(MemoryStore):
    """A store that writes when the test lets it, and counts the writes."""

    def __init__(self) -> None:
        super().__init__()
        self.entered = threading.Semaphore(0)
        self.gate = threading.Event()
        self.writes = 0
        self.fails = False

    def write(self, rows: Sequence[CostRow]) -> None:
        """Wait at the gate, then write or fail."""
        self.writes += 1
        self.entered.release()
        self.gate.wait()
        if self.fails:
            msg = "no space left"
            raise StoreError(msg)
        super().write(rows)


def build_pipeline(store: MemoryStore) -> Pipeline:
    """A pipeline whose clock stands at NOW."""
    return Pipeline(store, lambda: BOOK, lambda: NOW)


def test_rows_are_priced_and_stamped() -> None:
    """S4.6: the row has its cost and when it was recorded."""
    store = MemoryStore()

    with build_pipeline(store) as pipeline:
        pipeline.submit([build_call(1)]).result()

    (row,) = store.calls(Selection(project="default"), limit=10)
    assert isinstance(row.cost, Cost)
    assert (row.cost.amount, row.recorded_at) == (Decimal("2.5"), NOW)


def test_batches_that_wait_are_written_together() -> None:
    """The fixed cost of an insert is shared: what came while one was written goes in the next."""
    store = GatedStore()
    with build_pipeline(store) as pipeline:
        first = pipeline.submit([build_call(0)])
        store.entered.acquire()
        rest = [pipeline.submit([build_call(n)]) for n in range(1, 20)]
        store.gate.set()
        for future in [first, *rest]:
            future.result()

    assert store.writes == 2
    assert store.costs(CostQuery(where=Selection(project="default"))).results[0].calls == 20


def test_a_failed_write_reaches_every_sender_in_it() -> None:
    """Promise 2: nobody is told that something was stored which was not; the next write works."""
    store = GatedStore()
    store.fails = True
    store.gate.set()
    with build_pipeline(store) as pipeline:
        with pytest.raises(StoreError, match="no space left"):
            pipeline.submit([build_call(1)]).result()
        store.fails = False
        pipeline.submit([build_call(1)]).result()

    assert len(store.calls(Selection(project="default"), limit=10)) == 1


def test_beyond_the_bound_nothing_is_taken() -> None:
    """R5: when too much waits, senders are told; what was taken before is stored."""
    store = GatedStore()
    with build_pipeline(store) as pipeline:
        taken = [pipeline.submit([build_call(0)])]
        store.entered.acquire()
        taken += [pipeline.submit([build_call(n)]) for n in range(1, WAITING_MAX + 1)]

        with pytest.raises(PipelineFull, match="send again later"):
            pipeline.submit([build_call(9999)])

        store.gate.set()
        for future in taken:
            future.result()

    assert len(store.calls(Selection(project="default"), limit=1000)) == WAITING_MAX + 1


def test_closing_writes_what_waits() -> None:
    """R2: a stop loses nothing that was handed in."""
    store = GatedStore()
    pipeline = build_pipeline(store)
    futures = [pipeline.submit([build_call(n)]) for n in range(5)]
    store.gate.set()

    pipeline.close()

    assert all(future.done() for future in futures)
    assert len(store.calls(Selection(project="default"), limit=10)) == 5


class OrderedStore(MemoryStore):
    """A store that notes in which order books and rows are kept."""

    def __init__(self) -> None:
        super().__init__()
        self.kept: list[str] = []
        self.fails = False

    def keep_book(self, version: str, content: bytes, at: datetime) -> datetime:
        """Note the book, or fail."""
        if self.fails:
            msg = "no space left"
            raise StoreError(msg)
        self.kept.append(version)
        return super().keep_book(version, content, at)

    def write(self, rows: Sequence[CostRow]) -> None:
        """Note the books that the rows were priced by."""
        self.kept += [row.cost.book_version for row in rows if isinstance(row.cost, Cost)]
        super().write(rows)


def test_a_book_is_kept_before_its_first_row() -> None:
    """S3.3: whatever a row names can be found, also when prices change in the middle."""
    store, books = OrderedStore(), [BOOK]
    other = PriceBook(layers={})
    with Pipeline(store, lambda: books[0], lambda: NOW) as pipeline:
        pipeline.submit([build_call(1)]).result()
        books[0] = other
        pipeline.submit([build_call(2)]).result()
        pipeline.submit([build_call(3)]).result()

    first, second = BOOK.version, other.version
    assert first != second
    assert store.kept == [first, first, second, second, second]
    assert store.book(second) == other.dump()


def test_without_its_book_no_row_is_written() -> None:
    """A book that cannot be kept fails the batch, and the next one is tried again."""
    store = OrderedStore()
    with Pipeline(store, lambda: BOOK, lambda: NOW) as pipeline:
        store.fails = True
        with pytest.raises(StoreError, match="no space left"):
            pipeline.submit([build_call(1)]).result()
        assert store.calls(Selection(project="default"), limit=1) == []
        store.fails = False
        pipeline.submit([build_call(1)]).result()

    assert store.kept == [BOOK.version, BOOK.version]


def test_a_span_again_moves_no_amount() -> None:
    """S0.3: delivered again after prices changed, a call costs what it did; a new one does not."""
    store, books, times = MemoryStore(), [BOOK], [NOW]
    with Pipeline(store, lambda: books[0], lambda: times[0]) as pipeline:
        pipeline.submit([build_call(1)]).result()
        before = store.calls(Selection(project="default"), limit=10)
        books[0] = PriceBook(layers={})
        times[0] = NOW + timedelta(days=3)
        pipeline.submit([build_call(1), build_call(2)]).result()

    rows = {row.call.span_id: row for row in store.calls(Selection(project="default"), limit=10)}
    assert rows[build_call(1).span_id] == before[0]
    new = rows[build_call(2).span_id].cost
    assert isinstance(new, Cost)
    assert new.book_version == books[0].version


def test_calls_are_stored_at_once_where_that_is_asked_for() -> None:
    """For whoever has a thread of its own: durable when it returns, in inserts of bounded size."""
    store = GatedStore()
    store.gate.set()
    with build_pipeline(store) as pipeline:
        pipeline.store([build_call(number) for number in range(GROUP_ROWS_MAX + 1)])
        assert store.writes == 2
        assert store.book(BOOK.version) is not None
        store.fails = True
        with pytest.raises(StoreError, match="no space left"):
            pipeline.store([build_call(1)])

    results = store.costs(CostQuery(where=Selection(project="default"))).results
    assert results[0].calls == GROUP_ROWS_MAX + 1


def test_a_sender_that_goes_away_stops_nobody() -> None:
    """A request that is cancelled while its calls wait does not end the writer."""
    store = GatedStore()
    with build_pipeline(store) as pipeline:
        first = pipeline.submit([build_call(0)])
        store.entered.acquire()
        gone, late = pipeline.submit([build_call(1)]), pipeline.submit([build_call(2)])
        assert gone.cancel()
        store.gate.set()
        for future in (first, late):
            future.result(60)

    assert len(store.calls(Selection(project="default"), limit=10)) == 3
