from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from itertools import islice, pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from spanledger.errors import InvalidQuery
from spanledger.storage.buckets import BUCKETS_MAX, edges, iter_edges

ZONES = [
    "UTC",
    "Europe/Berlin",
    "America/New_York",
    "America/Sao_Paulo",
    "America/Havana",
    "America/St_Johns",
    "America/Caracas",
    "America/Toronto",
    "Africa/Cairo",
    "Africa/Casablanca",
    "Africa/Monrovia",
    "Asia/Beirut",
    "Asia/Kolkata",
    "Asia/Kathmandu",
    "Asia/Pyongyang",
    "Asia/Tehran",
    "Asia/Gaza",
    "Australia/Lord_Howe",
    "Antarctica/Troll",
    "Europe/Amsterdam",
    "Pacific/Apia",
    "Pacific/Chatham",
    "Pacific/Kiritimati",
]

SECOND = timedelta(seconds=1)

SPANS = {
    "1m": timedelta(hours=6),
    "1h": timedelta(days=12),
    "1d": timedelta(days=400),
    "1w": timedelta(days=800),
    "1M": timedelta(days=2000),
}
"""How long the ranges of a property test are at most, so that it ends."""


NAIVE = datetime(2026, 1, 1, tzinfo=UTC).replace(tzinfo=None)


@st.composite
def ranges(draw: st.DrawFn) -> tuple[datetime, datetime, str, str]:
    """A range with a width and a zone, everywhere in the time that zones have rules for."""
    width = draw(st.sampled_from(sorted(SPANS)))
    years = (NAIVE.replace(year=1915), NAIVE.replace(year=2060))
    start = draw(st.datetimes(*years, timezones=st.just(UTC)))
    length = draw(st.timedeltas(timedelta(microseconds=1), SPANS[width]))
    return start, start + length, width, draw(st.sampled_from(ZONES))


def reading(instant: datetime, zone: str, width: str) -> str:
    """The local time to the precision of a width, as a clock or calendar writes it."""
    pattern = {"1m": "%F %H:%M", "1h": "%F %H", "1d": "%F", "1w": "%G-W%V", "1M": "%Y-%m"}[width]
    return instant.astimezone(ZoneInfo(zone)).strftime(pattern)


@given(asked=ranges())
@example(
    (
        datetime(2018, 11, 1, tzinfo=UTC),
        datetime(2018, 11, 8, tzinfo=UTC),
        "1h",
        "America/Sao_Paulo",
    )
)
@example(
    (
        datetime(2009, 10, 31, tzinfo=UTC),
        datetime(2009, 11, 3, tzinfo=UTC),
        "1d",
        "America/St_Johns",
    )
)
@example(
    (datetime(1985, 12, 31, tzinfo=UTC), datetime(1986, 1, 2, tzinfo=UTC), "1m", "Asia/Kathmandu")
)
@example(
    (datetime(2011, 12, 25, tzinfo=UTC), datetime(2012, 1, 4, tzinfo=UTC), "1d", "Pacific/Apia")
)
def test_edges_rise_and_cover_the_range(asked: tuple[datetime, datetime, str, str]) -> None:
    """Edges rise strictly from the start to the end, so days always sum to the range."""
    start, end, *_ = asked
    found = list(islice(iter_edges(*asked), 20_000))

    assert (found[0], found[-1]) == (start, end)
    assert all(earlier < later for earlier, later in pairwise(found))
    assert {edge.tzinfo for edge in found} == {UTC}


@given(asked=ranges())
@example(
    (
        datetime(2018, 11, 1, tzinfo=UTC),
        datetime(2018, 11, 8, tzinfo=UTC),
        "1h",
        "America/Sao_Paulo",
    )
)
@example(
    (
        datetime(2009, 10, 31, tzinfo=UTC),
        datetime(2009, 11, 3, tzinfo=UTC),
        "1d",
        "America/St_Johns",
    )
)
@example(
    (
        datetime(2024, 4, 6, tzinfo=UTC),
        datetime(2024, 4, 8, tzinfo=UTC),
        "1h",
        "Australia/Lord_Howe",
    )
)
def test_inner_edges_are_local_boundaries(asked: tuple[datetime, datetime, str, str]) -> None:
    """Just before an inner edge the local clock or calendar shows something earlier than at it."""
    _, _, width, zone = asked
    inner = list(iter_edges(*asked))[1:-1]

    for edge in inner:
        before, at = (reading(instant, zone, width) for instant in (edge - SECOND, edge))
        repeated = edge.astimezone(ZoneInfo(zone)).strftime("%M:%S").endswith("00")
        assert before < at or (width in {"1m", "1h"} and repeated)


@given(asked=ranges())
@example(
    (
        datetime(2018, 11, 3, tzinfo=UTC),
        datetime(2018, 11, 8, tzinfo=UTC),
        "1d",
        "America/Sao_Paulo",
    )
)
def test_no_boundary_is_missed(asked: tuple[datetime, datetime, str, str]) -> None:
    """Within a bucket the clock or calendar never shows anything beyond what its start showed."""
    _, _, width, zone = asked

    for start, end in pairwise(iter_edges(*asked)):
        instants = (start + (end - start) * share // 7 for share in range(7))
        shown = max(
            reading(instant, zone, width)
            for instant in (*instants, end - timedelta(microseconds=1))
        )
        assert shown <= reading(start, zone, width)


def hours(asked: Iterator[datetime]) -> list[float]:
    """Lengths of the buckets in hours."""
    return [(later - earlier) / timedelta(hours=1) for earlier, later in pairwise(asked)]


def days(year: int, month: int, day: int, number: int, zone: str) -> list[float]:
    """Hours of each of some local days, from the first midnight of one that has no change."""
    start = datetime(year, month, day, tzinfo=ZoneInfo(zone))
    end = datetime.combine(date(year, month, day) + timedelta(number), start.time(), start.tzinfo)
    return hours(iter_edges(start, end, "1d", zone))


@pytest.mark.parametrize(
    ("zone", "first", "expected"),
    [
        ("Europe/Berlin", (2026, 3, 28), [24, 23, 24]),
        ("Europe/Berlin", (2026, 10, 24), [24, 25, 24]),
        ("Asia/Kolkata", (2026, 3, 28), [24, 24, 24]),
        ("Australia/Lord_Howe", (2026, 4, 4), [24, 24.5, 24]),
        ("America/Sao_Paulo", (2018, 11, 3), [24, 23, 24]),
        ("America/Sao_Paulo", (2018, 2, 16), [24, 25, 24]),
        ("America/Havana", (2026, 10, 31), [24, 25, 24]),
        ("Asia/Beirut", (2024, 3, 30), [24, 23, 24]),
        ("Africa/Cairo", (2024, 4, 25), [24, 23, 24]),
        ("Africa/Cairo", (2024, 10, 30), [24, 25, 24]),
        ("Pacific/Apia", (2011, 12, 28), [24, 24, 24, 24]),
        ("America/St_Johns", (2009, 10, 31), [24, 25, 24]),
        ("America/Toronto", (1919, 3, 29), [24, 23.5, 23.5]),
    ],
)
def test_days_with_a_change(zone: str, first: tuple[int, int, int], expected: list[float]) -> None:
    """Days have the hours that they had, also where midnight is missing or stands twice."""
    number = 5 if zone == "Pacific/Apia" else 3

    assert days(*first, number, zone) == expected


@pytest.mark.parametrize(
    ("zone", "start", "expected"),
    [
        ("Europe/Berlin", datetime(2026, 10, 24, 23, tzinfo=UTC), [1, 1, 1, 1, 1, 1]),
        ("Europe/Berlin", datetime(2026, 3, 28, 23, tzinfo=UTC), [1, 1, 1, 1, 1, 1]),
        ("Asia/Kolkata", datetime(2026, 3, 28, 23, tzinfo=UTC), [0.5, 1, 1, 1, 1, 1, 0.5]),
        ("Australia/Lord_Howe", datetime(2026, 4, 4, 13, tzinfo=UTC), [1, 1.5, 1, 1, 1, 0.5]),
        (
            "Australia/Lord_Howe",
            datetime(2026, 10, 3, 13, 30, tzinfo=UTC),
            [1, 1, 0.5, 1, 1, 1, 0.5],
        ),
        ("America/St_Johns", datetime(2009, 11, 1, 0, 30, tzinfo=UTC), [1, 1, 1, 1, 1, 1]),
    ],
)
def test_hours_over_a_change(zone: str, start: datetime, expected: list[float]) -> None:
    """A repeated hour is two hours, a skipped one none, and a half-hour change makes half ones."""
    assert hours(iter_edges(start, start + timedelta(hours=6), "1h", zone)) == expected


def test_weeks_and_months() -> None:
    """Weeks begin on Monday, months on the first; buckets at the ends are cut to the range."""
    start, end = datetime(2026, 1, 30, 5, tzinfo=UTC), datetime(2026, 3, 1, 1, tzinfo=UTC)

    def inner(width: str) -> list[str]:
        berlin = ZoneInfo("Europe/Berlin")
        return [
            edge.astimezone(berlin).isoformat()
            for edge in edges(start, end, width, "Europe/Berlin")[1:-1]
        ]

    assert inner("1w") == [
        "2026-02-02T00:00:00+01:00",
        "2026-02-09T00:00:00+01:00",
        "2026-02-16T00:00:00+01:00",
        "2026-02-23T00:00:00+01:00",
    ]
    assert inner("1M") == ["2026-02-01T00:00:00+01:00", "2026-03-01T00:00:00+01:00"]


def test_total_has_no_edges() -> None:
    """`total` is one bucket of everything, which needs no edges."""
    start = datetime(2026, 1, 1, tzinfo=UTC)

    assert edges(start, start + SECOND, "total", "UTC") == ()


def test_start_within_the_second_evening() -> None:
    """A range that starts after midnight was struck the first time of two meets it no more."""
    start = datetime(2009, 11, 1, 3, 0, tzinfo=UTC)

    assert start.astimezone(ZoneInfo("America/St_Johns")).strftime("%d %H:%M") == "31 23:30"
    assert edges(start, start + timedelta(days=2), "1d", "America/St_Johns") == (
        start,
        datetime(2009, 11, 2, 3, 30, tzinfo=UTC),
        start + timedelta(days=2),
    )


@given(asked=ranges(), index=st.integers(0, 50))
def test_going_on_from_an_edge(asked: tuple[datetime, datetime, str, str], index: int) -> None:
    """Pages that go on from an inner edge find the edges that one page would have had."""
    start, end, width, zone = asked
    found = list(islice(iter_edges(start, end, width, zone), 200))
    again = min(index, len(found) - 2)

    assert list(islice(iter_edges(found[again], end, width, zone), 200 - again)) == found[again:]


def test_minutes_of_a_century_are_lazy() -> None:
    """The first edges of a range too long to list can be had."""
    start, end = datetime(1970, 1, 1, tzinfo=UTC), datetime(2070, 1, 1, tzinfo=UTC)

    assert list(islice(iter_edges(start, end, "1m", "UTC"), 3)) == [
        start,
        start + timedelta(minutes=1),
        start + timedelta(minutes=2),
    ]


def test_too_many_buckets_are_refused() -> None:
    """The most buckets are allowed, one more is refused with advice."""
    start = datetime(2026, 1, 1, tzinfo=UTC)
    most = start + timedelta(minutes=BUCKETS_MAX)

    assert len(edges(start, most, "1m", "UTC")) == BUCKETS_MAX + 1
    with pytest.raises(InvalidQuery, match="more than 10000 buckets of 1m: use a wider"):
        edges(start, most + SECOND, "1m", "UTC")


@pytest.mark.parametrize(
    "zone",
    ["", "Mars/Base", "Europe", "../etc/passwd", "/etc/passwd", "a\0b", "é", "\ud800", "x" * 5000],
)
def test_unknown_zones_are_refused(zone: str) -> None:
    """Whatever is no IANA zone is refused in a readable sentence."""
    start = datetime(2026, 1, 1, tzinfo=UTC)

    with pytest.raises(InvalidQuery, match=r"unknown time zone .* use an IANA name"):
        edges(start, start + SECOND, "1d", zone)


@pytest.mark.parametrize(
    ("start", "end", "width", "message"),
    [
        (datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 1, 2, tzinfo=UTC), "2d", "bucket_width"),
        (datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 1, 1, tzinfo=UTC), "1d", "starts at"),
        (datetime(2026, 1, 2, tzinfo=UTC), datetime(2026, 1, 1, tzinfo=UTC), "total", "starts at"),
        (NAIVE, datetime(2026, 1, 2, tzinfo=UTC), "1d", "no zone"),
        (datetime(1, 1, 1, tzinfo=UTC), datetime(2026, 1, 2, tzinfo=UTC), "1M", "not between"),
        (datetime(2026, 1, 1, tzinfo=UTC), datetime(9999, 1, 2, tzinfo=UTC), "1M", "not between"),
    ],
)
def test_senseless_ranges_are_refused(
    start: datetime, end: datetime, width: str, message: str
) -> None:
    """Ranges and widths that make no sense are refused before the first edge is asked for."""
    with pytest.raises(InvalidQuery, match=message):
        iter_edges(start, end, width, "UTC")
