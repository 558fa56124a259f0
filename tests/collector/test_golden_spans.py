"""Spans of real libraries: the right tokens, once."""

import pytest

from spanledger.collector.conventions import Recent, read_calls
from spanledger.usage import Usage
from tests.collector.golden import ANSWERS, EMITTERS, FORMS, expected, read, records_of

TOLD = ("input_tokens", "cache_read_tokens", "cache_write_tokens", "output_tokens",
        "reasoning_tokens")  # fmt: skip

every_form = pytest.mark.parametrize(("emitter", "form"), FORMS)


def test_there_are_enough_emitters() -> None:
    """Issue 5: at least ten, with several kinds of call each."""
    assert len(EMITTERS) >= 20
    assert sum(len(told["forms"]) >= 3 for told in EMITTERS.values()) >= 20
    assert all(told["versions"] for told in EMITTERS.values())


@every_form
def test_the_right_tokens_once(emitter: str, form: str) -> None:
    """S4.2: by kind, with cached input inside the input and reasoning inside the output."""
    calls, model, units = expected(emitter, form)
    found = read(emitter, form).calls

    assert len(found) == calls
    for call in found:
        told = {unit: getattr(call.usage, unit) for unit in TOLD if getattr(call.usage, unit)}
        assert (call.usage_problem, told) == ("", units)
        assert call.model == model


@every_form
def test_who_answered(emitter: str, form: str) -> None:
    """S4.2: providers by OpenTelemetry's names, operations and errors by one word each."""
    answer = ANSWERS[form]
    unnamed = (emitter, form) == ("langfuse-js", "embeddings")  # it calls them a generation

    for call in read(emitter, form).calls:
        assert call.provider == answer.provider
        assert (call.operation == "embeddings") == (answer.embeds and not unnamed)
        assert bool(call.error_type) == answer.failed
        assert call.reported_amount is None
        assert call.service == "golden"


@every_form
def test_the_order_of_spans_makes_no_difference(emitter: str, form: str) -> None:
    """Exporters send spans as they end, in several threads."""
    records = records_of(emitter, form)
    calls = read_calls(records[::-1], "default").calls

    assert {call.call_id: call for call in calls} == {
        call.call_id: call for call in read(emitter, form).calls
    }


@every_form
def test_every_span_is_accounted_for(emitter: str, form: str) -> None:
    """S4.2: what is no call is counted, and so is what another span stands for."""
    reading = read(emitter, form)

    assert len(reading.calls) + reading.ignored + reading.doubles == len(records_of(emitter, form))


ALONE = {
    # Beside or around Anthropic's own span: by themselves neither knows of the other.
    ("langfuse-langchain", "messages"),
    ("official", "messages"),
    ("official", "messages stream"),
    ("official", "messages error"),
    ("openinference", "messages"),
    ("openinference", "messages stream"),
    ("openinference", "messages error"),
    ("openinference-langchain", "messages"),
    ("openllmetry", "messages"),
    ("openllmetry", "messages stream"),
    ("openllmetry-langchain", "messages"),
    ("pydantic-ai", "messages stream"),
    ("traceloop", "messages"),
    ("traceloop", "messages stream"),
    # Both say that they embed; the outer one states no usage.
    ("vercel-ai-7", "embeddings"),
}


@every_form
def test_what_a_span_says_alone(emitter: str, form: str) -> None:
    """Where each span comes in a delivery of its own, only these are not known to be one call."""
    calls = [
        call
        for record in records_of(emitter, form)
        for call in read_calls([record], "default").calls
    ]

    together = read(emitter, form).calls
    assert (len(calls) > len(together)) == ((emitter, form) in ALONE)


STILL_TWO = {
    # What states no usage hides nothing, and calls that fail state none.
    ("official", "messages error"),
    ("openinference", "messages error"),
}


@every_form
def test_each_span_in_a_delivery_of_its_own(emitter: str, form: str) -> None:
    """Some export each span as it ends: what was read a short while ago is remembered."""
    recent = Recent()
    records = records_of(emitter, form)
    calls = [call for one in records for call in read_calls([one], "default", recent).calls]
    again = [call for one in records for call in read_calls([one], "default", recent).calls]

    assert again == calls
    assert (len(calls) > len(read(emitter, form).calls)) == ((emitter, form) in STILL_TWO)


@pytest.mark.parametrize(
    ("emitter", "form", "user", "session"),
    [
        ("langfuse", "observed", "ada", "s-1"),
        ("langfuse-js", "chat", "ada", "s-1"),
        ("langfuse-langchain", "chat", "ada", "s-1"),
        ("langfuse-langchain", "messages", "ada", "s-1"),
        ("litellm", "chat", "ada", ""),
        ("traceloop", "workflow", "ada", "s-1"),
        ("vercel-ai", "chat", "ada", ""),
    ],
)
def test_for_whom(emitter: str, form: str, user: str, session: str) -> None:
    """S2.1: a user or session that the library was told is not lost, whoever counts."""
    (call,) = read(emitter, form).calls

    assert (call.user_id, call.conversation_id) == (user, session)


@pytest.mark.parametrize(
    "emitter",
    ["anthropic", "langfuse-langchain", "litellm", "logfire", "official", "vercel-ai"],
)
def test_how_long_the_cache_lives(emitter: str) -> None:
    """Anthropic's two kinds of cache writes differ in price; who has its own object tells them."""
    (call,) = read(emitter, "messages").calls

    assert (call.usage.cache_write_5m_tokens, call.usage.cache_write_1h_tokens) == (400, 1000)


def test_modalities_of_google() -> None:
    """Audio and images inside the input, as far as a library hands them on."""
    (call,) = read("official", "gemini").calls

    assert call.usage == Usage(
        input_tokens=5120,
        cache_read_tokens=4000,
        input_audio_tokens=642,
        input_image_tokens=258,
        cache_read_audio_tokens=300,
        output_tokens=620,
        reasoning_tokens=500,
    )


def test_streams_say_so() -> None:
    """S4.2: with the time to the first chunk, whatever its unit was."""
    (call,) = read("vercel-ai", "chat stream").calls

    assert call.stream
    assert 1000 < (call.time_to_first_chunk_us or 0) < 10_000_000
