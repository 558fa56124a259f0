import threading
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal

import pytest

from spanledger.errors import HistoryRefused, InvalidQuery, StoreError
from spanledger.pricing.cost import Cost, Unpriced
from spanledger.storage.history import MICROSECOND, Difference, Repricing
from spanledger.storage.memory import MemoryStore
from spanledger.storage.periods import set_period
from spanledger.storage.protocol import Store
from spanledger.storage.query import CostQuery, Selection
from spanledger.storage.repricing import RepricingOrder, find_repricing, reprice, resume
from spanledger.storage.row import CostRow
from spanledger.storage.undoing import undo
from spanledger.usage import Usage
from tests.storage.priced import (
    BOOK,
    NOON,
    OCTOBER,
    TOMORROW,
    a_call,
    clock,
    fresh,
    october,
    rows_of,
    same_but_time,
    stale,
    unknown,
)


def amounts(store: Store, project: str) -> Decimal | None:
    """What all calls of a project cost together."""
    return store.costs(CostQuery(where=Selection(project=project))).results[0].amount


def test_a_dry_run_only_tells(store: Store, project: str) -> None:
    """Each model's calls, what becomes of them, and nothing recorded anywhere."""
    rows = [
        stale(a_call(project)),
        fresh(a_call(project)),
        unknown(a_call(project, request_model="gpt-4o-mini")),
        stale(a_call(project, request_model="acme-1", provider="acme")),
    ]
    store.write(rows)

    told = reprice(store, BOOK, october(project), clock=clock)

    assert told.differences == (
        difference("acme", "acme-1", 1, 1, "7", None, lost=1),
        difference("openai", "gpt-4o", 2, 1, "9.5", "5"),
        difference("openai", "gpt-4o-mini", 1, 1, None, "0.15", gained=1),
    )
    assert (told.calls, told.changed_calls, told.replaced_versions) == (4, 3, ("old/1",))
    assert (told.id, told.state) == ("", "trial")
    assert store.repricings(project) == []
    assert sorted(rows_of(store, project), key=str) == sorted(rows, key=str)


def difference(
    provider: str,
    model: str,
    calls: int,
    changed: int,
    before: str | None,
    after: str | None,
    gained: int = 0,
    lost: int = 0,
) -> Difference:
    """A line of the answer."""
    return Difference(
        provider=provider,
        model=model,
        calls=calls,
        changed_calls=changed,
        amount_before=None if before is None else Decimal(before),
        amount_after=None if after is None else Decimal(after),
        newly_priced_calls=gained,
        newly_unpriced_calls=lost,
    )


def test_applying_changes_what_it_told(store: Store, project: str) -> None:
    """The rows have their new costs, later than the old ones; the others stay to the letter."""
    old, same = stale(a_call(project, user_id="ann")), fresh(a_call(project, user_id="bob"))
    store.write([old, same])
    told = reprice(store, BOOK, october(project), clock=clock)

    done = reprice(store, BOOK, october(project), clock=clock, dry_run=False)

    assert done.differences == told.differences
    assert (done.state, done.made_by, done.book_version) == ("applied", "ann", BOOK.version)
    assert list(store.repricings(project)) == [done]
    rows = {row.call.user_id: row for row in rows_of(store, project)}
    assert rows == {"ann": replace(fresh(old.call), recorded_at=TOMORROW), "bob": same}
    assert store.book(BOOK.version) is not None


def test_again_changes_nothing(store: Store, project: str) -> None:
    """The same repricing a second time finds every figure as it should be."""
    store.write([stale(a_call(project)), unknown(a_call(project))])
    reprice(store, BOOK, october(project), clock=clock, dry_run=False)
    rows = rows_of(store, project)

    again = reprice(store, BOOK, october(project), clock=clock, dry_run=False)

    assert (again.calls, again.changed_calls) == (2, 0)
    assert rows_of(store, project) == rows


@pytest.mark.parametrize("now", [NOON, NOON - timedelta(days=400)])
def test_a_clock_that_goes_back(store: Store, project: str, now: datetime) -> None:
    """New versions stand over the old ones even where the clock does not move, or moves back."""
    store.write([stale(a_call(project))])

    done = reprice(store, BOOK, october(project), clock=lambda: now, dry_run=False)

    assert amounts(store, project) == Decimal("2.5")
    assert rows_of(store, project)[0].recorded_at == NOON + MICROSECOND
    undo(store, done, clock=lambda: now)
    assert amounts(store, project) == Decimal(7)


def test_what_the_provider_stated_stays(store: Store, project: str) -> None:
    """A reported amount never moves; our own figure beside it, and only with the same amount."""
    stated = Cost(
        status="reported",
        amount=Decimal("0.123"),
        computed_amount=Decimal(7),
        lines=(),
        book_version="old/1",
    )
    call = a_call(project, reported_amount=Decimal("0.123"), reported_currency="usd")
    store.write([CostRow(call, stated, NOON)])

    reprice(store, BOOK, october(project), clock=clock, dry_run=False)

    (row,) = rows_of(store, project)
    assert isinstance(row.cost, Cost)
    assert (row.cost.status, row.cost.amount) == ("reported", Decimal("0.123"))


def test_usage_is_read_again_where_none_could_be(store: Store, project: str) -> None:
    """The provider's own object is the evidence: a call that nobody could read then can be now."""
    raw = '{"prompt_tokens": 1000000, "completion_tokens": 0}'
    blind = a_call(project, usage=Usage(), usage_source="none", usage_raw=raw, usage_problem="?")
    store.write([CostRow(blind, Unpriced("?", "invalid"), NOON)])

    done = reprice(store, BOOK, october(project), clock=clock, dry_run=False)

    (row,) = rows_of(store, project)
    assert (row.call.usage.input_tokens, row.call.usage_source) == (1_000_000, "provider")
    assert isinstance(row.cost, Cost)
    assert row.cost.amount == Decimal("2.5")
    undo(store, done, clock=clock)
    assert same_but_time(rows_of(store, project), [CostRow(blind, Unpriced("?", "invalid"), NOON)])


def test_only_the_range_and_the_models(store: Store, project: str) -> None:
    """The start belongs to the range, the end does not; other models and projects are let be."""
    start, end = OCTOBER
    times = {
        "before": start - MICROSECOND,
        "first": start,
        "last": end - MICROSECOND,
        "after": end,
    }
    rows = [stale(a_call(project, start_time=at, user_id=name)) for name, at in times.items()]
    other_model = stale(a_call(project, request_model="gpt-4o-mini", user_id="mini"))
    other = stale(a_call(f"{project}-other", user_id="other"))
    store.write([*rows, other_model, other])

    reprice(store, BOOK, october(project, models=("gpt-4o",)), clock=clock, dry_run=False)

    moved = {row.call.user_id for row in rows_of(store, project) if row.recorded_at != NOON}
    assert moved == {"first", "last"}
    assert rows_of(store, f"{project}-other") == [other]


@pytest.mark.parametrize(
    ("start", "end", "is_refused"),
    [
        (OCTOBER[0] - MICROSECOND, OCTOBER[0], False),
        (OCTOBER[0] - MICROSECOND, OCTOBER[0] + MICROSECOND, True),
        (OCTOBER[0], OCTOBER[0] + MICROSECOND, True),
        (OCTOBER[1] - MICROSECOND, OCTOBER[1], True),
        (OCTOBER[1], OCTOBER[1] + MICROSECOND, False),
        (OCTOBER[0] - timedelta(days=90), OCTOBER[1] + timedelta(days=90), True),
    ],
)
@pytest.mark.parametrize("dry_run", [True, False])
def test_closed_periods_are_refused(
    project: str, *, start: datetime, end: datetime, is_refused: bool, dry_run: bool
) -> None:
    """A range with a single microsecond of a closed month is refused, and not one beside it."""
    store = MemoryStore()
    set_period(store, project, "2026-10", closed=True, by="ann", clock=clock)
    order = RepricingOrder(project=project, start=start, end=end)
    if is_refused:
        with pytest.raises(HistoryRefused, match=r"closed: 2026-10 \(by ann at 2026-10-11"):
            reprice(store, BOOK, order, clock=clock, dry_run=dry_run)
        assert store.repricings(project) == []
    else:
        reprice(store, BOOK, order, clock=clock, dry_run=dry_run)
    reprice(store, BOOK, replace(order, project="other"), clock=clock, dry_run=dry_run)


def test_ranges_that_are_none(project: str) -> None:
    """A range without zone, or without extent, is refused."""
    with pytest.raises(InvalidQuery, match="has no zone"):
        RepricingOrder(project=project, start=NOON.replace(tzinfo=None), end=NOON)
    with pytest.raises(InvalidQuery, match="the range starts at"):
        RepricingOrder(project=project, start=NOON, end=NOON)


class BreakingStore(MemoryStore):
    """A store that fails from a given write on, or at it alone."""

    def __init__(self) -> None:
        super().__init__()
        self.writes_left = 1_000_000
        self.broken: str | None = None

    def write(self, rows: Sequence[CostRow]) -> None:
        """Write, or fail where that many writes have been made."""
        self.writes_left -= 1
        if self.writes_left < 0:
            msg = "the disk is gone"
            raise StoreError(msg)
        super().write(rows)


def half_applied(project: str) -> tuple[BreakingStore, list[CostRow]]:
    """A store in which a repricing of 5000 calls broke off after its first page."""
    store = BreakingStore()
    rows = [
        stale(a_call(project, start_time=NOON + n * MICROSECOND, user_id=str(n)))
        for n in range(5_000)
    ]
    store.write(rows)
    store.writes_left = 1
    with pytest.raises(StoreError, match="the disk is gone"):
        reprice(store, BOOK, october(project), clock=clock, dry_run=False)
    store.writes_left = 1_000_000
    return store, rows[::-1]


def test_half_applied_is_resumed(project: str) -> None:
    """What broke off goes on, and tells in the end what it would have told at once."""
    store, rows = half_applied(project)
    (begun,) = store.repricings(project)
    moved = sum(row.recorded_at != NOON for row in rows_of(store, project))

    with pytest.raises(HistoryRefused, match=rf"{begun.id} is unfinished \(applying\): resume it"):
        reprice(store, BOOK, october(project), clock=clock, dry_run=False)
    done = resume(store, begun, clock=clock)

    assert (begun.state, moved) == ("applying", 2_000)
    assert done.differences == (difference("openai", "gpt-4o", 5_000, 5_000, "35000", "12500"),)
    assert (done.state, list(store.repricings(project))) == ("applied", [done])
    assert amounts(store, project) == Decimal(12_500)
    undo(store, done, clock=clock)
    assert same_but_time(rows_of(store, project), rows)
    with pytest.raises(HistoryRefused, match="not half applied: its state is undone"):
        resume(store, begun, clock=clock)


def test_half_applied_is_undone(project: str) -> None:
    """The way back is open as well, also where it breaks off in its turn."""
    store, rows = half_applied(project)
    (begun,) = store.repricings(project)
    store.writes_left = 2
    with pytest.raises(StoreError):
        undo(store, begun, clock=clock)
    store.writes_left = 1_000_000
    (halfway,) = store.repricings(project)
    with pytest.raises(HistoryRefused, match=r"unfinished \(undoing\): undo it again first"):
        reprice(store, BOOK, october(project), clock=clock, dry_run=False)

    undo(store, begun, clock=clock, by="bob")

    assert halfway.state == "undoing"
    assert [(one.state, one.state_by) for one in store.repricings(project)] == [("undone", "bob")]
    assert same_but_time(rows_of(store, project), rows)


def test_a_closing_waits_for_what_is_half_applied(project: str) -> None:
    """A month that a half-applied repricing touches cannot be closed over it; another can."""
    store, _ = half_applied(project)
    (begun,) = store.repricings(project)

    with pytest.raises(HistoryRefused, match=f"{begun.id} touches 2026-10 and is unfinished"):
        set_period(store, project, "2026-10", closed=True, by="ann", clock=clock)
    set_period(store, project, "2026-11", closed=True, by="ann", clock=clock)


def test_a_book_that_is_gone(project: str) -> None:
    """A repricing goes on by the book that it began with, and by no other."""
    store, _ = half_applied(project)
    (begun,) = store.repricings(project)
    store.keep_repricing(replace(begun, book_version="lost", revision=9))

    with pytest.raises(HistoryRefused, match="the price book lost is not in the store"):
        resume(store, begun, clock=clock)


class MeetingStore(MemoryStore):
    """A store in which two who begin a repricing at once see each other, as two processes may."""

    def __init__(self, other: Store) -> None:
        super().__init__()
        self._other = other

    def keep_repricing(self, repricing: Repricing) -> None:
        """Keep it, after the other's."""
        for one in self._other.repricings(repricing.project):
            super().keep_repricing(one)
        super().keep_repricing(repricing)


def test_two_processes_do_not_reprice_at_once(project: str) -> None:
    """Who finds that another process has begun as well changes nothing and says so."""
    other, _ = half_applied(project)
    store = MeetingStore(other)
    store.write([stale(a_call(project))])

    with pytest.raises(HistoryRefused, match="is unfinished"):
        reprice(store, BOOK, october(project), clock=clock, dry_run=False)

    assert sorted(one.state for one in store.repricings(project)) == ["applying", "undone"]
    assert amounts(store, project) == Decimal(7)


class GatedStore(MemoryStore):
    """A store whose writes wait at a gate."""

    def __init__(self) -> None:
        super().__init__()
        self.entered, self.gate = threading.Event(), threading.Event()
        self.gate.set()

    def write(self, rows: Sequence[CostRow]) -> None:
        """Wait, then write."""
        self.entered.set()
        assert self.gate.wait(60)
        super().write(rows)


def test_two_threads_do_not_reprice_at_once(project: str) -> None:
    """While one repricing of a project is at work, another, an undo and a closing are refused."""
    store = GatedStore()
    store.write([stale(a_call(project))])
    done = reprice(store, BOOK, october(project, models=("none",)), clock=clock, dry_run=False)
    store.entered.clear()
    store.gate.clear()
    order = october(project)
    thread = threading.Thread(
        target=reprice, args=(store, BOOK, order), kwargs={"clock": clock, "dry_run": False}
    )
    thread.start()
    assert store.entered.wait(60)

    for attempt in (
        lambda: reprice(store, BOOK, order, clock=clock, dry_run=False),
        lambda: undo(store, done, clock=clock),
        lambda: resume(store, done, clock=clock),
        lambda: set_period(store, project, "2026-10", closed=True, by="", clock=clock),
    ):
        with pytest.raises(HistoryRefused, match="is being changed already"):
            attempt()
    store.gate.set()
    thread.join()
    reprice(store, BOOK, replace(order, project="other"), clock=clock, dry_run=False)

    assert amounts(store, project) == Decimal("2.5")


def test_an_unknown_repricing(store: Store, project: str) -> None:
    """An id that nobody has given is refused, and that of another project as well."""
    done = reprice(store, BOOK, october(f"{project}-other"), clock=clock, dry_run=False)
    for id_ in ("rp_none", done.id):
        with pytest.raises(InvalidQuery, match=f"there is no repricing '{id_}'"):
            find_repricing(store, project, id_)


def test_calls_arrive_meanwhile(store: Store, project: str) -> None:
    """Writers go on while a repricing runs; no call is lost and none counts twice."""
    store.write([stale(a_call(project, start_time=NOON + n * MICROSECOND)) for n in range(3_000)])
    arriving = [fresh(a_call(project)) for _ in range(40)]
    threads = [threading.Thread(target=store.write, args=([row],)) for row in arriving]
    for thread in threads:
        thread.start()
    reprice(store, BOOK, october(project), clock=clock, dry_run=False)
    for thread in threads:
        thread.join()

    assert amounts(store, project) == Decimal("2.5") * 3_040
