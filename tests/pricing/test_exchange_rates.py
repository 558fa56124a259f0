"""S3.6: other currencies by dated rates with their source; exact, and never without a rate."""

import re
from datetime import UTC, date, datetime, timedelta
from decimal import ROUND_HALF_EVEN, Context, Decimal
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spanledger.errors import SettingsError
from spanledger.pricing.cost import SCALE
from spanledger.pricing.exchange_rates import (
    CURRENCIES,
    NO_RATES,
    Converted,
    ExchangeRate,
    ExchangeRates,
)
from tests.house.source import ROOT

FILE = """
# rates of our own books
rates:
  - {currency: cny, per_usd: "7.12", from: 2026-11-01, source: books of November}
  - currency: EUR
    per_usd: 0.86
    from: "2026-11-01"
    source: books of November
  - {currency: cny, per_usd: 7.09, from: 2026-12-01, source: books of December}
"""
NOVEMBER = datetime(2026, 11, 20, 12, tzinfo=UTC)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A file that can be used."""
    path = tmp_path / "rates.yaml"
    path.write_text(FILE)
    return path


def build_rate(per_usd: Decimal | str, valid_from: date = date(2026, 1, 1)) -> ExchangeRate:
    """A rate for yuan."""
    return ExchangeRate(
        currency="cny", per_usd=Decimal(per_usd), valid_from=valid_from, source="a test"
    )


def test_a_file_is_read_as_it_is_spelled(path: Path) -> None:
    """S3.6: with or without quotation marks, a number never becomes a float."""
    rates = ExchangeRates.load(path)

    assert rates.currencies == ("cny", "eur")
    assert rates.rate("CNY", NOVEMBER) == ExchangeRate(
        currency="cny",
        per_usd=Decimal("7.12"),
        valid_from=date(2026, 11, 1),
        source="books of November",
    )
    assert str(getattr(rates.rate("eur", NOVEMBER), "per_usd", None)) == "0.86"


@pytest.mark.parametrize(
    ("at", "per_usd"),
    [
        (datetime(2026, 10, 31, 23, 59, 59, 999999, tzinfo=UTC), None),
        (datetime(2026, 11, 1, tzinfo=UTC), "7.12"),
        (datetime(2026, 11, 30, 23, 59, 59, 999999, tzinfo=UTC), "7.12"),
        (datetime(2026, 12, 1, tzinfo=UTC), "7.09"),
        (datetime(2030, 1, 1, tzinfo=UTC), "7.09"),
        (datetime.fromisoformat("2026-12-01T07:59:59+08:00"), "7.12"),
        (datetime.fromisoformat("2026-12-01T08:00:00+08:00"), "7.09"),
    ],
)
def test_the_rate_in_force(path: Path, at: datetime, per_usd: str | None) -> None:
    """A rate holds from its day in UTC until the next; before the first there is none."""
    found = ExchangeRates.load(path).rate("cny", at)

    assert (found and str(found.per_usd)) == per_usd


def test_amounts_are_converted_both_ways(path: Path) -> None:
    """S3.6: by hand, with the rate beside the amount."""
    rates = ExchangeRates.load(path)
    rate = rates.rate("cny", NOVEMBER)

    # 0.0065 x 7.12, and 1 / 7.12 = 0.14044943820224719...
    assert rates.convert(Decimal("0.0065"), "CNY", NOVEMBER) == Converted(
        Decimal("0.046280000000"), "cny", rate
    )
    assert rates.convert_stated(Decimal(1), "cny", NOVEMBER) == Converted(
        Decimal("0.140449438202"), "usd", rate
    )


@pytest.mark.parametrize("currency", ["jpy", "", "dollars"])
def test_without_a_rate_there_is_no_amount(path: Path, currency: str) -> None:
    """S3.6: never one to one, neither for a currency without rates nor before the first."""
    rates = ExchangeRates.load(path)
    before = datetime(2026, 10, 1, tzinfo=UTC)

    assert rates.convert(Decimal(1), currency, NOVEMBER) is None
    assert rates.convert_stated(Decimal(1), currency, NOVEMBER) is None
    assert rates.convert(Decimal(1), "cny", before) is None
    assert rates.convert_stated(Decimal(1), "cny", before) is None
    assert NO_RATES.convert(Decimal(1), "cny", NOVEMBER) is None


@pytest.mark.parametrize("currency", ["usd", "USD"])
def test_dollars_stay_what_they_are(currency: str) -> None:
    """What is in US dollars already is unchanged, to the last digit, and has no rate."""
    amount = Decimal("0.1234567890123456789")

    assert NO_RATES.convert(amount, currency, NOVEMBER) == Converted(amount, "usd", None)
    assert NO_RATES.convert_stated(amount, currency, NOVEMBER) == Converted(amount, "usd", None)


@pytest.mark.parametrize(
    ("amount", "per_usd", "expected"),
    [
        ("0.000000000001", "0.5", "0.000000000000"),
        ("0.000000000003", "0.5", "0.000000000002"),
        ("-0.000000000003", "0.5", "-0.000000000002"),
        ("0.000000000001", "0.5000001", "0.000000000001"),
    ],
)
def test_halves_are_rounded_to_even(amount: str, per_usd: str, expected: str) -> None:
    """Once, at the twelfth decimal place, as everywhere."""
    converted = ExchangeRates([build_rate(per_usd)]).convert(Decimal(amount), "cny", NOVEMBER)

    assert converted is not None
    assert f"{converted.amount:f}" == expected


RATE = st.decimals("0.000001", "99999.999999", places=6)
AMOUNT = st.decimals("-1e26", "1e26", places=12)


def rounded(exact: Fraction) -> Decimal:
    """An exact amount at twelve decimal places, half even, without decimal arithmetic."""
    return Decimal(round(exact * 10**12)).scaleb(-12, Context(prec=200))


@given(amount=AMOUNT, per_usd=RATE)
def test_conversions_are_exact(amount: Decimal, per_usd: Decimal) -> None:
    """S3.6: as fractions of whole numbers say, for the largest amounts of the store."""
    rates = ExchangeRates([build_rate(per_usd)])
    there = rates.convert(amount, "cny", NOVEMBER)
    back = rates.convert_stated(amount, "cny", NOVEMBER)

    assert there is not None
    assert back is not None
    assert there.amount == rounded(Fraction(amount) * Fraction(per_usd))
    assert back.amount == rounded(Fraction(amount) / Fraction(per_usd))


@given(amount=st.decimals("-1e6", "1e6", places=12), per_usd=st.decimals("1", "1000", places=4))
def test_there_and_back_is_the_same(amount: Decimal, per_usd: Decimal) -> None:
    """What was converted to a currency of smaller units comes back as what it was."""
    rates = ExchangeRates([build_rate(per_usd)])
    there = rates.convert(amount, "cny", NOVEMBER)
    assert there is not None

    back = rates.convert_stated(there.amount, "cny", NOVEMBER)

    assert back is not None
    assert back.amount == amount.quantize(SCALE, ROUND_HALF_EVEN)


@given(days=st.lists(st.integers(0, 1000), unique=True, max_size=20), asked=st.integers(-10, 1010))
def test_the_last_rate_before_a_day_holds(days: list[int], asked: int) -> None:
    """Whatever the order in the file: the latest that has begun."""
    first = date(2026, 1, 1)
    rates = ExchangeRates([build_rate(str(day + 1), first + timedelta(day)) for day in days])
    begun = [day for day in days if day <= asked]

    found = rates.rate("cny", datetime(2026, 1, 1, 5, tzinfo=UTC) + timedelta(asked))

    assert (found and found.per_usd) == (max(begun) + 1 if begun else None)


ENTRY = "rates:\n- {currency: cny, per_usd: 7.1, from: 2026-11-01, source: us}\n"


@pytest.mark.parametrize(
    ("text", "line", "reason"),
    [
        (ENTRY.replace("7.1", "-7.1"), 2, "per_usd is '-7.1': use a number above zero"),
        (ENTRY.replace("7.1", '"0.00"'), 2, "per_usd is '0.00'"),
        (ENTRY.replace("7.1", "7.1e3"), 2, "per_usd is '7.1e3'"),
        (ENTRY.replace("7.1", ".inf"), 2, "per_usd is '.inf'"),
        (ENTRY.replace("7.1", "1" * 31), 2, "per_usd is"),
        (ENTRY.replace("7.1", "[7.1]"), 2, "per_usd is empty, or no plain value"),
        (ENTRY.replace("cny", "zzz"), 2, "currency is 'zzz': use a code of ISO 4217"),
        (ENTRY.replace("cny", "usd"), 2, "currency is 'usd'"),
        (ENTRY.replace("2026-11-01", "2026-13-01"), 2, "from is '2026-13-01': use a day"),
        (ENTRY.replace("2026-11-01", "2026-11-01T10:00:00"), 2, "from is '2026-11-01T10:00:00'"),
        (ENTRY.replace("us}", "''}"), 2, "source is empty"),
        (ENTRY.replace(", source: us", ""), 2, "source is missing"),
        (ENTRY.replace("us}", "us, to: x}"), 2, "to is unknown"),
        (ENTRY + "\n- {currency: CNY, per_usd: 8, from: 2026-11-01, source: us}", 4, "already"),
        (ENTRY.replace("us}", "us, source: them}"), 2, "source stands twice"),
        (ENTRY.replace("us}", "us, [a]: b}"), 2, "a name is empty, or no plain value"),
        ("rates:\n- cny", 2, "a mapping of names to values"),
        ("rates: {}", 1, "one member, the list 'rates'"),
        ("rates: []\nmore: 1", 1, "one member"),
        ("- 1", 1, "a mapping of names to values"),
        ("{}", 1, "one member"),
    ],
)
def test_what_makes_no_sense_is_refused(tmp_path: Path, text: str, line: int, reason: str) -> None:
    """S3.6: with the file, the line and the reason; the rest of the file is not used either."""
    path = tmp_path / "rates.yaml"
    path.write_text(text)

    with pytest.raises(SettingsError) as refused:
        ExchangeRates.load(path)

    assert str(refused.value).startswith(f"{path}, line {line}: ")
    assert reason in str(refused.value)


@pytest.mark.parametrize("content", [b"rates: [", b"\xff\xfe\xff", None])
def test_what_cannot_be_read_is_refused(tmp_path: Path, content: bytes | None) -> None:
    """No YAML, no text, no file."""
    path = tmp_path / "rates.yaml"
    if content is not None:
        path.write_bytes(content)

    with pytest.raises(SettingsError, match=r"^cannot read .*rates\.yaml.*[^\n]$"):
        ExchangeRates.load(path)


@pytest.mark.parametrize("text", ["", "# nothing yet\n", "rates: []"])
def test_a_file_may_be_empty(tmp_path: Path, text: str) -> None:
    """Then there are no rates."""
    path = tmp_path / "rates.yaml"
    path.write_text(text)

    assert ExchangeRates.load(path).currencies == ()


def test_the_example_of_the_docs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The file and the program of docs/currencies.md work as they stand there."""
    page = (ROOT / "docs" / "currencies.md").read_text(encoding="utf-8")
    blocks = dict(re.findall(r"```(yaml|python)\n(.*?)```", page, re.DOTALL))
    (tmp_path / "exchange_rates.yaml").write_text(blocks["yaml"])
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {}

    exec(blocks["python"], names)  # noqa: S102 - our own docs

    rates = names["rates"]
    assert isinstance(rates, ExchangeRates)
    assert rates.currencies == ("cny", "eur")


def test_the_codes_are_codes() -> None:
    """Three letters each; yuan and dollars are among them."""
    assert {"cny", "usd", "eur", "twd", "hkd", "jpy"} <= CURRENCIES
    assert {len(code) for code in CURRENCIES} == {3}
