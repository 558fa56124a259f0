"""Money as text: exact for programs, readable for people."""

from datetime import date
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spanledger.api.money import (
    amount_json,
    dollars,
    exact,
    rate_json,
    readable,
    share,
    subtract,
)
from spanledger.pricing.exchange_rates import ExchangeRate

AMOUNTS = st.decimals(
    min_value=-(10**20), max_value=10**20, places=12, allow_nan=False, allow_infinity=False
)


@pytest.mark.parametrize(
    ("amount", "text"),
    [
        ("0.006500000000", "0.0065"),
        ("0E-12", "0"),
        ("-0", "0"),
        ("12", "12"),
        ("100.000", "100"),
        ("1E+3", "1000"),
        ("1E-12", "0.000000000001"),
    ],
)
def test_exact(amount: str, text: str) -> None:
    """Every digit, no exponent, no needless zeros."""
    assert exact(Decimal(amount)) == text


@given(AMOUNTS)
def test_exact_loses_nothing(amount: Decimal) -> None:
    """Reading the text again gives the amount."""
    text = exact(amount)

    assert Fraction(text) == Fraction(amount)
    assert "e" not in text.lower()


def test_unknown_is_null() -> None:
    """An unknown amount is null, an exact zero is "0"."""
    assert amount_json(None) == {"value": None, "currency": "usd"}
    assert amount_json(Decimal("0.000")) == {"value": "0", "currency": "usd"}


def test_a_rate_says_where_it_is_from() -> None:
    """S3.6: an amount in another currency stands beside its rate, the day of it and its source."""
    rate = ExchangeRate(
        currency="cny",
        per_usd=Decimal("7.10"),
        valid_from=date(2026, 11, 1),
        source="our books",
    )

    assert amount_json(Decimal("0.50"), "cny") == {"value": "0.5", "currency": "cny"}
    assert rate_json(rate) == {"per_usd": "7.1", "date": "2026-11-01", "source": "our books"}
    assert rate_json(None) is None


@pytest.mark.parametrize(
    ("amount", "text"),
    [
        (None, "unpriced"),
        ("0", "$0.00"),
        ("0.5", "$0.50"),
        ("0.0065", "$0.0065"),
        ("0.000000123456789", "$0.000000123457"),
        ("12.3456789", "$12.3457"),
        ("999.9999999", "$1,000.00"),
        ("1234567.895", "$1,234,567.90"),
        ("-0.25", "-$0.25"),
        ("12345678901234567890123456.005", "$12,345,678,901,234,567,890,123,456.00"),
    ],
)
def test_readable(amount: str | None, text: str) -> None:
    """Two decimals at least, more where an amount is small, and never 0 for unknown."""
    assert readable(None if amount is None else Decimal(amount)) == text


def test_dollars_keeps_every_digit() -> None:
    """A rate is shown whole, and like money."""
    assert [dollars(Decimal(rate)) for rate in ("2.5", "0.0750001", "10")] == [
        "$2.50",
        "$0.0750001",
        "$10.00",
    ]


def test_share() -> None:
    """A share of something unknown, or of nothing, is drawn as nothing."""
    assert share(Decimal(1), Decimal(3)) == Decimal("33.3")
    assert share(None, Decimal(3)) == share(Decimal(1), None) == share(Decimal(1), Decimal(0)) == 0


@given(AMOUNTS, st.lists(AMOUNTS, max_size=5))
def test_subtract_is_exact(amount: Decimal, parts: list[Decimal]) -> None:
    """No digit is lost, though the default context keeps 28 only."""
    assert Fraction(subtract(amount, parts)) == Fraction(amount) - sum(map(Fraction, parts))
