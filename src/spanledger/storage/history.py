"""What is recorded beside the calls, so that history stays where it is and can be gone back to."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Final, Literal

from spanledger.errors import InvalidQuery
from spanledger.storage.query import Selection

__all__ = [
    "MICROSECOND",
    "UNFINISHED",
    "Difference",
    "PeriodAct",
    "Repricing",
    "RepricingState",
    "later",
    "month_bounds",
    "months_touched",
]

MICROSECOND: Final = timedelta(microseconds=1)

RepricingState = Literal["trial", "applying", "applied", "undoing", "undone"]

UNFINISHED: Final = frozenset({"applying", "undoing"})
"""States in which a process is at work on the calls, or ended before it was done."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PeriodAct:
    """Somebody closed a month of a project, or opened it again."""

    project: str
    month: str
    """For instance `2026-10`, in UTC."""
    closed: bool
    made_at: datetime
    """In UTC; of two acts on a month the later one stands."""
    made_by: str
    """Who did it: the name of a key, or of the person at the command line."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """What a repricing does to the calls of one model; amounts in US dollars."""

    provider: str
    model: str
    calls: int
    """Calls of the model in the range."""
    changed_calls: int
    """Of these, those whose cost becomes another."""
    amount_before: Decimal | None
    """Sum over all calls of the model that had an amount; `None` where none had."""
    amount_after: Decimal | None
    newly_priced_calls: int
    """Calls that had no amount and get one."""
    newly_unpriced_calls: int
    """Calls that had an amount and lose it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Repricing:
    """The calls of a range priced anew: what was asked, how far it has come, what it changed."""

    project: str
    id: str
    """Empty for a trial, which is recorded nowhere."""
    number: int
    """Rises with each repricing of a project, whatever the clock says."""
    made_at: datetime
    made_by: str
    start: datetime
    """First instant of the range, inclusive."""
    end: datetime
    """Last instant of the range, exclusive."""
    models: tuple[str, ...]
    """Only calls of these models; empty: of all."""
    book_version: str
    """The price book that the calls were priced with."""
    state: RepricingState
    state_at: datetime
    """Since when it has been in this state."""
    state_by: str
    revision: int = 0
    """Rises with each state."""
    replaced_versions: tuple[str, ...] = ()
    """The price books of the costs that were replaced, sorted."""
    differences: tuple[Difference, ...] = ()
    """Sorted by provider and model; known once it has been applied, or tried."""

    @property
    def calls(self) -> int:
        """Calls in the range."""
        return sum(difference.calls for difference in self.differences)

    @property
    def changed_calls(self) -> int:
        """Calls whose cost becomes another."""
        return sum(difference.changed_calls for difference in self.differences)

    @property
    def where(self) -> Selection:
        """The calls that it is about."""
        filters = {"model": self.models} if self.models else {}
        return Selection(project=self.project, start=self.start, end=self.end, filters=filters)


def later(now: datetime, than: datetime) -> datetime:
    """`now`, or the microsecond after `than` where the clock stands still or has gone back."""
    return max(now, than + MICROSECOND)


def month_bounds(month: str) -> tuple[datetime, datetime]:
    """The first instant of a month such as `2026-10`, and that of the next, in UTC.

    Raises:
        InvalidQuery: it is not written so.
    """
    try:
        first = datetime.strptime(month, "%Y-%m").replace(tzinfo=UTC)
        following = (first + timedelta(days=31)).replace(day=1)
    except (ValueError, OverflowError):
        first = following = None
    if first is None or following is None or f"{first:%Y-%m}" != month:
        msg = f"{month[:40]!r} is no month: write it like 2026-10"
        raise InvalidQuery(msg)
    return first, following


def months_touched(start: datetime, end: datetime) -> tuple[str, str]:
    """The first and the last month, in UTC, that have an instant of [start, end).

    Months as texts sort by time, so a month is touched if it is not outside of the two.
    """
    last = (end - MICROSECOND).astimezone(UTC)
    return f"{start.astimezone(UTC):%Y-%m}", f"{last:%Y-%m}"
