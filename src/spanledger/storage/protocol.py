"""The one seam to the outside: where rows go, and where answers come from."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Protocol

from spanledger.call import Call, CallId
from spanledger.storage.claims import Claims
from spanledger.storage.history import PeriodAct, Repricing
from spanledger.storage.query import CostQuery, CostTable, Selection
from spanledger.storage.row import CostRow

__all__ = ["CallPosition", "History", "Store"]

CallPosition = tuple[datetime, str, str]
"""Where a listing of calls stands: (start_time, trace_id, span_id) of the last call seen."""


class History(Protocol):
    """Keeps what makes history stay: price books, closed periods, repricings.

    Every method raises `StoreError` where the store cannot answer now. What was kept is durable
    when the method returns.
    """

    @property
    def claims(self) -> Claims:
        """Turns among those who use this store in this process."""
        ...

    def keep_book(self, version: str, content: bytes, at: datetime) -> datetime:
        """Keep a price book that comes into use at `at`; return since when it has been in use.

        A book that is in use already stays so since it was first kept, whatever `at` says. One
        that comes into use again after another does so anew.
        """
        ...

    def book(self, version: str) -> bytes | None:
        """The content of a price book that was in use; `None` where it never was."""
        ...

    def keep_period(self, act: PeriodAct) -> None:
        """Keep an act; earlier ones stay, and the same one again is one."""
        ...

    def periods(self, project: str) -> Sequence[PeriodAct]:
        """All acts of a project, by month and then by time."""
        ...

    def keep_repricing(self, repricing: Repricing) -> None:
        """Keep what is known of a repricing; the higher revision stands."""
        ...

    def repricings(self, project: str) -> Sequence[Repricing]:
        """The repricings of a project, the latest first."""
        ...

    def keep_replaced(self, repricing_id: str, rows: Sequence[CostRow]) -> None:
        """Keep rows as they are before a repricing; of two of a call the later one stands."""
        ...

    def replaced(self, repricing_id: str, calls: Sequence[Call]) -> Mapping[CallId, CostRow]:
        """Those of `calls` that a repricing replaced, as they were, by the identity of the call."""
        ...


class Store(History, Protocol):
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

    def stored(self, calls: Sequence[Call]) -> Mapping[CallId, CostRow]:
        """Those rows of `calls` that are there, by the identity of the call.

        A call is looked for at its start: a row with the same identity and another start may not
        be found.

        Raises:
            StoreError: the store cannot answer now.
        """
        ...
