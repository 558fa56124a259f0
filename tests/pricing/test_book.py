"""Which rates the book gives for whom, when."""

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from spanledger.pricing.book import PRICE_KEYS, PriceBook, Rate
from spanledger.usage import UNITS

BOOK = PriceBook()
NOVEMBER = datetime(2026, 11, 1, tzinfo=UTC)


def test_every_unit_has_its_key_in_the_list_data() -> None:
    """A unit without a key would silently have no price."""
    assert set(PRICE_KEYS) == set(UNITS)


@pytest.mark.parametrize(
    ("provider", "model"),
    [
        ("azure.ai.openai", "gpt-4o"),
        ("gcp.vertex_ai", "gemini-2.5-pro"),
        ("aws.bedrock", "amazon.nova-pro-v1:0"),
        ("mistral_ai", "mistral-large-latest"),
        ("x_ai", "grok-4"),
        ("moonshot_ai", "kimi-k2-0905-preview"),
        ("deepseek", "deepseek-chat"),
    ],
)
def test_conventional_provider_names_find_their_list(provider: str, model: str) -> None:
    """OpenTelemetry's provider names and those of the list data are different words."""
    assert BOOK.rates(provider, model, NOVEMBER) is not None


def test_unknown_is_none() -> None:
    """No match is made up for an unknown provider or model."""
    assert BOOK.rates("initech", "gpt-4o", NOVEMBER) is None
    assert BOOK.rates("openai", "gpt-9-ultra", NOVEMBER) is None
    assert BOOK.rates("openai", "", NOVEMBER) is None


def test_rates_are_compiled_once() -> None:
    """The same question gets the same object; another epoch gets another."""
    may = datetime(2025, 5, 15, tzinfo=UTC)

    assert BOOK.rates("openai", "o3", NOVEMBER) is BOOK.rates("openai", "o3", NOVEMBER)
    assert BOOK.rates("openai", "o3", may) is not BOOK.rates("openai", "o3", NOVEMBER)


def test_a_dated_price_says_since_when() -> None:
    """A line shows the date from which its rate holds."""
    rates = BOOK.rates("openai", "o3", NOVEMBER)

    assert rates is not None
    assert rates.effective_date == date(2025, 6, 10)
    assert rates.source == f"list:{BOOK.version}/openai/o3"


def test_off_peak_hours_have_their_own_rates() -> None:
    """DeepSeek's night discount of 2025 is found by the time of day, in UTC."""
    night = BOOK.rates("deepseek", "deepseek-chat", datetime(2025, 3, 10, 18, tzinfo=UTC))
    day = BOOK.rates("deepseek", "deepseek-chat", datetime(2025, 3, 10, 12, tzinfo=UTC))

    assert night is not None
    assert day is not None
    assert night.rates != day.rates


def test_a_threshold_moves_the_whole_call() -> None:
    """The dearer rate begins beyond the threshold, not at it; the highest passed one holds."""
    rate = Rate("input_tokens", Decimal(1), ((200, Decimal(3)), (100, Decimal(2))), ())

    assert [rate.at(tokens) for tokens in (0, 100, 101, 200, 201)] == [1, 1, 2, 2, 3]
