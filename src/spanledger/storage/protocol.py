"""The one seam to the outside: where rows go, and where answers come from."""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from spanledger.storage.query import CostQuery, CostTable, Selection
from spanledger.storage.row import CostRow

__all__ = ["CallPosition", "Store"]

CallPosition = tuple[datetime, str, str]
"""Where a listing of calls stands: (start_time, trace_id, span_id) of the last call seen."""


class Store(Protocol):
    """Keeps rows and answers questions about them. Safe to use from several threads.

    The memory store and the ClickHouse store pass the same contract tests
    (`tests/storage/test_contract.py`).
    """

    def write(self, rows: Sequence[CostRow]) -> None:
        """Keep `rows`, durably when this returns; a row that is already there is replaced.

        Raises:
            StoreError: nothing is certain about the rows; writing them again is safe.
        """
        ...

    def costs(self, query: CostQuery) -> CostTable:
        """Sum calls as `query` asks, each call once.

        Raises:
            StoreError: the store cannot answer now.
        """
        ...

    def calls(
        self, where: Selection, *, limit: int, after: CallPosition | None = None
    ) -> Sequence[CostRow]:
        """The selected calls, latest first, each once; with `after`, those beyond that position.

        Raises:
            StoreError: the store cannot answer now.
        """
        ...
