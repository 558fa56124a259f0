"""What each attribute of a span means for the call."""

import json
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spanledger.collector.conventions import (
    TAGS_MAX,
    TEXT_MAX,
    AttributeValue,
    SpanRecord,
    is_model_call,
    to_call,
)
from spanledger.usage import Usage
from tests.collector.spans import CHAT, START_NS

RECORD = SpanRecord(
    trace_id="0af7651916cd43dd8448eb211c80319c",
    span_id="b7ad6b7169203331",
    parent_span_id="",
    start_unix_nano=START_NS,
    end_unix_nano=START_NS + 1_500_000_000,
    attributes=CHAT,
    resource={"service.name": "shop", "deployment.environment.name": "prod"},
    failed=False,
)


def build_record(**attributes: AttributeValue) -> SpanRecord:
    """A chat span with more attributes; underscores in names stand for dots."""
    named = {name.replace("__", "."): value for name, value in attributes.items()}
    return replace(RECORD, attributes={**CHAT, **named})


def test_times_are_utc_and_whole_microseconds() -> None:
    """Nanoseconds of the span become the instant and length that are stored."""
    call = to_call(RECORD, "default")

    assert call.start_time == datetime(2026, 11, 1, 12, 0, 0, 123456, tzinfo=UTC)
    assert call.duration_us == 1_500_000


def test_a_span_that_ends_before_it_starts_has_no_length() -> None:
    """A clock that stepped back must not make negative durations."""
    assert to_call(replace(RECORD, end_unix_nano=0), "default").duration_us == 0


def test_every_attribute_has_its_field() -> None:
    """S4.2, S3.1: the whole row is read, from the names of the contract."""
    call = to_call(
        build_record(
            gen_ai__response__id="chatcmpl-1",
            gen_ai__request__stream=True,
            gen_ai__response__time_to_first_chunk=0.25,
            gen_ai__conversation__id="c-1",
            gen_ai__agent__id="triage",
            spanledger__team="support",
            spanledger__department="sales",
            spanledger__message__id="m-1",
            spanledger__feature="draft",
            spanledger__route="/chat",
            spanledger__tag__tier="gold",
            spanledger__api_key__hash="abc",
            spanledger__skip_charge=True,
            spanledger__replay=True,
            spanledger__usage__partial=True,
            spanledger__request__batch=True,
            spanledger__request__service_tier="auto",
            spanledger__response__service_tier="default",
            spanledger__attempt=2,
            error__type="429",
            gen_ai__usage__cost__amount="0.0042",
            gen_ai__usage__cost__currency="USD",
        ),
        "acme",
    )

    assert (call.project, call.service, call.environment) == ("acme", "shop", "prod")
    assert (call.provider, call.operation, call.model) == ("openai", "chat", "gpt-4o-2024-08-06")
    assert (call.response_id, call.stream, call.time_to_first_chunk_us) == (
        "chatcmpl-1",
        True,
        250_000,
    )
    assert (call.user_id, call.team, call.department, call.agent_id) == (
        "ada",
        "support",
        "sales",
        "triage",
    )
    assert (call.conversation_id, call.message_id, call.feature, call.route) == (
        "c-1",
        "m-1",
        "draft",
        "/chat",
    )
    assert (call.tags, call.api_key_id, call.attempt) == ({"tier": "gold"}, "abc", 2)
    assert (call.skip_charge, call.replay, call.usage_partial, call.batch) == (True,) * 4
    assert (call.request_service_tier, call.service_tier) == ("auto", "default")
    assert call.error_type == "429"
    assert (call.reported_amount, call.reported_currency) == (Decimal("0.0042"), "usd")
    assert (call.usage, call.usage_source) == (
        Usage(input_tokens=1200, output_tokens=350),
        "provider",
    )


def test_the_providers_own_usage_wins() -> None:
    """S4.3: the raw object is the evidence; it has what the conventional names cannot say."""
    raw = {
        "input_tokens": 50,
        "cache_creation_input_tokens": 4000,
        "cache_read_input_tokens": 9000,
        "cache_creation": {"ephemeral_5m_input_tokens": 1000, "ephemeral_1h_input_tokens": 3000},
        "output_tokens": 400,
    }
    record = build_record(
        gen_ai__provider__name="anthropic",
        gen_ai__usage__input_tokens=1,
        spanledger__usage__raw=json.dumps(raw),
    )

    assert to_call(record, "default").usage == Usage(
        input_tokens=13_050,
        cache_read_tokens=9000,
        cache_write_tokens=4000,
        cache_write_5m_tokens=1000,
        cache_write_1h_tokens=3000,
        output_tokens=400,
    )


@pytest.mark.parametrize(
    "attributes",
    [
        {"gen_ai__usage__input_tokens": -5},
        {"gen_ai__usage__input_tokens": "1200"},
        {"gen_ai__usage__input_tokens": True},
        {"gen_ai__usage__input_tokens": float("nan")},
        {"gen_ai__usage__input_tokens": 10**15},
        {"gen_ai__usage__cache_read__input_tokens": 1201},
        {"spanledger__usage__raw": '{"prompt_tokens": -1}'},
    ],
)
def test_impossible_usage_is_kept_apart(attributes: dict[str, AttributeValue]) -> None:
    """Threat 5: such a call is kept with the reason, and its numbers are summed nowhere."""
    call = to_call(build_record(**attributes), "default")

    assert call.usage == Usage()
    assert call.usage_problem
    assert call.usage_source == "provider"


@pytest.mark.parametrize("raw", ["{", "[]", '"text"', ""])
def test_unreadable_evidence_leaves_the_conventional_names(raw: str) -> None:
    """A raw usage that was cut or is no object cannot be used, the attributes can."""
    call = to_call(build_record(spanledger__usage__raw=raw), "default")

    assert call.usage == Usage(input_tokens=1200, output_tokens=350)


def test_absent_usage_is_not_zero() -> None:
    """Nothing reported stays nothing, and says that nobody counted."""
    call = to_call(replace(RECORD, attributes={"gen_ai.operation.name": "chat"}), "default")

    assert call.usage == Usage()
    assert call.usage_source == "none"


def test_estimated_tokens_say_so() -> None:
    """S4.3: our own count is used where the provider gives none, and marked."""
    record = build_record(spanledger__usage__source="estimated")

    assert to_call(record, "default").usage_source == "estimated"


def test_a_failed_span_without_error_type_is_still_an_error() -> None:
    """The conventions' fallback value is used, so that errors are counted."""
    assert to_call(replace(RECORD, failed=True), "default").error_type == "_OTHER"


def test_an_agent_without_id_goes_by_its_name() -> None:
    """Many frameworks send the name only."""
    assert to_call(build_record(gen_ai__agent__name="triage"), "default").agent_id == "triage"


@pytest.mark.parametrize(
    ("value", "text"),
    [("a\x00b", "ab"), ("x" * 5000, "x" * TEXT_MAX), (42, "42"), (True, ""), (1.5, ""), (None, "")],
)
def test_texts_are_bounded_and_clean(value: AttributeValue, text: str) -> None:
    """Threat 8: no attribute is longer than a name can be; a number given for a name is spelled."""
    assert to_call(build_record(user__id=value), "default").user_id == text


def test_tags_are_bounded() -> None:
    """Threat 8: a call keeps so many tags and no more."""
    tags: dict[str, AttributeValue] = {f"spanledger__tag__t{n}": "v" for n in range(1000)}

    assert len(to_call(build_record(**tags), "default").tags) == TAGS_MAX


@pytest.mark.parametrize(
    "value", ["-1", "NaN", "Infinity", "1e30", "rubbish", True, None, float("inf"), -0.5]
)
def test_a_stated_cost_that_cannot_be_is_ignored(value: AttributeValue) -> None:
    """Threat 4: what a client says that a call cost is bounded, and kept apart from our amount."""
    record = build_record(gen_ai__usage__cost__amount=value)

    assert to_call(record, "default").reported_amount is None


def test_what_selects_the_price() -> None:
    """S4.3: the region is in the address, the rest in the usage that came with the span."""
    record = build_record(
        gen_ai__provider__name="anthropic",
        server__address="us.api.openai.com",
        spanledger__usage__raw='{"input_tokens": 5, "speed": "fast", "inference_geo": "us"}',
    )

    assert to_call(record, "default").price_context == (
        ("inference_geo", "us"),
        ("region", "us"),
        ("speed", "fast"),
    )
    assert to_call(RECORD, "default").price_context == ()


def test_an_arn_selects_a_region() -> None:
    """Where a proxy hides the address, the name of the model may tell."""
    arn = "arn:aws:bedrock:eu-west-1:123456789012:inference-profile/eu.amazon.nova-lite-v1:0"
    record = build_record(gen_ai__provider__name="aws.bedrock", gen_ai__request__model=arn)

    assert to_call(record, "default").price_context == (("region", "eu-west-1"),)


@pytest.mark.parametrize(
    ("attributes", "reported"),
    [
        ({}, (Decimal("0.00519"), "usd")),
        ({"gen_ai__usage__cost__amount": 0.25}, (Decimal("0.25"), "")),
        (
            {"gen_ai__usage__cost__amount": "0.25", "gen_ai__usage__cost__currency": "EUR"},
            (Decimal("0.25"), "eur"),
        ),
        ({"gen_ai__usage__cost__amount": -1}, (Decimal("0.00519"), "usd")),
        ({"spanledger__usage__raw": '{"cost": -1}'}, (None, "")),
        ({"spanledger__usage__raw": "{"}, (None, "")),
        ({"gen_ai__provider__name": "openai"}, (None, "")),
    ],
)
def test_what_the_provider_says_that_it_cost(
    attributes: dict[str, AttributeValue], reported: tuple[Decimal | None, str]
) -> None:
    """S4.3: an attribute says it first, else the usage object does, where its provider is known."""
    given: dict[str, AttributeValue] = {
        "gen_ai__provider__name": "openrouter",
        "spanledger__usage__raw": '{"prompt_tokens": 5, "cost": 0.00519}',
        **attributes,
    }
    call = to_call(build_record(**given), "default")

    assert (call.reported_amount, call.reported_currency) == reported


def test_a_covered_span_is_not_billable() -> None:
    """PEERS 4.9: of nested spans for one call only the innermost counts."""
    assert is_model_call(RECORD)
    assert not is_model_call(build_record(spanledger__covered=True))


VALUES = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(), st.lists(st.integers())
)


@given(st.dictionaries(st.sampled_from([*CHAT, "spanledger.usage.raw", "user.id"]), VALUES))
def test_any_attributes_make_a_call(attributes: dict[str, AttributeValue]) -> None:
    """Threat 5: whatever the values are, reading them never fails."""
    call = to_call(replace(RECORD, attributes=attributes), "default")

    assert call.usage_problem == "" or call.usage == Usage()
