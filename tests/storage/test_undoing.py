from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from spanledger.errors import HistoryRefused
from spanledger.pricing.cost import Cost
from spanledger.storage.history import MICROSECOND
from spanledger.storage.periods import set_period
from spanledger.storage.protocol import Store
from spanledger.storage.repricing import reprice
from spanledger.storage.row import CostRow
from spanledger.storage.undoing import undo
from spanledger.usage import Usage
from tests.storage.priced import (
    BOOK,
    NOON,
    TOMORROW,
    a_call,
    clock,
    fresh,
    october,
    rows_of,
    same_but_time,
    stale,
    unknown,
)


def stored(store: Store, project: str) -> list[CostRow]:
    """Three calls of which two will change."""
    rows = [
        fresh(a_call(project, start_time=NOON + 2 * MICROSECOND)),
        stale(a_call(project, start_time=NOON + MICROSECOND)),
        unknown(a_call(project)),
    ]
    store.write(rows)
    return rows


def test_rows_are_as_they_were(store: Store, project: str) -> None:
    """Status, amount, lines, book and reason are those from before, and the record says so."""
    rows = stored(store, project)
    done = reprice(store, BOOK, october(project), clock=clock, dry_run=False)
    assert not same_but_time(rows_of(store, project), rows)

    undone = undo(store, done, clock=clock, by="bob")

    assert same_but_time(rows_of(store, project), rows)
    assert (undone.state, undone.state_by, undone.made_by) == ("undone", "bob", "ann")
    assert undone.differences == done.differences
    assert undone.state_at > done.state_at
    assert list(store.repricings(project)) == [undone]


def test_undoing_twice(store: Store, project: str) -> None:
    """What is undone is not undone again; it can be done again."""
    stored(store, project)
    done = reprice(store, BOOK, october(project), clock=clock, dry_run=False)
    undo(store, done, clock=clock)

    with pytest.raises(HistoryRefused, match=f"{done.id} is undone already"):
        undo(store, done, clock=clock)
    again = reprice(store, BOOK, october(project), clock=clock, dry_run=False)
    assert (again.changed_calls, again.number) == (2, 2)


def test_a_period_closed_since(store: Store, project: str) -> None:
    """What was closed after a repricing stays as it is, until it is opened again."""
    rows = stored(store, project)
    done = reprice(store, BOOK, october(project), clock=clock, dry_run=False)
    set_period(store, project, "2026-10", closed=True, by="carl", clock=clock)
    repriced = rows_of(store, project)

    with pytest.raises(HistoryRefused, match=r"closed: 2026-10 \(by carl"):
        undo(store, done, clock=clock)
    assert rows_of(store, project) == repriced
    set_period(store, project, "2026-10", closed=False, by="carl", clock=clock)
    undo(store, done, clock=clock)
    assert same_but_time(rows_of(store, project), rows)


def test_calls_repriced_again(store: Store, project: str) -> None:
    """A later repricing of the same calls has to be undone first, and is named."""
    rows = stored(store, project)
    first = reprice(store, BOOK, october(project), clock=clock, dry_run=False)
    moved = [
        replace(row, cost=stale(row.call).cost, recorded_at=TOMORROW + timedelta(hours=1))
        for row in rows_of(store, project)
    ]
    store.write(moved[1:2])
    second = reprice(store, BOOK, october(project), clock=clock, dry_run=False)

    with pytest.raises(HistoryRefused, match=rf"1 calls of .*{first.id} .* by {second.id} at"):
        undo(store, first, clock=clock)
    undo(store, second, clock=clock)
    undo(store, first, clock=clock)

    assert same_but_time(rows_of(store, project), rows)


def test_a_later_repricing_of_others(store: Store, project: str) -> None:
    """One that changed none of the same calls is not in the way, and keeps what it did."""
    rows = stored(store, project)
    first = reprice(store, BOOK, october(project), clock=clock, dry_run=False)
    late = stale(a_call(project, start_time=NOON - MICROSECOND))
    store.write([late])
    reprice(store, BOOK, october(project), clock=clock, dry_run=False)

    undo(store, first, clock=clock)

    assert same_but_time(rows_of(store, project), [*rows, fresh(late.call)])


def test_what_was_delivered_since(store: Store, project: str) -> None:
    """Attribution that came since stays; another usage is new evidence, and its cost stays."""
    renamed, recounted = (stale(a_call(project, user_id=name)) for name in ("ann", "bob"))
    store.write([renamed, recounted])
    done = reprice(store, BOOK, october(project), clock=clock, dry_run=False)
    later_on = TOMORROW + timedelta(hours=1)
    store.write(
        [
            CostRow(replace(renamed.call, user_id="carl"), fresh(renamed.call).cost, later_on),
            fresh(replace(recounted.call, usage=Usage(input_tokens=2_000_000))),
        ]
    )
    recount = replace(
        fresh(replace(recounted.call, usage=Usage(input_tokens=2_000_000))), recorded_at=later_on
    )
    store.write([recount])

    undo(store, done, clock=clock)

    rows = {row.call.user_id: row.cost for row in rows_of(store, project)}
    assert rows == {"carl": renamed.cost, "bob": recount.cost}
    assert isinstance(recount.cost, Cost)
    assert recount.cost.amount == Decimal(5)
