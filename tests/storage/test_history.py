"""What every store promises beside the calls; each test runs over all of them."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spanledger.errors import InvalidQuery
from spanledger.pricing.cost import Unpriced
from spanledger.storage.clickhouse import ClickHouseStore
from spanledger.storage.columns import COLUMNS
from spanledger.storage.history import (
    MICROSECOND,
    Difference,
    PeriodAct,
    Repricing,
    later,
    month_bounds,
    months_touched,
)
from spanledger.storage.protocol import Store
from spanledger.storage.row import CostRow

Builder = Callable[..., CostRow]


@pytest.fixture(scope="module")
def store(any_store: Store) -> Store:
    """The contract holds on a cluster's tables as well."""
    return any_store


NOON = datetime(2026, 11, 1, 12, tzinfo=UTC)
OCTOBER = datetime(2026, 10, 1, tzinfo=UTC)
NOVEMBER = datetime(2026, 11, 1, tzinfo=UTC)


def test_books_are_kept(store: Store, project: str) -> None:
    """A book comes back byte for byte, and is in use since it was first kept."""
    content, one, two = bytes(range(256)) * 40, f"{project}+1", f"{project}+2"
    later_on = NOON + timedelta(days=1)
    base = store.keep_book(f"{project}+0", b"", NOON)

    assert store.book(one) is None
    since = store.keep_book(one, content, base + timedelta(hours=1))
    assert store.keep_book(one, content, base + timedelta(days=9)) == since
    assert store.keep_book(two, b"other", later_on) > since
    assert (store.book(one), store.book(two)) == (content, b"other")
    assert store.book("never") is None


def test_a_book_that_returns_is_in_use_anew(store: Store, project: str) -> None:
    """After another book, an earlier one is in use since now, also where the clock went back."""
    first = store.keep_book(f"{project}+1", b"1", NOON + timedelta(days=2))
    second = store.keep_book(f"{project}+2", b"2", NOON - timedelta(days=300))
    third = store.keep_book(f"{project}+1", b"1", NOON - timedelta(days=300))

    assert first < second < third
    assert store.book(f"{project}+1") == b"1"


def test_an_act_that_is_kept_twice_is_one(store: Store, project: str) -> None:
    """An act is kept again where the answer to the first time got lost."""
    act = PeriodAct(project=project, month="2026-10", closed=True, made_at=NOON, made_by="ann")
    store.keep_period(act)
    store.keep_period(act)

    assert list(store.periods(project)) == [act]


def test_period_acts_come_back(store: Store, project: str) -> None:
    """All acts of a project, by month and time, and none of another."""

    def act(month: str, hours: int, project: str = project, *, closed: bool = True) -> PeriodAct:
        made_at = NOON + timedelta(hours=hours)
        return PeriodAct(
            project=project, month=month, closed=closed, made_at=made_at, made_by="O'Neil"
        )

    acts = [act("2026-10", 3), act("2026-09", 1), act("2026-10", 4, closed=False)]
    for one in (*acts, act("2026-10", 5, f"{project}-other")):
        store.keep_period(one)

    assert list(store.periods(project)) == [acts[1], acts[0], acts[2]]


def a_repricing(project: str, number: int = 1, **said: Any) -> Repricing:
    """A repricing in which no field has its default."""
    full = Repricing(
        project=project,
        id=f"rp_{number}",
        number=number,
        made_at=NOON,
        made_by="ann; --",
        start=OCTOBER,
        end=NOVEMBER - MICROSECOND,
        models=("gpt-4o", "it's"),
        book_version="list/1+2",
        state="applied",
        state_at=NOON + MICROSECOND,
        state_by="bob",
        revision=2,
        replaced_versions=("list/0",),
        differences=(
            Difference(
                provider="openai",
                model="gpt-4o",
                calls=9,
                changed_calls=3,
                amount_before=None,
                amount_after=Decimal("99999999999999999999.000000000001"),
                newly_priced_calls=2,
                newly_unpriced_calls=1,
            ),
        ),
    )
    return replace(full, **said)


def test_repricings_come_back(store: Store, project: str) -> None:
    """Every field comes back, the highest revision stands, and the latest is first."""
    one, two = a_repricing(project), a_repricing(project, 2, models=(), differences=())
    other = a_repricing(f"{project}-other", 3)
    begun = replace(one, state="applying", revision=1)
    for repricing in (one, begun, two, other):
        store.keep_repricing(repricing)

    assert list(store.repricings(project)) == [two, one]


def test_replaced_rows_come_back(store: Store, project: str, a_row: Builder) -> None:
    """A row is kept as it was for each repricing, and the later of two of a call stands."""
    rows = [a_row(str(n + 1), project=project, start_time=NOON + n * MICROSECOND) for n in range(3)]
    newer = replace(rows[0], cost=Unpriced("x"), recorded_at=NOON + MICROSECOND)
    store.keep_replaced(f"{project}-a", [newer, rows[1]])
    store.keep_replaced(f"{project}-a", [rows[0]])
    store.keep_replaced(f"{project}-b", [rows[2]])
    store.keep_replaced(f"{project}-b", [])
    calls = [row.call for row in rows]

    assert store.replaced(f"{project}-a", calls) == {
        rows[0].call.identity: newer,
        rows[1].call.identity: rows[1],
    }
    assert store.replaced(f"{project}-b", calls[:2]) == {}
    assert store.replaced("none", calls) == {}
    assert store.stored(calls) == {}


def test_rows_are_looked_up(store: Store, project: str, a_row: Builder) -> None:
    """Rows are found by the identity of their calls, over months and projects, and no others."""
    rows = [
        a_row(project=project, start_time=NOON - timedelta(days=40 * n), trace_id="7" * 32)
        for n in range(5)
    ]
    twin = replace(rows[0], call=replace(rows[0].call, project=f"{project}-twin"))
    store.write([*rows, twin])
    absent = a_row(project=project).call
    asked = [absent, *(row.call for row in rows[:4]), twin.call]

    assert store.stored(asked) == {row.call.identity: row for row in [*rows[:4], twin]}
    assert store.stored([absent]) == {}
    assert store.stored([]) == {}


def test_many_rows_are_looked_up(store: Store, project: str, a_row: Builder) -> None:
    """More calls than one question may name are asked for in several."""
    rows = [a_row(project=project, start_time=NOON + n * MICROSECOND) for n in range(4_100)]
    store.write(rows)

    assert len(store.stored([row.call for row in rows])) == len(rows)


def test_replaced_rows_have_every_column(embedded: ClickHouseStore) -> None:
    """A column that calls got and replaced calls did not would be lost by an undo."""
    with embedded._client() as client:
        answer = client.query(
            "SELECT name, type FROM system.columns "
            "WHERE database = 'spanledger' AND table = 'replaced_calls'"
        )

    assert {name: type_ for name, type_ in answer.result_rows} == {  # noqa: C416 - typed
        "repricing": "String"
    } | {column.name: column.type for column in COLUMNS}


def test_months_have_bounds() -> None:
    """A month is from its first instant to that of the next, in UTC."""
    assert month_bounds("2026-10") == (OCTOBER, NOVEMBER)
    assert month_bounds("2026-12")[1] == datetime(2027, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    "month", ["", "2026", "2026-1", "2026-13", "26-10", "2026-10-01", "October", "9999-12"]
)
def test_what_is_no_month(month: str) -> None:
    """Anything else is refused with an example."""
    with pytest.raises(InvalidQuery, match="write it like 2026-10"):
        month_bounds(month)


@given(
    st.datetimes(datetime(1990, 1, 1), datetime(2050, 1, 1)),  # noqa: DTZ001 - hypothesis adds the zone
    st.timedeltas(MICROSECOND, timedelta(days=99)),
)
def test_a_month_is_touched_if_it_overlaps(begin: datetime, length: timedelta) -> None:
    """The months between the first and the last are those that share an instant with the range."""
    start = begin.replace(tzinfo=UTC)
    end = start + length
    first, last = months_touched(start, end)

    assert month_bounds(first)[0] <= start < month_bounds(first)[1]
    assert month_bounds(last)[0] < end <= month_bounds(last)[1]


def test_later_is_later() -> None:
    """Time goes on where the clock does not."""
    assert later(NOON, NOON) == NOON + MICROSECOND
    assert later(NOON - timedelta(days=1), NOON) == NOON + MICROSECOND
    assert later(NOON + timedelta(days=1), NOON) == NOON + timedelta(days=1)
