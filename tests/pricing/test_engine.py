"""What a call costs and how far to trust it, by sums that were done by hand."""

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spanledger.call import Call
from spanledger.pricing.book import PriceBook
from spanledger.pricing.cost import Cost, Unpriced
from spanledger.pricing.engine import price
from spanledger.usage import Usage
from tests.pricing.usages import common_usages

BOOK = PriceBook()
VERSION = BOOK.prices.version
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
            f"list:{VERSION}/openai/text-embedding-3-small has no rate for output_tokens",
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
        ({"batch": True, "start_time": datetime(2020, 1, 1, tzinfo=UTC)}, "partial"),
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


@given(usage=common_usages(), more=st.integers(1, 1_000_000))
def test_more_output_never_costs_less(usage: Usage, more: int) -> None:
    """The cost rises with the quantity."""
    longer = replace(usage, output_tokens=(usage.output_tokens or 0) + more)

    assert (
        priced(build_call("openai", "gpt-5", usage=longer)).amount
        > priced(build_call("openai", "gpt-5", usage=usage)).amount
    )


PLAIN_MODELS = [("openai", "gpt-4o"), ("anthropic", "claude-sonnet-4-5"), ("x_ai", "grok-4")]


@given(model=st.sampled_from(PLAIN_MODELS), usage=common_usages())
def test_the_lines_add_up_to_our_own_figure(model: tuple[str, str], usage: Usage) -> None:
    """Quickly or carefully priced, and beside the provider's figure too."""
    call = build_call(*model, usage=usage)
    cost, reported = (price(one, BOOK) for one in (call, replace(call, reported_amount=ONE)))

    assert isinstance(cost, Cost)
    assert isinstance(reported, Cost)
    assert sum(line.amount for line in cost.lines) == cost.amount == cost.computed_amount
    assert reported.amount == 1
    assert reported.computed_amount == cost.amount
    assert reported.lines == cost.lines


ONE = Decimal(1)


def test_what_the_provider_states_is_the_amount() -> None:
    """Order of truth: `reported`, with our own figure beside it where there is one."""
    usage = Usage(input_tokens=1_000_000, output_tokens=0)
    call = build_call("openai", "gpt-4o", usage=usage, reported_amount=ONE)

    known = price(call, BOOK)
    unknown = price(replace(call, request_model="gpt-9"), BOOK)

    assert isinstance(known, Cost)
    assert isinstance(unknown, Cost)
    assert (known.status, known.amount, known.computed_amount) == ("reported", 1, Decimal("2.5"))
    assert (known.reason, len(known.lines), known.book_version) == ("", 1, BOOK.version)
    assert (unknown.status, unknown.amount, unknown.computed_amount) == ("reported", 1, None)
    assert unknown.lines == ()
    assert unknown.reason == "no price is known for openai model 'gpt-9'"


@pytest.mark.parametrize(
    ("currency", "status"), [("", "reported"), ("usd", "reported"), ("cny", "priced")]
)
def test_a_figure_in_another_money_is_not_the_amount(currency: str, status: str) -> None:
    """All amounts are dollars."""
    usage = Usage(input_tokens=1_000_000, output_tokens=0)
    fields = {"reported_amount": ONE, "reported_currency": currency}

    assert priced(build_call("openai", "gpt-4o", usage=usage, **fields)).status == status


@pytest.mark.parametrize(
    "fields",
    [
        {"replay": True},
        {"usage_partial": True},
        {"usage_source": "estimated"},
        {"batch": True, "start_time": datetime(2020, 1, 1, tzinfo=UTC)},
        {"response_service_tier": "no-such-tier"},
    ],
)
def test_the_quick_way_is_for_plain_calls_only(fields: dict[str, object]) -> None:
    """With a usage that is plain, so that only the call's own facts keep it from that."""
    usage = Usage(input_tokens=1_000_000, output_tokens=0)
    cost = priced(build_call("openai", "gpt-4o", usage=usage, **fields))

    if "replay" in fields:
        assert (cost.amount, cost.lines, cost.reason) == (0, (), "")
    else:
        assert cost.amount > 0
        assert cost.status in {"partial", "estimated"}
        assert cost.reason


def test_an_error_with_usage_costs_what_it_consumed() -> None:
    """Only a request that was not served at all is free; a time-out is not known to be that."""
    usage = Usage(input_tokens=1_000_000)

    assert priced(build_call("openai", "gpt-4o", usage=usage, error_type="500")).amount > 0
    refused = price(build_call("openai", "gpt-4o", error_type="timeout"), BOOK)
    assert refused == Unpriced("no usage was reported")


def test_a_partial_cost_says_what_it_left_out() -> None:
    """And costs what is known."""
    usage = Usage(input_tokens=1_000_000, output_tokens=7, audio_ms=5, images=2)
    cost = priced(build_call("openai", "gpt-4o", usage=replace(usage, output_tokens=0)))

    assert cost.status == "partial"
    assert cost.amount == Decimal("2.5")
    assert cost.reason.endswith(" has no rate of its own for audio_ms, images")


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        (
            {"usage": Usage(output_tokens=1_000_000)},
            "the provider did not state the input, which is never nothing",
        ),
        ({"usage_partial": True}, "the stream ended early: the usage may not be final"),
        (
            {"usage_partial": True, "usage_source": "estimated"},
            "the tokens were counted by an estimate, and not all of them were seen",
        ),
    ],
)
def test_a_partial_cost_says_why(fields: dict[str, object], reason: str) -> None:
    """It is no less than what is known."""
    usage = Usage(input_tokens=4_000_000, output_tokens=0)
    cost = priced(build_call("openai", "gpt-4o", **{"usage": usage, **fields}))

    assert (cost.status, cost.amount, cost.reason) == ("partial", 10, reason)


def test_a_model_of_nobody_is_unpriced() -> None:
    """The reason names who was asked, where anybody was."""
    answer = price(build_call("", "gpt-9", usage=Usage(input_tokens=1)), BOOK)

    assert answer == Unpriced("no price is known for model 'gpt-9'")
