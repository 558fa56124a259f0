"""Undoing a repricing: the rows are again as they were before it."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime

from spanledger.errors import HistoryRefused
from spanledger.storage.evidence import same_evidence, with_cost
from spanledger.storage.history import Repricing, RepricingState, later
from spanledger.storage.periods import refuse_closed
from spanledger.storage.protocol import Store
from spanledger.storage.repricing import find_repricing, refuse_unfinished
from spanledger.storage.row import CostRow
from spanledger.storage.walk import Progress, silent, walk

__all__ = ["undo"]


def undo(
    store: Store,
    repricing: Repricing,
    *,
    clock: Callable[[], datetime],
    by: str = "",
    progress: Progress = silent,
) -> Repricing:
    """Give each call that `repricing` changed the cost back that it had before.

    One that was half applied, or half undone, is undone as well. A call that has since been
    delivered with another usage keeps the cost of that.

    Raises:
        InvalidQuery: there is no such repricing.
        HistoryRefused: it is undone already, a month of its range has been closed since, or a later
            repricing changed some of its calls and stands; the text says which.
        StoreError: the store failed; undoing again goes on.
    """
    with store.claims.history(repricing.project):
        begun = find_repricing(store, repricing.project, repricing.id)
        if begun.state == "undone":
            msg = f"the repricing {begun.id} is undone already"
            raise HistoryRefused(msg)
        refuse_unfinished(store, begun.project, but=begun.id)
        refuse_closed(store, begun.project, begun.start, begun.end)
        _refuse_repriced(store, begun)
        undoing = _enter(store, begun, "undoing", by=by, now=clock())

        def visit(rows: Sequence[CostRow]) -> None:
            now = clock()
            store.write(
                [
                    replace(before, recorded_at=later(now, row.recorded_at))
                    for row, before in zip(rows, _befores(store, begun, rows), strict=True)
                    if before != row
                ]
            )

        walk(store, begun.where, visit, progress)
        return _enter(store, undoing, "undone", by=by, now=clock())


def _befores(store: Store, repricing: Repricing, rows: Sequence[CostRow]) -> list[CostRow]:
    """The rows as they are to be; those that the repricing did not change as they are."""
    kept = store.replaced(repricing.id, [row.call for row in rows])
    befores: list[CostRow] = []
    for row in rows:
        before = kept.get(row.call.identity)
        is_known = before is not None and same_evidence(before.call, row.call)
        befores.append(with_cost(row, before) if before is not None and is_known else row)
    return befores


def _refuse_repriced(store: Store, repricing: Repricing) -> None:
    """Raise `HistoryRefused` where a later repricing that stands changed some of the same calls."""
    for other in store.repricings(repricing.project):
        stands = other.number > repricing.number and other.state != "undone"
        if stands and other.start < repricing.end and other.end > repricing.start:
            shared = _shared(store, repricing, other)
            if shared:
                msg = (
                    f"{shared} calls of the repricing {repricing.id} were changed again by "
                    f"{other.id} at {other.made_at:%Y-%m-%d %H:%M} UTC: undo that first"
                )
                raise HistoryRefused(msg)


def _shared(store: Store, repricing: Repricing, other: Repricing) -> int:
    """How many calls both repricings changed."""
    shared = 0

    def visit(rows: Sequence[CostRow]) -> None:
        nonlocal shared
        calls = [row.call for row in rows]
        both = store.replaced(repricing.id, calls).keys() & store.replaced(other.id, calls).keys()
        shared += len(both)

    walk(store, repricing.where, visit)
    return shared


def _enter(
    store: Store, repricing: Repricing, state: RepricingState, *, by: str, now: datetime
) -> Repricing:
    """Record the next state of a repricing."""
    entered = replace(
        repricing,
        state=state,
        state_at=later(now, repricing.state_at),
        state_by=by,
        revision=repricing.revision + 1,
    )
    store.keep_repricing(entered)
    return entered
