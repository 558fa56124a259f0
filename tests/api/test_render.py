"""Templates escape, and counts are short."""

from datetime import UTC, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest

from spanledger.api.render import _clock, _compact, _exact_title, _or_dash, _percent_of, render


def test_what_is_filled_in_is_escaped() -> None:
    """No text can become markup."""
    page = render("error.html", code=404, message="<script>alert(1)</script>")

    assert b"<script" not in page.body
    assert b"&lt;script&gt;" in page.body


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (0, "0"),
        (999, "999"),
        (1000, "1K"),
        (12_345, "12.3K"),
        (999_499, "999K"),
        (999_999, "1M"),
        (4_720_000, "4.72M"),
        (12_000_000_000, "12B"),
    ],
)
def test_compact(count: int, text: str) -> None:
    """Three digits and a letter, never four."""
    assert _compact(count) == text


def test_small_texts() -> None:
    """Times in their zone, and a dash where there is no figure."""
    midnight = datetime(2026, 11, 20, tzinfo=UTC)

    assert _clock(midnight, ZoneInfo("Asia/Shanghai")) == "2026-11-20 08:00:00"
    assert (_or_dash(None), _or_dash(0)) == ("\N{EN DASH}", "0")
    assert (_percent_of(1, 8), _percent_of(0, 0)) == ("12.5%", "0%")
    assert _exact_title(None) == "no price is known"
    assert _exact_title(Decimal("0.10")) == "0.1 USD"
