"""Prices against an independent oracle: genai-prices' own calculator, and sums done by hand."""

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from genai_prices import Usage as ListUsage
from genai_prices import calc_price
from hypothesis import given
from hypothesis import strategies as st

from spanledger.call import Call
from spanledger.pricing.book import PriceBook
from spanledger.pricing.cost import SCALE, Cost, Unpriced
from spanledger.pricing.engine import price
from spanledger.usage import Usage

BOOK = PriceBook()
NOVEMBER = datetime(2026, 11, 1, 12, tzinfo=UTC)


def build_call(provider: str, model: str, **fields: object) -> Call:
    """A finished chat call; tests name what they vary."""
    call = Call(
        trace_id="1" * 32,
        span_id="2" * 16,
        start_time=NOVEMBER,
        duration_us=1,
        provider=provider,
        operation="chat",
        request_model=model,
        usage_source="provider",
    )
    return replace(call, **fields)


def priced(call: Call) -> Cost:
    """The cost of a call that must have one."""
    cost = price(call, BOOK)
    assert isinstance(cost, Cost), cost
    return cost


def test_cached_input_is_charged_once_at_its_own_rate() -> None:
    """S4.6: cached tokens are inside the input and leave only the rest at the full rate."""
    usage = Usage(input_tokens=10_000, cache_read_tokens=8_192, output_tokens=500)

    cost = priced(build_call("openai", "gpt-4o-2024-08-06", usage=usage))

    assert cost.amount == Decimal("0.01976")  # 1808 x 2.5 + 8192 x 1.25 + 500 x 10, per million
    assert [(line.unit, line.quantity, line.rate) for line in cost.lines] == [
        ("input_tokens", 1808, Decimal("2.5")),
        ("cache_read_tokens", 8192, Decimal("1.25")),
        ("output_tokens", 500, Decimal(10)),
    ]


def test_reasoning_is_priced_inside_output() -> None:
    """Reasoning tokens are part of the output: they are never charged twice."""
    usage = Usage(
        input_tokens=2000, cache_read_tokens=1024, output_tokens=3000, reasoning_tokens=2600
    )

    assert priced(build_call("openai", "gpt-5", usage=usage)).amount == Decimal("0.031348")


def test_hour_long_cache_writes_have_their_own_rate() -> None:
    """Five-minute writes cost the write rate, hour-long ones theirs."""
    usage = Usage(
        input_tokens=13_050,
        cache_read_tokens=9000,
        cache_write_tokens=4000,
        cache_write_5m_tokens=1000,
        cache_write_1h_tokens=3000,
        output_tokens=400,
    )

    cost = priced(build_call("anthropic", "claude-sonnet-4-20250514", usage=usage))

    assert cost.amount == Decimal("0.0306")
    assert cost.status == "priced"


def test_a_long_context_moves_every_token_to_the_dearer_rate() -> None:
    """Beyond the threshold all tokens cost the tier's price, as the provider bills."""
    usage = Usage(input_tokens=250_000, output_tokens=1500, reasoning_tokens=500)

    cost = priced(build_call("gcp.gemini", "gemini-2.5-pro", usage=usage))

    assert cost.amount == Decimal("0.6475")


def test_the_price_of_the_day_holds() -> None:
    """S4 risk "prices change": a call is priced by the rates of its own time, not of today."""
    usage = Usage(input_tokens=1000, output_tokens=2000, reasoning_tokens=1800)
    call = build_call("openai", "o3", usage=usage)

    before = priced(replace(call, start_time=datetime(2025, 5, 15, tzinfo=UTC)))
    after = priced(replace(call, start_time=datetime(2025, 7, 15, tzinfo=UTC)))

    assert before.amount == Decimal("0.09")
    assert after.amount == Decimal("0.018")
    assert after.lines[0].effective_date is not None


def test_an_unknown_model_is_unpriced_and_says_which() -> None:
    """S4.5: unknown is not zero."""
    answer = price(build_call("openai", "gpt-9-ultra", usage=Usage(input_tokens=1)), BOOK)

    assert answer == Unpriced("no price is known for openai model 'gpt-9-ultra'")


def test_the_asked_model_is_used_where_the_answering_one_is_unknown() -> None:
    """Gateways answer with names of their own."""
    usage = Usage(input_tokens=1_000_000)
    call = build_call("openai", "gpt-4o", usage=usage, response_model="gw-4711")

    assert priced(call).amount == Decimal("2.5")


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"usage": Usage()}, "no usage was reported"),
        ({"usage": Usage(), "error_type": "ReadTimeout"}, "no usage was reported"),
        (
            {"provider": "initech", "usage": Usage(input_tokens=1)},
            "no price is known for initech model 'gpt-4o'",
        ),
        (
            {"request_model": "text-embedding-3-small", "usage": Usage(output_tokens=5)},
            f"list:{BOOK.version}/openai/text-embedding-3-small has no rate for output_tokens",
        ),
        (
            {
                "provider": "gcp.gemini",
                "request_model": "gemini-2.5-flash",
                "usage": Usage(input_tokens=300, input_audio_tokens=200, cache_read_tokens=200),
            },
            "parts of input_tokens overlap by an amount that was not reported",
        ),
    ],
)
def test_what_cannot_be_priced_says_why(fields: dict[str, object], reason: str) -> None:
    """S0.4, S3.8: every call without an amount has its reason."""
    assert price(replace(build_call("openai", "gpt-4o"), **fields), BOOK) == Unpriced(reason)


def test_impossible_usage_is_invalid_not_unpriced() -> None:
    """A call whose numbers cannot be true is kept apart from one whose price is unknown."""
    call = build_call("openai", "gpt-4o", usage_problem="input_tokens -5 is not between 0 and 1")

    assert price(call, BOOK) == Unpriced("input_tokens -5 is not between 0 and 1", "invalid")


@pytest.mark.parametrize("fields", [{"error_type": "429"}, {"replay": True}])
def test_what_consumed_nothing_costs_nothing(fields: dict[str, object]) -> None:
    """S0.3: a replayed result, and a request the provider refused, cost exactly zero."""
    cost = priced(build_call("openai", "gpt-4o", **fields))

    assert cost.amount == Decimal(0)
    assert cost.lines == ()
    assert cost.status == "priced"


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ({"usage_partial": True}, "partial"),
        ({"usage_source": "estimated"}, "estimated"),
        ({"usage_source": "estimated", "usage_partial": True}, "partial"),
        ({"response_service_tier": "priority"}, "priced"),
        ({"response_service_tier": "no-such-tier"}, "partial"),
        ({"batch": True}, "priced"),
        ({"batch": True, "start_time": datetime(2025, 1, 1, tzinfo=UTC)}, "partial"),
        ({"usage": Usage(input_tokens=9, input_audio_tokens=3)}, "partial"),
    ],
)
def test_the_status_says_how_far_to_trust_the_amount(
    fields: dict[str, object], status: str
) -> None:
    """What is not the plain list price of a complete usage is never shown as if it were."""
    call = build_call("openai", "gpt-4o", **{"usage": Usage(input_tokens=9), **fields})

    cost = priced(call)

    assert cost.status == status
    assert bool(cost.reason) is (status != "priced")


def test_a_tier_changes_the_rates_it_names() -> None:
    """Priority traffic is dearer, batch cheaper; the list data has both from October 2026."""
    usage = Usage(input_tokens=1_000_000)
    call = build_call("openai", "gpt-4o", usage=usage)

    assert priced(replace(call, response_service_tier="priority")).amount == Decimal("4.25")
    assert priced(replace(call, batch=True)).amount == Decimal("1.25")
    assert priced(replace(call, response_service_tier="default")).amount == Decimal("2.5")


MODELS = [
    ("openai", "openai", "gpt-4o"),
    ("openai", "openai", "gpt-5"),
    ("openai", "openai", "o3"),
    ("anthropic", "anthropic", "claude-sonnet-4-5"),
    ("anthropic", "anthropic", "claude-3-5-haiku-latest"),
    ("gcp.gemini", "google", "gemini-2.5-pro"),
    ("gcp.gemini", "google", "gemini-2.5-flash"),
    ("deepseek", "deepseek", "deepseek-chat"),
]


@st.composite
def usages(draw: st.DrawFn) -> Usage:
    """Token usages in which no parts overlap."""
    cache_read = draw(st.integers(0, 200_000))
    cache_write = draw(st.integers(0, 100_000))
    output = draw(st.integers(0, 100_000))
    return Usage(
        input_tokens=cache_read + cache_write + draw(st.integers(0, 300_000)),
        cache_read_tokens=cache_read,
        cache_write_tokens=cache_write,
        cache_write_1h_tokens=draw(st.integers(0, cache_write)),
        output_tokens=output,
        reasoning_tokens=draw(st.integers(0, output)),
    )


@given(
    model=st.sampled_from(MODELS),
    usage=usages(),
    at=st.datetimes(datetime(2024, 1, 1), datetime(2026, 12, 31), timezones=st.just(UTC)),  # noqa: DTZ001 - hypothesis adds the zone
)
def test_amounts_equal_the_list_calculator(
    model: tuple[str, str, str], usage: Usage, at: datetime
) -> None:
    """The compiled rates give what genai-prices' calculator gives, and the lines add up to it."""
    provider, list_provider, name = model
    expected = calc_price(
        ListUsage(
            input_tokens=usage.input_tokens,
            cache_read_tokens=usage.cache_read_tokens,
            cache_write_tokens=usage.cache_write_tokens,
            cache_write_1h_tokens=usage.cache_write_1h_tokens,
            output_tokens=usage.output_tokens,
        ),
        name,
        provider_id=list_provider,
        genai_request_timestamp=at,
    )

    cost = priced(build_call(provider, name, usage=usage, start_time=at))

    assert cost.amount == expected.total_price.quantize(SCALE)
    assert sum(line.amount for line in cost.lines) == cost.amount


@given(usage=usages(), more=st.integers(1, 1_000_000))
def test_more_output_never_costs_less(usage: Usage, more: int) -> None:
    """The cost rises with the quantity."""
    longer = replace(usage, output_tokens=(usage.output_tokens or 0) + more)

    assert (
        priced(build_call("openai", "gpt-5", usage=longer)).amount
        > priced(build_call("openai", "gpt-5", usage=usage)).amount
    )
