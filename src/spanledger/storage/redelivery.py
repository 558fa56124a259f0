"""A call that is delivered again keeps the cost that it has.

Only a call that may have been priced by another book is looked up: one that started before the
present book came into use. Any later one was priced by this book, and gets the same cost again.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from spanledger.storage.evidence import same_evidence, with_cost
from spanledger.storage.history import later
from spanledger.storage.protocol import Store
from spanledger.storage.row import CostRow
from spanledger.storage.walk import ROWS_TURN

__all__ = ["write_calls"]

CLOCKS_APART: Final = timedelta(hours=1)
"""How far the clock of an application may be ahead of ours."""


def write_calls(store: Store, rows: Sequence[CostRow], book_since: datetime) -> None:
    """Write calls as they arrive, priced by a book that has been in use since `book_since`.

    A call that is there already, with the same usage, model and all else that selects a price,
    keeps its cost; where the delivery says nothing new at all, its row stays as it is. One with
    another usage is new evidence and has the cost of that.

    Raises:
        StoreError: nothing is certain about the rows; writing them again is safe.
    """
    doubtful = [row for row in rows if row.call.start_time < book_since + CLOCKS_APART]
    if not doubtful:
        store.write(rows)
        return
    with store.claims.turn(ROWS_TURN):
        stored = store.stored([row.call for row in doubtful])
        settled = [_settle(row, stored.get(row.call.identity)) for row in rows]
        store.write([row for row in settled if row is not None])


def _settle(row: CostRow, stored: CostRow | None) -> CostRow | None:
    """What is to be written of a call that arrives; `None` where all of it is there."""
    if stored is None:
        return row
    recorded_at = later(row.recorded_at, stored.recorded_at)
    if not same_evidence(row.call, stored.call):
        return replace(row, recorded_at=recorded_at)
    kept = with_cost(row, stored)
    return None if kept.call == stored.call else replace(kept, recorded_at=recorded_at)
