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
    read_calls,
    to_call,
)
from spanledger.collector.conventions.genai import GENAI, OPENLIT, OURS, TRACELOOP_JS
from spanledger.collector.conventions.langfuse import LANGFUSE
from spanledger.collector.conventions.litellm import LITELLM
from spanledger.collector.conventions.openinference import OPENINFERENCE
from spanledger.collector.conventions.reading import convention_of, is_ours
from spanledger.collector.conventions.vercel import VERCEL, VERCEL_BEFORE_6
from spanledger.usage import QUANTITY_MAX, Usage
from tests.collector.spans import CHAT, START_NS

TABLES = (
    GENAI, LANGFUSE, LITELLM, OPENINFERENCE, OPENLIT, OURS, TRACELOOP_JS, VERCEL, VERCEL_BEFORE_6,
)  # fmt: skip

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
            gen_ai__usage__cost__source="provider",
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
    record = build_record(gen_ai__usage__cost__amount=value, gen_ai__usage__cost__source="provider")

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
        "gen_ai__usage__cost__source": "provider",
        "spanledger__usage__raw": '{"prompt_tokens": 5, "cost": 0.00519}',
        **attributes,
    }
    call = to_call(build_record(**given), "default")

    assert (call.reported_amount, call.reported_currency) == reported


@pytest.mark.parametrize(
    "attributes",
    [
        {"gen_ai__usage__cost__amount": "0.25"},
        {"gen_ai__usage__cost__amount": "0.25", "gen_ai__usage__cost__source": "estimated"},
        {"gen_ai__usage__cost": 0.25, "telemetry__sdk__name": "openlit"},
        {"operation__cost": 0.25},
        {"gen_ai__cost__total_cost": 0.25},
        {"llm__cost__total": 0.25},
    ],
)
def test_an_estimate_is_no_stated_cost(attributes: dict[str, AttributeValue]) -> None:
    """Threat 4: libraries multiply by a list of prices; only the provider's own word is kept."""
    assert to_call(build_record(**attributes), "default").reported_amount is None


def test_our_own_word_for_the_provider_stands() -> None:
    """The user may have named a gateway as they like; of others the spelling is mended."""
    ours = build_record(gen_ai__provider__name="Azure", spanledger__usage__source="provider")

    assert to_call(ours, "default").provider == "Azure"
    theirs = build_record(gen_ai__provider__name="Azure")
    assert to_call(theirs, "default").provider == "azure.ai.openai"


def test_the_tenant_never_comes_from_a_span() -> None:
    """Threat 3: whatever a span says, its project is that of the key."""
    record = build_record(
        spanledger__project="rival", project="rival", langfuse__project__id="rival"
    )

    assert to_call(record, "acme").project == "acme"


def test_a_log_of_a_stream_that_is_over_began_earlier() -> None:
    """Logfire writes down at the end how long the stream took."""
    record = build_record(logfire__span_type="log", duration=1.25)
    call = to_call(replace(record, end_unix_nano=START_NS), "default")

    assert call.duration_us == 1_250_000
    assert call.start_time == datetime(2026, 11, 1, 11, 59, 58, 873456, tzinfo=UTC)


@pytest.mark.parametrize("duration", ["1.25", -1.0, float("nan"), float("inf"), 1e300, None])
def test_a_length_that_cannot_be_is_ignored(duration: AttributeValue) -> None:
    """Threat 5: the span's own times stand."""
    record = build_record(logfire__span_type="log", duration=duration)

    assert to_call(record, "default").duration_us == 1_500_000


@pytest.mark.parametrize(
    ("attributes", "error"),
    [
        ({"error__type": "<class 'app.errors.Late'>"}, "app.errors.Late"),
        ({"langfuse__observation__type": "generation", "langfuse__observation__level": "ERROR"},
         "_OTHER"),
        ({"langfuse__observation__level": "ERROR"}, ""),
    ],
)  # fmt: skip
def test_errors_have_a_name(attributes: dict[str, AttributeValue], error: str) -> None:
    """A class is named without its brackets; Langfuse has a level where others have a status."""
    assert to_call(build_record(**attributes), "default").error_type == error


@pytest.mark.parametrize(
    ("attributes", "scope", "title"),
    [
        ({}, "", "GenAI semantic conventions"),
        ({}, "spanledger", "Spanledger"),
        ({"spanledger.usage.source": "provider", "ai.operationId": "x"}, "", "Spanledger"),
        ({"langfuse.observation.type": "generation"}, "", "Langfuse SDKs"),
        ({"ai.operationId": "ai.embed.doEmbed"}, "", "Vercel AI SDK before version 6"),
        ({"ai.operationId": "x", "ai.usage.inputTokenDetails.noCacheTokens": 1}, "",
         "Vercel AI SDK"),
        ({"openinference.span.kind": "LLM"}, "", "OpenInference"),
        ({"openinference.span.kind": "LLM", "ai.usage.inputTokenDetails.noCacheTokens": 1}, "",
         "OpenInference"),
        ({"litellm.call_id": "1"}, "", "LiteLLM"),
        ({}, "litellm", "LiteLLM"),
        ({"telemetry.sdk.name": "openlit"}, "", "OpenLIT"),
        ({}, "openlit.instrumentation.openai", "OpenLIT"),
        ({}, "@traceloop/instrumentation-anthropic", "OpenLLMetry for JavaScript"),
    ],
)  # fmt: skip
def test_which_table_reads_a_span(
    attributes: dict[str, AttributeValue], scope: str, title: str
) -> None:
    """By what only one family of libraries puts on its spans, else by their scope."""
    record = replace(RECORD, attributes=attributes, scope=scope)

    assert convention_of(record).title == title
    assert is_ours(record) == (title == "Spanledger")


NAMES = sorted(
    {
        *(name for table in TABLES for names in table.names.values() for name in names),
        "gen_ai.operation.name",
        "openinference.span.kind",
        "langfuse.observation.type",
        "ai.operationId",
        "logfire.span_type",
        "duration",
        "output.value",
        "litellm.call_id",
        "telemetry.sdk.name",
        "spanledger.tag.x",
    }
)
"""Whatever a table reads, and what chooses the table."""

COUNTS = st.dictionaries(
    st.sampled_from(
        ["input", "output", "total", "prompt_tokens", "completion_tokens", "input_tokens",
         "cache_read_input_tokens", "input_cached_tokens", "promptTokenCount", "cost", "usage"]
    ),
    st.one_of(st.integers(-5, 10**10), st.floats(), st.text(max_size=3), st.none()),
)  # fmt: skip

VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.integers(0, 5000),
    st.floats(),
    st.text(),
    st.binary(max_size=4),
    st.lists(st.integers()),
    COUNTS.map(json.dumps),
    COUNTS.map(repr),
    COUNTS.map(lambda counts: json.dumps({"anthropic": {"usage": counts}, "openai": counts})),
    st.sampled_from(
        ["chat", "LLM", "generation", "ai.embed.doEmbed", "log", "anthropic", "google"]
    ),
)


@given(
    st.dictionaries(st.sampled_from(NAMES), VALUES, max_size=20),
    st.sampled_from(
        ["", "spanledger", "litellm", "openlit.x", "@traceloop/instrumentation-openai"]
    ),
    st.booleans(),
)
def test_any_attributes_make_a_call(
    attributes: dict[str, AttributeValue],
    scope: str,
    failed: bool,  # noqa: FBT001 - hypothesis passes it
) -> None:
    """Threat 5: whatever is on a span, it is read without failing, and no count is absurd."""
    record = replace(RECORD, attributes=attributes, scope=scope, failed=failed)
    call = to_call(record, "default")

    assert call.usage_problem == "" or call.usage == Usage()
    assert all(0 <= count <= QUANTITY_MAX for count in call.usage.reported().values())
    assert (call.usage.cache_read_tokens or 0) <= (call.usage.input_tokens or 0)
    assert (call.usage.reasoning_tokens or 0) <= (call.usage.output_tokens or 0)
    assert call.reported_amount is None or 0 <= call.reported_amount < 10**9
    assert isinstance(is_model_call(record), bool)
    assert read_calls([record, replace(record, span_id="f" * 16)], "default").ignored in {0, 2}
