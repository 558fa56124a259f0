"""The figures of the dashboard, before they are drawn."""

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest

from spanledger.api.figures import NOTHING, bars, shares, window
from spanledger.storage.query import CostResult, CostTable, Quality

from .conftest import NOW

UTC_ZONE = ZoneInfo("UTC")


def result(amount: str | None, calls: int = 1, bucket: int = 0, name: str = "x") -> CostResult:
    """A result of `calls` calls that are all priced, or all unpriced."""
    quality = Quality(priced_calls=calls) if amount else Quality(unpriced_calls=calls)
    return replace(
        NOTHING,
        amount=None if amount is None else Decimal(amount),
        calls=calls,
        bucket=bucket,
        group=(name,),
        quality=quality,
    )


@pytest.mark.parametrize(
    ("name", "zone", "start", "count"),
    [
        ("24h", "UTC", datetime(2026, 11, 19, 13, tzinfo=UTC), 24),
        ("24h", "Asia/Kolkata", datetime(2026, 11, 19, 13, 30, tzinfo=UTC), 24),
        ("7d", "UTC", datetime(2026, 11, 14, tzinfo=UTC), 7),
        ("7d", "Asia/Shanghai", datetime(2026, 11, 13, 16, tzinfo=UTC), 7),
        ("30d", "America/New_York", datetime(2026, 10, 22, 4, tzinfo=UTC), 30),
        ("all", "UTC", datetime(2024, 12, 1, tzinfo=UTC), 24),
    ],
)
def test_windows(name: str, zone: str, start: datetime, count: int) -> None:
    """A range begins on a whole hour, day or month of its zone and ends now, this call included."""
    shown = window(name, NOW, ZoneInfo(zone))

    assert (shown.edges[0], len(shown.edges) - 1) == (start, count)
    assert shown.start == (None if name == "all" else start)
    assert shown.edges[-1] > NOW


def test_bars_stand_on_a_readable_scale() -> None:
    """The scale ends at 1, 2 or 5; a bucket without calls has a bar of no height."""
    table = CostTable((result("0.03", bucket=1), result(None, bucket=6)), truncated=False)
    trend = bars(table, window("7d", NOW, UTC_ZONE))

    assert trend.top == Decimal("0.05")
    assert [bar.height for bar in trend.bars] == [0, 60, 0, 0, 0, 0, 0]
    assert [bar.left_out for bar in trend.bars] == [0, 0, 0, 0, 0, 0, 1]
    assert trend.bars[1].label == "Sun 15 Nov 2026"
    assert len(trend.labels) == 7


@pytest.mark.parametrize(
    ("largest", "top"),
    [("1", 1), ("1.01", 2), ("2", 2), ("4.9", 5), ("5.1", 10), ("0.0007", "0.001"), ("0", 0)],
)
def test_the_scale_is_never_too_small(largest: str, top: object) -> None:
    """The highest bar fits, and fills at least two fifths."""
    table = CostTable((result(largest),), truncated=False)

    assert bars(table, window("7d", NOW, UTC_ZONE)).top == Decimal(str(top))


def test_no_calls_draw_nothing() -> None:
    """Without calls there is no scale."""
    assert bars(CostTable((), truncated=False), window("24h", NOW, UTC_ZONE)).top == 0


def test_shares_always_sum_to_the_total() -> None:
    """What has no line of its own is in the last one, so nothing is hidden."""
    total = replace(
        result("10", 9), quality=Quality(priced_calls=6, unpriced_calls=3), input_tokens=7
    )
    shown = (result("6", 2, name="a"), result("3", 1, name=""))
    lines = shares(CostTable(shown, truncated=True), total)

    assert [line.name for line in lines] == ["a", "(none)", "everything else"]
    assert [line.result.amount for line in lines] == [6, 3, 1]
    assert [line.result.calls for line in lines] == [2, 1, 6]
    assert [line.left_out for line in lines] == [0, 0, 3]
    assert [str(line.percent) for line in lines] == ["60.0", "30.0", "10.0"]


def test_a_rest_without_any_price_is_unknown() -> None:
    """If all that is left is unpriced, its amount is unknown and not 0."""
    total = replace(result("6", 5), quality=Quality(priced_calls=2, unpriced_calls=3))
    lines = shares(CostTable((result("6", 2),), truncated=True), total)

    assert lines[-1].result.amount is None
