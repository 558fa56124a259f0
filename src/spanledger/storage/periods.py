"""Closed months: nothing that was recorded in them is priced anew."""

from collections.abc import Callable, Sequence
from datetime import datetime

from spanledger.errors import HistoryRefused
from spanledger.storage.history import (
    UNFINISHED,
    PeriodAct,
    later,
    month_bounds,
    months_touched,
)
from spanledger.storage.protocol import History

__all__ = ["closed_periods", "refuse_closed", "set_period"]


def set_period(
    store: History,
    project: str,
    month: str,
    *,
    closed: bool,
    by: str,
    clock: Callable[[], datetime],
) -> PeriodAct:
    """Close a month of a project, such as `2026-10`, or open it again; return the act.

    Raises:
        InvalidQuery: the month is not written so.
        HistoryRefused: it is so already, or a repricing of it is at work or unfinished.
    """
    start, end = month_bounds(month)
    with store.claims.history(project):
        last = _last_acts(store.periods(project)).get(month)
        if closed == (last is not None and last.closed):
            msg = f"the period {month} is {'closed already' if closed else 'not closed'}{_by(last)}"
            raise HistoryRefused(msg)
        if closed:
            _refuse_half_applied(store, project, start, end)
        made_at = clock() if last is None else later(clock(), last.made_at)
        act = PeriodAct(project=project, month=month, closed=closed, made_at=made_at, made_by=by)
        store.keep_period(act)
    return act


def closed_periods(store: History, project: str) -> Sequence[PeriodAct]:
    """The months of a project that are closed, each with the act that closed it, by month."""
    return [act for act in _last_acts(store.periods(project)).values() if act.closed]


def refuse_closed(store: History, project: str, start: datetime, end: datetime) -> None:
    """Raise `HistoryRefused` where [start, end) has an instant of a closed month."""
    first, last = months_touched(start, end)
    touched = [act for act in closed_periods(store, project) if first <= act.month <= last]
    if touched:
        months = ", ".join(act.month for act in touched)
        msg = (
            f"the range touches what is closed: {months}{_by(touched[0])}; "
            "choose another range, or open the period again first"
        )
        raise HistoryRefused(msg)


def _refuse_half_applied(store: History, project: str, start: datetime, end: datetime) -> None:
    for repricing in store.repricings(project):
        is_touched = repricing.start < end and repricing.end > start
        if repricing.state in UNFINISHED and is_touched:
            msg = (
                f"the repricing {repricing.id} touches {start:%Y-%m} and is unfinished "
                f"({repricing.state}): resume it or undo it first"
            )
            raise HistoryRefused(msg)


def _last_acts(acts: Sequence[PeriodAct]) -> dict[str, PeriodAct]:
    return {act.month: act for act in acts}


def _by(act: PeriodAct | None) -> str:
    if act is None:
        return ""
    return f" (by {act.made_by or 'somebody'} at {act.made_at:%Y-%m-%d %H:%M} UTC)"
