from datetime import timedelta

import pytest

from spanledger.errors import HistoryRefused, InvalidQuery
from spanledger.storage.history import MICROSECOND
from spanledger.storage.periods import closed_periods, refuse_closed, set_period
from spanledger.storage.protocol import Store
from tests.storage.priced import NOON, OCTOBER, clock


def test_a_month_is_closed_and_opened_again(store: Store, project: str) -> None:
    """The last act counts, each is kept with who and when, and time goes on where clocks do not."""
    closing = set_period(store, project, "2026-10", closed=True, by="ann", clock=clock)
    assert list(closed_periods(store, project)) == [closing]
    opening = set_period(store, project, "2026-10", closed=False, by="bob", clock=clock)
    assert closed_periods(store, project) == []
    again = set_period(
        store, project, "2026-10", closed=True, by="ann", clock=lambda: NOON - timedelta(days=99)
    )

    assert list(store.periods(project)) == [closing, opening, again]
    assert closing.made_at < opening.made_at < again.made_at
    assert (opening.made_by, opening.closed) == ("bob", False)


def test_doing_it_twice(store: Store, project: str) -> None:
    """Closing what is closed, and opening what is open, is refused, and says by whom it was."""
    with pytest.raises(HistoryRefused, match=r"the period 2026-10 is not closed$"):
        set_period(store, project, "2026-10", closed=False, by="ann", clock=clock)
    set_period(store, project, "2026-10", closed=True, by="", clock=clock)
    with pytest.raises(HistoryRefused, match=r"closed already \(by somebody at 2026-10-11 12:00"):
        set_period(store, project, "2026-10", closed=True, by="ann", clock=clock)
    with pytest.raises(InvalidQuery, match="'10/2026' is no month"):
        set_period(store, project, "10/2026", closed=True, by="ann", clock=clock)


def test_the_edges_of_a_month(store: Store, project: str) -> None:
    """The first and the last microsecond are in it, those beside them are not."""
    set_period(store, project, "2026-10", closed=True, by="ann", clock=clock)
    start, end = OCTOBER

    for inside in (start, end - MICROSECOND):
        with pytest.raises(HistoryRefused, match="2026-10"):
            refuse_closed(store, project, inside, inside + MICROSECOND)
    for outside in (start - MICROSECOND, end):
        refuse_closed(store, project, outside, outside + MICROSECOND)
    refuse_closed(store, f"{project}-other", start, end)
