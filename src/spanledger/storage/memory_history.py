"""What the memory store keeps beside the calls."""

import threading
from collections.abc import Mapping, Sequence
from datetime import datetime

from spanledger.call import Call, CallId
from spanledger.storage.claims import Claims
from spanledger.storage.history import PeriodAct, Repricing, later
from spanledger.storage.row import CostRow

__all__ = ["MemoryHistory"]


class MemoryHistory:
    """Keeps books, periods and repricings in lists and answers as the `Store` protocol says."""

    def __init__(self) -> None:
        self.claims = Claims()
        self._history_lock = threading.Lock()
        self._books: list[tuple[str, datetime, bytes]] = []
        self._acts: list[PeriodAct] = []
        self._repricings: dict[tuple[str, str], Repricing] = {}
        self._replaced: dict[tuple[str, CallId], CostRow] = {}

    def keep_book(self, version: str, content: bytes, at: datetime) -> datetime:
        """Keep a price book that comes into use at `at`; return since when it has been in use."""
        with self._history_lock:
            if self._books and self._books[-1][0] == version:
                return self._books[-1][1]
            since = later(at, self._books[-1][1]) if self._books else at
            self._books.append((version, since, content))
            return since

    def book(self, version: str) -> bytes | None:
        """The content of a price book that was in use; `None` where it never was."""
        with self._history_lock:
            return next((book[2] for book in self._books if book[0] == version), None)

    def keep_period(self, act: PeriodAct) -> None:
        """Keep an act; acts of a month are kept in the order of their times."""
        with self._history_lock:
            if act not in self._acts:
                self._acts.append(act)

    def periods(self, project: str) -> Sequence[PeriodAct]:
        """All acts of a project, by month and then by time."""
        with self._history_lock:
            acts = [act for act in self._acts if act.project == project]
        return sorted(acts, key=lambda act: (act.month, act.made_at))

    def keep_repricing(self, repricing: Repricing) -> None:
        """Keep what is known of a repricing; the higher revision stands."""
        key = (repricing.project, repricing.id)
        with self._history_lock:
            kept = self._repricings.get(key)
            if kept is None or kept.revision <= repricing.revision:
                self._repricings[key] = repricing

    def repricings(self, project: str) -> Sequence[Repricing]:
        """The repricings of a project, the latest first."""
        with self._history_lock:
            found = [one for one in self._repricings.values() if one.project == project]
        return sorted(found, key=lambda one: (one.number, one.id), reverse=True)

    def keep_replaced(self, repricing_id: str, rows: Sequence[CostRow]) -> None:
        """Keep rows as they are before a repricing; of two of a call the later one stands."""
        with self._history_lock:
            for row in rows:
                key = (repricing_id, row.call.identity)
                kept = self._replaced.get(key)
                if kept is None or kept.recorded_at <= row.recorded_at:
                    self._replaced[key] = row

    def replaced(self, repricing_id: str, calls: Sequence[Call]) -> Mapping[CallId, CostRow]:
        """Those of `calls` that a repricing replaced, as they were, by the identity of the call."""
        with self._history_lock:
            found = (
                (call.identity, self._replaced.get((repricing_id, call.identity))) for call in calls
            )
            return {identity: row for identity, row in found if row is not None}
