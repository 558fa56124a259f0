"""The figures of the dashboard, computed from a store's answers and ready to be drawn."""

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Final
from zoneinfo import ZoneInfo

from spanledger.api.costs import day_start
from spanledger.api.money import share, subtract
from spanledger.storage.buckets import edges
from spanledger.storage.query import CostResult, CostTable, Quality

__all__ = [
    "NOTHING",
    "RANGES",
    "Bar",
    "Share",
    "Trend",
    "Window",
    "bars",
    "left_out",
    "shares",
    "window",
]

NOTHING: Final = CostResult(
    bucket=0,
    group=(),
    amount=None,
    calls=0,
    errors=0,
    input_tokens=0,
    output_tokens=0,
    cache_read_tokens=0,
    cache_write_tokens=0,
    reasoning_tokens=0,
    quality=Quality(),
)
"""The total of no calls."""

_MONTHS: Final = 24
_QUALITIES: Final = tuple(field.name for field in fields(Quality))
_COUNTS: Final = ("calls", "errors", "input_tokens", "output_tokens", "cache_read_tokens")


@dataclass(frozen=True, slots=True)
class _Shape:
    """How a range is drawn: its title, the width of a bar, its label, and bars per label."""

    title: str
    width: str
    label: str
    step: int


RANGES: Final = {
    "24h": _Shape("Last 24 hours", "1h", "%H:%M", 4),
    "7d": _Shape("Last 7 days", "1d", "%a %d", 1),
    "30d": _Shape("Last 30 days", "1d", "%d %b", 5),
    "all": _Shape("All time", "1M", "%b %Y", 4),
}
"""The ranges of the dashboard, by their name in its address."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """The time that the dashboard shows."""

    shape: _Shape
    zone: ZoneInfo
    start: datetime | None
    """Where the figures begin; `None`: with the first call."""
    end: datetime
    edges: tuple[datetime, ...]
    """Of the bars. They cover the figures, but for `all`: there they cover the last 24 months."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """One bar of the trend."""

    label: str
    height: Decimal
    """Percent of the chart."""
    result: CostResult
    left_out: int
    """Calls that no amount is known of."""


@dataclass(frozen=True, slots=True)
class Trend:
    """The bars, the amount that a full height stands for, and the labels below."""

    bars: tuple[Bar, ...]
    top: Decimal
    labels: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """A line of a table that splits the total."""

    name: str
    result: CostResult
    percent: Decimal
    left_out: int
    is_rest: bool = False
    """This line sums up all that have no line of their own."""


def window(name: str, now: datetime, zone: ZoneInfo) -> Window:
    """The time that a name in `RANGES` stands for, on whole hours, days or months of `zone`."""
    shape, end = RANGES[name], now + timedelta(microseconds=1)
    match name:
        case "24h":
            hour = now.astimezone(zone).replace(minute=0, second=0, microsecond=0)
            start = hour.astimezone(UTC) - timedelta(hours=23)
        case "all":
            start = _months_ago(now.astimezone(zone), _MONTHS - 1)
        case _:
            start = day_start(end, zone, int(name.removesuffix("d")))
    return Window(
        shape=shape,
        zone=zone,
        start=None if name == "all" else start,
        end=end,
        edges=edges(start, end, shape.width, zone.key),
    )


def bars(table: CostTable, shown: Window) -> Trend:
    """A bar for each bucket, those without calls included."""
    by_bucket = {result.bucket: result for result in table.results}
    top = _round_up(max((result.amount or Decimal(0) for result in table.results), default=None))
    drawn = tuple(
        _bar(_label(start, shown), by_bucket.get(index, NOTHING), top)
        for index, start in enumerate(shown.edges[:-1])
    )
    starts = [
        start.astimezone(shown.zone) for start in shown.edges[: len(drawn) : shown.shape.step]
    ]
    return Trend(drawn, top, tuple(f"{start:{shown.shape.label}}" for start in starts))


def shares(table: CostTable, total: CostResult) -> list[Share]:
    """A line for each result, and one for the rest, so that the lines always sum to the total."""
    lines = [_share(result.group[0] or "(none)", result, total) for result in table.results]
    if table.truncated:
        rest = _rest(total, table.results)
        lines.append(_share("everything else", rest, total, is_rest=True))
    return lines


def left_out(result: CostResult) -> int:
    """Calls of `result` that its amount knows nothing of."""
    return result.quality.unpriced_calls + result.quality.invalid_calls


def _months_ago(local: datetime, months: int) -> datetime:
    first = local.year * 12 + local.month - 1 - months
    return datetime(first // 12, first % 12 + 1, 1, tzinfo=local.tzinfo).astimezone(UTC)


def _round_up(amount: Decimal | None) -> Decimal:
    """The next 1, 2 or 5 followed by zeros: a scale that can be read."""
    if not amount:
        return Decimal(0)
    unit = Decimal(1).scaleb(amount.adjusted())
    return next(step * unit for step in (1, 2, 5, 10) if step * unit >= amount)


def _bar(label: str, result: CostResult, top: Decimal) -> Bar:
    return Bar(
        label=label, height=share(result.amount, top), result=result, left_out=left_out(result)
    )


def _label(start: datetime, shown: Window) -> str:
    local = start.astimezone(shown.zone)
    match shown.shape.width:
        case "1h":
            return f"{local:%d %b %H:%M}"
        case "1M":
            return f"{local:%B %Y}"
        case _:
            return f"{local:%a %d %b %Y}"


def _share(name: str, result: CostResult, total: CostResult, *, is_rest: bool = False) -> Share:
    return Share(
        name=name,
        result=result,
        percent=share(result.amount, total.amount),
        left_out=left_out(result),
        is_rest=is_rest,
    )


def _rest(total: CostResult, shown: Sequence[CostResult]) -> CostResult:
    """What of `total` is not in `shown`."""

    def beyond(whole: object, parts: Sequence[object], name: str) -> int:
        return getattr(whole, name) - sum(getattr(part, name) for part in parts)

    qualities = [result.quality for result in shown]
    rest = replace(
        total,
        **{name: beyond(total, shown, name) for name in _COUNTS},
        quality=Quality(**{n: beyond(total.quality, qualities, n) for n in _QUALITIES}),
    )
    if total.amount is None or rest.calls == left_out(rest):
        return replace(rest, amount=None)
    known = [result.amount for result in shown if result.amount is not None]
    return replace(rest, amount=subtract(total.amount, known))
