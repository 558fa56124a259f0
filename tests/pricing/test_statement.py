"""When a statement holds, minute by minute against a calendar; and what a price by size is."""

from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spanledger.pricing.statement import Period, Price

MONDAY = datetime(2026, 3, 2, tzinfo=UTC)
TICK = timedelta(microseconds=1)
minutes = st.integers(0, 24 * 60 - 1)


def test_a_tier_begins_beyond_its_threshold() -> None:
    """Not at it; the highest that was passed holds for all of the call."""
    price = Price(Decimal(1), ((100, Decimal(2)), (200, Decimal(3))))

    assert [price.at(tokens) for tokens in (0, 100, 101, 200, 201)] == [1, 1, 2, 2, 3]
    assert Price(Decimal(7)).at(10**9) == 7


def test_a_factor_is_for_every_tier() -> None:
    """Exactly, and for the base as well."""
    price = Price(Decimal("1.1"), ((100, Decimal("2.2")),)).times(Decimal("0.5"))

    assert price == Price(Decimal("0.55"), ((100, Decimal("1.10")),))


def test_from_is_inclusive_and_to_exclusive_to_the_microsecond() -> None:
    """A price list of the first ends with the last tick before the next."""
    start, end = MONDAY, MONDAY + timedelta(days=1)
    period = Period(start=start, end=end)

    assert start in period
    assert start - TICK not in period
    assert end - TICK in period
    assert end not in period
    assert start.astimezone(timezone(timedelta(hours=8))) in period


def test_what_is_not_said_is_not_limited() -> None:
    """Neither end, neither hours nor days."""
    assert datetime(1, 1, 1, tzinfo=UTC) in Period()
    assert not Period().recurs
    assert Period(weekdays=frozenset({1})).recurs
    assert Period(hours=(time(1), time(2))).recurs
    assert Period(start=MONDAY).since == date(2026, 3, 2)
    assert Period().since is None


@given(
    start=minutes,
    length=st.integers(1, 24 * 60 - 1),
    days=st.frozensets(st.integers(0, 6)),
    at=st.integers(0, 14 * 24 * 60 - 1),
    micro=st.sampled_from([0, 1, 59_999_999]),
    offset=st.integers(-12, 12),
)
def test_windows_are_those_of_a_calendar_made_minute_by_minute(
    start: int, length: int, days: frozenset[int], at: int, micro: int, offset: int
) -> None:
    """Weekdays and hours, past midnight too: a window belongs to the day it began on."""
    end = (start + length) % (24 * 60)
    period = Period(weekdays=days, hours=(as_time(start), as_time(end)))
    calendar: set[int] = set()
    for day in range(-1, 14):  # Monday is 0
        if not days or day % 7 in days:
            begin = day * 24 * 60 + start
            calendar.update(range(begin, begin + length))

    instant = MONDAY + timedelta(minutes=at, microseconds=micro)
    zone = timezone(timedelta(hours=offset))

    assert (instant.astimezone(zone) in period) is (at in calendar)


def as_time(minute: int) -> time:
    """The minute of a day."""
    return time(minute // 60, minute % 60)


def test_hours_that_end_where_they_start_never_hold() -> None:
    """As genai-prices has it; an overlay that says so is refused."""
    never = Period(hours=(time(6), time(6)))

    assert MONDAY.replace(hour=6) not in never
    assert MONDAY not in never


@pytest.mark.parametrize("day", range(7))
def test_weekdays_without_hours_are_whole_days(day: int) -> None:
    """From midnight to midnight, UTC."""
    period = Period(weekdays=frozenset({day}))
    begin = MONDAY + timedelta(days=day)

    assert begin in period
    assert begin - TICK not in period
    assert begin + timedelta(days=1) - TICK in period
    assert begin + timedelta(days=1) not in period
