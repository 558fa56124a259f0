"""Going through all calls of a selection, however many there are, in pages of bounded size."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Final

from spanledger.storage.buckets import edges
from spanledger.storage.history import MICROSECOND
from spanledger.storage.protocol import CallPosition, Store
from spanledger.storage.query import CostQuery, Selection
from spanledger.storage.row import CostRow

__all__ = ["ROWS_TURN", "Progress", "silent", "walk"]

PAGE_ROWS: Final = 2_000
"""Rows held at once."""

WINDOW_CALLS: Final = 20_000
"""A listing sorts all that is selected for each page, so more calls than this are cut up."""

ROWS_TURN: Final = "rows"
"""The turn of those who read rows and write them again with another cost."""

Progress = Callable[[int, int], None]
"""Is told how many calls have been seen, and how many there are."""


def silent(_seen: int, _all: int) -> None:
    """Tell nobody."""


def walk(
    store: Store,
    where: Selection,
    visit: Callable[[Sequence[CostRow]], None],
    progress: Progress = silent,
) -> None:
    """Show `visit` each selected call once, latest first, page by page.

    Nobody else who takes turns changes a cost while a page is visited. Calls that arrive meanwhile
    may or may not be shown.
    """
    total = store.costs(CostQuery(where=where)).results
    seen = 0
    for window in _windows(store, where, total[0].calls) if total else ():
        after: CallPosition | None = None
        full = True
        while full:
            with store.claims.turn(ROWS_TURN):
                rows = store.calls(window, limit=PAGE_ROWS, after=after)
                if rows:
                    visit(rows)
            full = len(rows) == PAGE_ROWS
            if rows:
                last = rows[-1].call
                after = (last.start_time, last.trace_id, last.span_id)
                seen += len(rows)
                progress(seen, max(seen, total[0].calls))


def _windows(
    store: Store, where: Selection, calls: int, widths: tuple[str, ...] = ("1M", "1d", "1h")
) -> Iterator[Selection]:
    """Selections of at most `WINDOW_CALLS` or one hour each, latest first; together `where`."""
    if calls <= WINDOW_CALLS or not widths:
        yield where
        return
    start, end = _bounds(store, where)
    borders = edges(start, end, widths[0], "UTC")
    for result in reversed(store.costs(CostQuery(where=where, edges=borders)).results):
        part = replace(where, start=borders[result.bucket], end=borders[result.bucket + 1])
        yield from _windows(store, part, result.calls, widths[1:])


def _bounds(store: Store, where: Selection) -> tuple[datetime, datetime]:
    """From the first of the selected calls to just behind the last."""
    result = store.costs(CostQuery(where=where)).results[0]
    assert result.first_seen is not None and result.last_seen is not None  # noqa: S101, PT018 - there are calls
    return result.first_seen, result.last_seen + MICROSECOND
