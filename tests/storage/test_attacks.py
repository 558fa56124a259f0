"""What somebody may try who wants the history to move."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal

import pytest

from spanledger.errors import HistoryRefused
from spanledger.pricing.cost import Cost
from spanledger.storage.periods import set_period
from spanledger.storage.protocol import Store
from spanledger.storage.redelivery import write_calls
from spanledger.storage.repricing import RepricingOrder, reprice
from spanledger.storage.row import CostRow
from spanledger.storage.undoing import undo
from spanledger.usage import Usage
from tests.storage.priced import (
    BOOK,
    NOON,
    a_call,
    clock,
    fresh,
    october,
    rows_of,
    same_but_time,
    stale,
)

ODD = [
    "it's",
    'a"b',
    "100%",
    "%s %(x)s {y:String}",
    "nul\0l",
    "back\\slash",
    "\n\t",
    "模型😀",
    "`x`",
    "'",
]


def amounts(store: Store, project: str) -> list[Decimal | None]:
    """What the calls of a project cost, latest first."""
    return [
        row.cost.amount if isinstance(row.cost, Cost) else None for row in rows_of(store, project)
    ]


@pytest.mark.parametrize("name", ODD)
def test_any_name_can_be_priced_anew_and_undone(store: Store, project: str, name: str) -> None:
    """Names come from outside; the text of a statement is none of their business."""
    odd = stale(a_call(project, request_model="gpt-4o", response_model=name))
    other = stale(a_call(project, start_time=NOON - timedelta(seconds=1)))
    store.write([odd, other])
    done = reprice(store, BOOK, october(project, models=(name,)), clock=clock, dry_run=False)
    assert done.changed_calls == 1
    assert amounts(store, project) == [Decimal("2.5"), Decimal(7)]
    undo(store, done, clock=clock)
    assert same_but_time(rows_of(store, project), [odd, other])


@pytest.mark.parametrize(
    ("start", "end", "refused"),
    [
        (datetime(2026, 11, 1, tzinfo=UTC), datetime(2026, 12, 1, tzinfo=UTC), False),
        (
            datetime(2026, 11, 1, tzinfo=timezone(timedelta(hours=2))),
            datetime(2026, 12, 1, tzinfo=UTC),
            True,
        ),
        (
            datetime(2026, 10, 31, 22, tzinfo=timezone(timedelta(hours=-2))),
            datetime(2026, 12, 1, tzinfo=UTC),
            False,
        ),
        (datetime(2026, 9, 1, tzinfo=UTC), datetime(2026, 10, 1, tzinfo=UTC), False),
        (datetime(2026, 9, 1, tzinfo=UTC), datetime(2026, 10, 1, 0, 0, 0, 1, tzinfo=UTC), True),
        (
            datetime(2026, 9, 1, tzinfo=UTC),
            datetime(2026, 10, 1, tzinfo=timezone(timedelta(hours=-1))),
            True,
        ),
        (
            datetime(2026, 9, 1, tzinfo=UTC),
            datetime(2026, 10, 1, 1, tzinfo=timezone(timedelta(hours=1))),
            False,
        ),
    ],
)
def test_the_edge_of_a_closed_month_is_in_utc(
    store: Store, project: str, start: datetime, end: datetime, *, refused: bool
) -> None:
    """A range in another zone touches the month that it touches in UTC."""
    set_period(store, project, "2026-10", closed=True, by="ann", clock=clock)
    edges = [
        datetime(2026, 10, 1, tzinfo=UTC),
        datetime(2026, 10, 31, 23, 59, 59, 999999, tzinfo=UTC),
    ]
    rows = [stale(a_call(project, start_time=edge)) for edge in edges]
    store.write(rows)
    order = RepricingOrder(project=project, start=start, end=end, by="mallory")
    if refused:
        with pytest.raises(HistoryRefused):
            reprice(store, BOOK, order, clock=clock, dry_run=False)
    else:
        reprice(store, BOOK, order, clock=clock, dry_run=False)
    assert same_but_time(rows_of(store, project), rows[::-1])


def test_calls_that_come_during_and_after_a_repricing_are_not_undone(
    store: Store, project: str
) -> None:
    """Undo gives back what the repricing took, and leaves alone what came later."""
    first = stale(a_call(project))
    store.write([first])
    done = reprice(store, BOOK, october(project), clock=clock, dry_run=False)
    late = fresh(a_call(project, start_time=NOON - timedelta(hours=1)))
    changed = fresh(replace(first.call, usage=Usage(input_tokens=2_000_000)))
    write_calls(store, [late], clock())
    undo(store, done, clock=clock)
    assert amounts(store, project) == [Decimal(7), Decimal("2.5")]
    # The same call again keeps what it has; with another usage it is new evidence.
    write_calls(store, [fresh(first.call)], clock())
    assert amounts(store, project) == [Decimal(7), Decimal("2.5")]
    write_calls(store, [changed], clock())
    assert amounts(store, project) == [Decimal(5), Decimal("2.5")]


def test_a_delivery_again_after_a_repricing_keeps_the_new_cost(store: Store, project: str) -> None:
    """An old delivery, priced by an old book, takes nothing back."""
    first = stale(a_call(project))
    store.write([first])
    reprice(store, BOOK, october(project), clock=clock, dry_run=False)
    write_calls(store, [CostRow(first.call, first.cost, NOON)], clock())
    assert amounts(store, project) == [Decimal("2.5")]


def test_what_was_stated_stays_through_everything(store: Store, project: str) -> None:
    """S4.5: `reported` is what was charged."""
    call = a_call(project, reported_amount=Decimal("0.3"), reported_currency="usd")
    cost = Cost("reported", Decimal("0.3"), (), "old/1", Decimal(7))
    store.write([CostRow(call, cost, NOON)])
    done = reprice(store, BOOK, october(project), clock=clock, dry_run=False)
    (row,) = rows_of(store, project)
    assert isinstance(row.cost, Cost)
    assert (row.cost.amount, row.cost.status) == (Decimal("0.3"), "reported")
    assert row.cost.computed_amount == Decimal("2.5")
    assert done.differences[0].amount_after == Decimal("0.3")
    undo(store, done, clock=clock)
    assert rows_of(store, project)[0].cost == cost
