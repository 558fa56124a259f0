from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from spanledger.pricing.cost import Cost
from spanledger.storage.clickhouse import open_embedded
from spanledger.storage.memory import MemoryStore
from spanledger.storage.protocol import Store
from spanledger.storage.query import Selection
from spanledger.storage.rebuild import rebuild
from spanledger.storage.row import CostRow
from spanledger.usage import Usage
from tests.storage.priced import BOOK, NOON, a_call, fresh, stale, unknown

MODELS = (
    ("openai", "gpt-4o"),
    ("openai", "gpt-4o-mini"),
    ("openai", "o3-mini"),
    ("anthropic", "claude-sonnet-4-5"),
    ("gcp.gemini", "gemini-2.5-pro"),
    ("acme", "unknown-1"),
)


def traffic(project: str, calls: int) -> list[CostRow]:
    """Many calls of several models, over two months, each with another usage."""
    return [
        fresh(
            a_call(
                project,
                provider=MODELS[n % 6][0],
                request_model=MODELS[n % 6][1],
                start_time=NOON - timedelta(seconds=50 * n),
                usage=Usage(
                    input_tokens=n * 7 % 300_000,
                    cache_read_tokens=n * 7 % 300_000 // 3,
                    output_tokens=n % 5_000,
                    reasoning_tokens=n % 5_000 // 2,
                ),
                batch=n % 11 == 0,
            )
        )
        for n in range(calls)
    ]


def test_every_amount_is_computed_again(store: Store, project: str) -> None:
    """S3.3: from the usage and the book in the store alone, each cost comes out the same."""
    store.keep_book(BOOK.version, BOOK.dump(), NOON)
    store.write(traffic(project, 3_000))

    result = rebuild(store, Selection(project=project))

    assert (result.calls, result.different_calls, result.without_book_calls) == (3_000, 0, 0)
    assert result.equal_calls + result.without_amount_calls == 3_000
    assert result.without_amount_calls >= 500


def test_what_differs_is_found(store: Store, project: str) -> None:
    """An amount that its usage does not give is counted and named; what has no book is counted."""
    store.keep_book(BOOK.version, BOOK.dump(), NOON)
    forged = fresh(a_call(project))
    assert isinstance(forged.cost, Cost)
    more = Cost(
        status="priced",
        amount=Decimal("2.500000000001"),
        lines=forged.cost.lines,
        book_version=BOOK.version,
    )
    rows = [
        replace(forged, cost=more),
        fresh(a_call(project)),
        stale(a_call(project)),
        unknown(a_call(project)),
    ]
    store.write(rows)
    seen: list[tuple[int, int]] = []

    def progress(done: int, whole: int) -> None:
        seen.append((done, whole))

    result = rebuild(store, Selection(project=project), progress)

    assert (result.calls, result.equal_calls, result.different_calls) == (4, 1, 1)
    assert (result.without_amount_calls, result.without_book_calls) == (1, 1)
    assert result.different == (forged.call.call_id,)
    assert seen == [(4, 4)]


def test_an_empty_store(project: str) -> None:
    """Nothing is nothing."""
    result = rebuild(MemoryStore(), Selection(project=project))

    assert (result.calls, result.equal_calls, result.different) == (0, 0, ())


@pytest.mark.soak
@pytest.mark.timeout(600)
def test_a_store_of_100_000_calls(tmp_path: Path) -> None:
    """Issue 4: every stored amount of a 100k-call store, from raw usage and price version."""
    store = open_embedded(tmp_path / "data")
    store.keep_book(BOOK.version, BOOK.dump(), NOON)
    rows = traffic("p", 100_000)
    for start in range(0, len(rows), 10_000):
        store.write(rows[start : start + 10_000])

    result = rebuild(store, Selection(project="p"))
    store.close()

    assert (result.calls, result.different_calls, result.without_book_calls) == (100_000, 0, 0)
    assert result.equal_calls == 100_000 - result.without_amount_calls
