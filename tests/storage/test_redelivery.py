from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

from spanledger.call import Call
from spanledger.pricing.cost import Unpriced
from spanledger.storage.history import MICROSECOND
from spanledger.storage.protocol import Store
from spanledger.storage.redelivery import CLOCKS_APART, write_calls
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
)

NOW = TOMORROW + timedelta(days=3)


def again(call: Call, **said: Any) -> CostRow:
    """The row of a call that is delivered again, as the present book prices it."""
    return replace(fresh(replace(call, **said)), recorded_at=NOW)


def test_a_delivery_again_moves_nothing(store: Store, project: str) -> None:
    """A call that is there already has the amount that it had, whatever the book says today."""
    rows = [
        stale(a_call(project, start_time=NOON + n * MICROSECOND, tags={"n": str(n)}))
        for n in range(5)
    ]
    write_calls(store, rows, NOON - timedelta(days=9))

    write_calls(store, [again(row.call) for row in rows], TOMORROW)
    write_calls(store, [again(rows[0].call), again(rows[0].call)], TOMORROW)

    assert rows_of(store, project) == rows[::-1]


def test_what_is_said_of_a_call_may_change(store: Store, project: str) -> None:
    """New attribution is taken over, with the cost that there is."""
    row = stale(a_call(project, user_id="ann"))
    store.write([row])

    write_calls(store, [again(row.call, user_id="bob")], TOMORROW)

    (kept,) = rows_of(store, project)
    assert (kept.call.user_id, kept.cost, kept.recorded_at) == ("bob", row.cost, NOW)


def test_other_usage_is_new_evidence(store: Store, project: str) -> None:
    """Another usage has its own cost; also where the clock says that it came before."""
    row = replace(stale(a_call(project)), recorded_at=NOW + timedelta(days=1))
    store.write([row])
    recount = again(row.call, usage=Usage(input_tokens=2_000_000))

    write_calls(store, [recount], TOMORROW)

    assert same_but_time(rows_of(store, project), [recount])


def test_new_calls_are_written(store: Store, project: str) -> None:
    """Old calls that come for the first time, and new ones, are simply there."""
    old, new = fresh(a_call(project)), fresh(a_call(project, start_time=NOW))
    write_calls(store, [old, new], TOMORROW)

    assert rows_of(store, project) == [new, old]


def test_clocks_may_be_apart(store: Store, project: str) -> None:
    """A call from an application whose clock is ahead is looked up as well; a later one is not."""
    near = stale(a_call(project, start_time=TOMORROW + CLOCKS_APART - MICROSECOND))
    far = stale(a_call(project, start_time=TOMORROW + CLOCKS_APART))
    store.write([near, far])

    write_calls(store, [again(near.call), again(far.call)], TOMORROW)

    assert rows_of(store, project) == [again(far.call), near]


def test_reprice_then_redeliver_then_undo(store: Store, project: str) -> None:
    """Neither a repriced nor an undone call moves when it is delivered again."""
    raw = '{"prompt_tokens": 1000000, "completion_tokens": 0}'
    blind = a_call(project, usage=Usage(), usage_source="none", usage_raw=raw)
    rows = [
        stale(a_call(project, start_time=NOON + MICROSECOND)),
        CostRow(blind, Unpriced("?"), NOON),
    ]
    store.write(rows)
    done = reprice(store, BOOK, october(project), clock=clock, dry_run=False)
    repriced = rows_of(store, project)
    deliveries = [replace(row, recorded_at=NOW, cost=stale(row.call).cost) for row in rows]

    write_calls(store, deliveries, TOMORROW)
    assert rows_of(store, project) == repriced
    undo(store, done, clock=clock)
    write_calls(store, deliveries, TOMORROW)

    assert same_but_time(rows_of(store, project), rows)
    assert done.differences[0].amount_after == Decimal(5)
