"""Pricing stored calls anew, with a record of it and the way back.

The record is kept first, as `applying`; then, page by page, the rows as they are, and after them
the rows with their new costs. So whoever ends in the middle leaves nothing that cannot be resumed
or undone. A call is changed only where its figures change, so the same repricing again changes
nothing.
"""

import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from types import MappingProxyType
from typing import Final

from spanledger.call import CallId
from spanledger.errors import HistoryRefused, InvalidQuery
from spanledger.pricing.book import PriceBook
from spanledger.pricing.cost import Cost
from spanledger.pricing.engine import price
from spanledger.storage.books import kept_book
from spanledger.storage.columns import round_money
from spanledger.storage.differences import Tally
from spanledger.storage.evidence import (
    same_evidence,
    same_figures,
    with_cost,
    with_evidence,
)
from spanledger.storage.history import UNFINISHED, Repricing, later
from spanledger.storage.periods import refuse_closed
from spanledger.storage.protocol import History, Store
from spanledger.storage.row import CostRow
from spanledger.storage.walk import Progress, silent, walk

__all__ = [
    "RepricingOrder",
    "find_repricing",
    "refuse_unfinished",
    "reprice",
    "repriced",
    "resume",
]


NONE_EARLIER: Final[Mapping[CallId, CostRow]] = MappingProxyType({})


@dataclass(frozen=True, slots=True, kw_only=True)
class RepricingOrder:
    """Which calls are to be priced anew, and who wants it."""

    project: str
    start: datetime
    """First instant, inclusive."""
    end: datetime
    """Last instant, exclusive."""
    models: tuple[str, ...] = ()
    """The models that answered, as the calls name them; empty: all."""
    by: str = ""
    """The name of a key, or of the person at the command line."""

    def __post_init__(self) -> None:
        """Raise `InvalidQuery` for a naive or empty range."""
        for instant in (self.start, self.end):
            if instant.utcoffset() is None:
                msg = f"time {instant} has no zone"
                raise InvalidQuery(msg)
        if self.start >= self.end:
            msg = f"the range starts at {self.start.isoformat()} and ends at {self.end.isoformat()}"
            raise InvalidQuery(msg)


def reprice(
    store: Store,
    book: PriceBook,
    order: RepricingOrder,
    *,
    clock: Callable[[], datetime],
    dry_run: bool = True,
    progress: Progress = silent,
) -> Repricing:
    """Price the calls of a range by `book` from what is stored of them, and say what that changes.

    A dry run changes and records nothing. What a provider stated as its cost never changes, though
    our own figure beside it may. Memory is bounded, whatever the range.

    Raises:
        HistoryRefused: the range touches a closed period, or another repricing of the project is
            at work or unfinished.
        StoreError: the store failed; what was half applied can be resumed or undone.
    """
    planned = _plan(store, book, order, clock())
    refuse_closed(store, order.project, order.start, order.end)
    if dry_run:
        return _run(store, book, planned, clock=clock, progress=progress)
    with store.claims.history(order.project):
        refuse_unfinished(store, order.project)
        refuse_closed(store, order.project, order.start, order.end)
        begun = replace(
            _plan(store, book, order, clock()), id=f"rp_{secrets.token_hex(8)}", state="applying"
        )
        store.keep_book(book.version, book.dump(), clock())
        store.keep_repricing(begun)
        try:
            # Another process may have begun as well: both see both, and neither goes on.
            refuse_unfinished(store, order.project, but=begun.id)
        except HistoryRefused:
            store.keep_repricing(replace(begun, state="undone", revision=1))
            raise
        return _run(store, book, begun, clock=clock, progress=progress)


def resume(
    store: Store,
    begun: Repricing,
    *,
    clock: Callable[[], datetime],
    progress: Progress = silent,
) -> Repricing:
    """Go on with a repricing that ended in the middle, by the book that it began with.

    Raises:
        HistoryRefused: it is not half applied, or another one is at work.
        StoreError: the store failed, or does not have the book.
    """
    with store.claims.history(begun.project):
        begun = find_repricing(store, begun.project, begun.id)
        if begun.state != "applying":
            msg = f"the repricing {begun.id} is not half applied: its state is {begun.state}"
            raise HistoryRefused(msg)
        refuse_closed(store, begun.project, begun.start, begun.end)
        book = kept_book(store, begun.book_version)
        if book is None:
            msg = f"the price book {begun.book_version} is not in the store: undo the repricing"
            raise HistoryRefused(msg)
        return _run(store, book, begun, clock=clock, progress=progress, resumed=True)


def find_repricing(store: History, project: str, repricing_id: str) -> Repricing:
    """The repricing of that id.

    Raises:
        InvalidQuery: the project has none.
    """
    for repricing in store.repricings(project):
        if repricing.id == repricing_id:
            return repricing
    msg = f"there is no repricing {repricing_id[:60]!r}"
    raise InvalidQuery(msg)


def refuse_unfinished(store: History, project: str, *, but: str = "") -> None:
    """Raise `HistoryRefused` where a repricing of the project but `but` is unfinished."""
    for repricing in store.repricings(project):
        if repricing.state in UNFINISHED and repricing.id != but:
            verb = "resume it or undo it" if repricing.state == "applying" else "undo it again"
            msg = f"the repricing {repricing.id} is unfinished ({repricing.state}): {verb} first"
            raise HistoryRefused(msg)


def repriced(row: CostRow, book: PriceBook) -> CostRow:
    """`row` with its cost by `book`; itself where the figures stay, or must."""
    call = with_evidence(row.call)
    cost = price(call, book)
    if isinstance(row.cost, Cost) and row.cost.status == "reported":
        # Another book may convert a currency otherwise; what the provider stated stays.
        is_kept = (
            isinstance(cost, Cost)
            and cost.status == "reported"
            and round_money(cost.amount) == round_money(row.cost.amount)
        )
        if not is_kept:
            return row
    return row if same_figures(row.cost, cost) else replace(row, call=call, cost=cost)


def _plan(store: History, book: PriceBook, order: RepricingOrder, now: datetime) -> Repricing:
    numbers = [repricing.number for repricing in store.repricings(order.project)]
    return Repricing(
        project=order.project,
        id="",
        number=max(numbers, default=0) + 1,
        made_at=now,
        made_by=order.by,
        start=order.start,
        end=order.end,
        models=tuple(sorted(set(order.models))),
        book_version=book.version,
        state="trial",
        state_at=now,
        state_by=order.by,
    )


def _run(
    store: Store,
    book: PriceBook,
    begun: Repricing,
    *,
    clock: Callable[[], datetime],
    progress: Progress,
    resumed: bool = False,
) -> Repricing:
    """Go through all calls of `begun`; unless it is a trial, change them and record the end."""
    tally = Tally()

    def visit(rows: Sequence[CostRow]) -> None:
        calls = [row.call for row in rows]
        earlier = store.replaced(begun.id, calls) if resumed else NONE_EARLIER
        befores, afters = _page(rows, earlier, book, tally)
        if begun.state == "applying" and afters:
            store.keep_replaced(begun.id, befores)
            now = clock()
            store.write([replace(row, recorded_at=later(now, row.recorded_at)) for row in afters])

    walk(store, begun.where, visit, progress)
    done = replace(
        begun,
        differences=tally.differences(),
        replaced_versions=tally.replaced_versions(),
    )
    if begun.state == "applying":
        now = later(clock(), begun.state_at)
        done = replace(done, state="applied", state_at=now, revision=begun.revision + 1)
        store.keep_repricing(done)
    return done


def _page(
    rows: Sequence[CostRow], earlier: Mapping[CallId, CostRow], book: PriceBook, tally: Tally
) -> tuple[list[CostRow], list[CostRow]]:
    """The rows that are to be kept as they are, and those that are to be written instead.

    `earlier` are rows that this repricing kept before it was interrupted, and may have replaced.
    """
    befores: list[CostRow] = []
    afters: list[CostRow] = []
    for row in rows:
        kept = earlier.get(row.call.identity)
        before = kept if kept is not None and same_evidence(kept.call, row.call) else row
        after = repriced(before, book)
        tally.add(before, after)
        if after is before:
            continue
        if before is row:
            befores.append(row)
        if not same_figures(row.cost, after.cost):
            afters.append(with_cost(row, after))
    return befores, afters
