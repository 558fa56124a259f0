"""Edges of time buckets: here, and only here, calendars and time zones are settled.

Edges are instants in UTC. The first is the start of the range and the last its end, so a bucket at
either end may be cut; those between stand where the local clock strikes. Days, weeks and months
begin the first time that the clock shows their date: after a gap where midnight does not exist, at
the first of two midnights where it stands twice. Hours and minutes begin whenever the clock strikes
them or jumps over the stroke, so an hour that the clock repeats is two buckets.
"""

from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, time, timedelta
from itertools import islice
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from spanledger.errors import InvalidQuery

__all__ = ["BUCKETS_MAX", "WIDTHS", "edges", "iter_edges"]

WIDTHS: Final = ("1m", "1h", "1d", "1w", "1M", "total")
"""What a bucket can be as wide as; weeks begin on Monday, `total` is the whole range."""

BUCKETS_MAX: Final = 10_000
"""More buckets than this in one answer are refused."""

_YEARS: Final = range(1900, 2299)
"""What ClickHouse's `DateTime64` can hold; beyond it lie only mistakes."""

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)

_CLOCK: Final = {"1m": timedelta(minutes=1), "1h": timedelta(hours=1)}

_CALENDAR: Final[dict[str, Callable[[date], date]]] = {
    "1d": lambda day: day + timedelta(days=1),
    "1w": lambda day: day + timedelta(days=7 - day.weekday()),
    "1M": lambda day: (day.replace(day=1) + timedelta(days=32)).replace(day=1),
}
"""For each width the first date of the next bucket."""


def edges(start: datetime, end: datetime, width: str, zone: str) -> tuple[datetime, ...]:
    """All edges of the buckets from `start` to `end`, none for `total`.

    Raises:
        InvalidQuery: the width or zone is unknown, the range makes no sense, or it has more than
            `BUCKETS_MAX` buckets.
    """
    found = tuple(islice(iter_edges(start, end, width, zone), BUCKETS_MAX + 2))
    if len(found) > BUCKETS_MAX + 1:
        msg = (
            f"the range has more than {BUCKETS_MAX} buckets of {width}: "
            "use a wider bucket_width or a shorter range"
        )
        raise InvalidQuery(msg)
    return found


def iter_edges(start: datetime, end: datetime, width: str, zone: str) -> Iterator[datetime]:
    """The edges one by one, so that a page needs only its own.

    The edges after any inner edge are the same whether one goes on or starts there again.

    Raises:
        InvalidQuery: at once, not at the first edge, for what `edges` refuses but the number.
    """
    if width not in WIDTHS:
        msg = f"unknown bucket_width {width!r}: use {', '.join(WIDTHS)}"
        raise InvalidQuery(msg)
    _check_range(start, end)
    place = _zone(zone)
    start, end = start.astimezone(UTC), end.astimezone(UTC)
    if width in _CLOCK:
        return _bounded(start, end, _strikes(start, _CLOCK[width], place))
    if width in _CALENDAR:
        return _bounded(start, end, _dates(start, _CALENDAR[width], place))
    return iter(())


def _check_range(start: datetime, end: datetime) -> None:
    for instant in (start, end):
        if instant.utcoffset() is None:
            msg = f"time {instant} has no zone"
            raise InvalidQuery(msg)
        if instant.year not in _YEARS:
            msg = f"time {instant.isoformat()} is not between {_YEARS.start} and {_YEARS.stop}"
            raise InvalidQuery(msg)
    if start >= end:
        msg = f"the range starts at {start.isoformat()} and ends at {end.isoformat()}"
        raise InvalidQuery(msg)


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        msg = f"unknown time zone {name[:80]!r}: use an IANA name such as Europe/Berlin"
        raise InvalidQuery(msg) from error


def _bounded(start: datetime, end: datetime, inner: Iterator[datetime]) -> Iterator[datetime]:
    """`start`, what of `inner` lies between, and `end`."""
    yield start
    for edge in inner:
        if edge >= end:
            break
        yield edge
    yield end


def _dates(
    start: datetime, following: Callable[[date], date], zone: ZoneInfo
) -> Iterator[datetime]:
    """The beginnings of local dates after `start`, endlessly."""
    day, edge = start.astimezone(zone).date(), start
    while True:
        day = following(day)
        begin = _beginning(day, zone)
        # A date that the zone left out begins where the next one does; and a midnight that stands
        # twice may have passed its first time before `start`.
        if begin > edge:
            edge = begin
            yield begin


def _beginning(day: date, zone: ZoneInfo) -> datetime:
    """The first instant at which the clock shows `day`, or a later date where it skips the day."""
    midnight = datetime.combine(day, time(), zone)
    first, second = midnight.astimezone(UTC), midnight.replace(fold=1).astimezone(UTC)
    # In a gap, fold 0 counts by the offset before it and so lies after fold 1.
    return first if first <= second else _transition(second, first, zone)


def _strikes(start: datetime, step: timedelta, zone: ZoneInfo) -> Iterator[datetime]:
    """The instants after `start` at which the local clock strikes, endlessly."""
    instant = start
    while True:
        last = _stroke(instant, step, zone)
        stroke = instant + (last + step - _local(instant, zone))
        if _offset(stroke, zone) == _offset(instant, zone):
            instant = stroke
            yield instant
            continue
        instant = _transition(instant, stroke, zone)
        now = _stroke(instant, step, zone)
        if now > last or now == _local(instant, zone):
            yield instant


def _stroke(instant: datetime, step: timedelta, zone: ZoneInfo) -> datetime:
    """What the clock showed when it last struck, as a naive time."""
    local = _local(instant, zone)
    return local - (local - datetime.min) % step  # noqa: DTZ901 - local times here are naive


def _local(instant: datetime, zone: ZoneInfo) -> datetime:
    return instant.astimezone(zone).replace(tzinfo=None)


def _offset(instant: datetime, zone: ZoneInfo) -> timedelta | None:
    return instant.astimezone(zone).utcoffset()


def _transition(before: datetime, after: datetime, zone: ZoneInfo) -> datetime:
    """The instant, a whole second, after `before` and not after `after`, where the offset changes.

    `zoneinfo` keeps its transitions to itself, so they are found by halving.
    """
    old, second = _offset(before, zone), timedelta(seconds=1)
    low, high = (before - _EPOCH) // second, (after - _EPOCH) // second
    while high - low > 1:
        middle = (low + high) // 2
        if _offset(_EPOCH + middle * second, zone) == old:
            low = middle
        else:
            high = middle
    return _EPOCH + high * second
