"""One call, one row."""

import itertools
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from spanledger.collector.conventions import SpanRecord, read_calls
from tests.collector.span_records import build_span_record
from tests.collector.spans import CHAT

ID = "chatcmpl-CbK2vQmTz8Hn4AbCdEf"
ANSWERED = {**CHAT, "gen_ai.response.id": ID}
SILENT = {"gen_ai.operation.name": "chat", "gen_ai.request.model": "gpt-4o"}
OURS = {**ANSWERED, "spanledger.usage.source": "provider"}
EMBEDDING = {"gen_ai.operation.name": "embeddings", "gen_ai.usage.input_tokens": 8}
CHAIN = {"openinference.span.kind": "CHAIN", "llm.token_count.prompt": 1200}
HTTP = {"http.request.method": "POST"}

OTHER_TRACE = "1" * 32


def kept(*records: SpanRecord) -> list[int]:
    """The spans that count, by their numbers, whatever the order."""
    found = {
        tuple(sorted(int(call.span_id, 16) for call in read_calls(order, "default").calls))
        for order in itertools.permutations(records)
    }
    assert len(found) == 1
    return list(found.pop())


def span(attributes: Mapping[str, Any], number: int, parent: int = 0, **fields: Any) -> SpanRecord:
    """A span by its number."""
    return build_span_record(attributes, span=number, parent=parent, **fields)


def test_of_nested_spans_the_inner_one_counts() -> None:
    """Threat 6: also where a span of an HTTP library or a chain lies between."""
    assert kept(span(CHAT, 1), span(CHAT, 2, 1)) == [2]
    assert kept(span(CHAT, 1), span(HTTP, 2, 1), span(CHAIN, 3, 2), span(CHAT, 4, 3)) == [4]
    assert kept(span(CHAT, 1), span(CHAT, 2, 1), span(CHAT, 3, 2)) == [3]


def test_of_nested_spans_ours_counts() -> None:
    """S4.1: it has the evidence, wherever it lies."""
    assert kept(span(OURS, 1), span(CHAT, 2, 1)) == [1]
    assert kept(span(CHAT, 1), span(OURS, 2, 1)) == [2]


def test_who_states_the_usage_counts() -> None:
    """Where the inner one has missed the end of its stream."""
    assert kept(span(CHAT, 1), span(SILENT, 2, 1)) == [1]
    assert kept(span(SILENT, 1), span(CHAT, 2, 1)) == [2]
    assert kept(span(SILENT, 1), span(SILENT, 2, 1)) == [2]


def test_attempts_below_one_span_all_count() -> None:
    """The inner ones are exchanges; a failed one stays, whoever has the usage."""
    failed = {**SILENT, "error.type": "429"}

    assert kept(span(CHAT, 1), span(failed, 2, 1), span(CHAT, 3, 1)) == [2, 3]
    assert kept(span(CHAT, 1), span(failed, 2, 1), span(SILENT, 3, 1)) == [1, 2]


def test_another_kind_of_call_inside_is_another_call() -> None:
    """A chat that embeds on its way costs both."""
    assert kept(span(CHAT, 1), span(EMBEDDING, 2, 1)) == [1, 2]


@pytest.mark.parametrize(
    "between",
    [{"gen_ai.operation.name": "execute_tool"}, {"openinference.span.kind": "AGENT"},
     {"langfuse.observation.type": "tool"}, {"traceloop.span.kind": "agent"}],
)  # fmt: skip
def test_what_a_tool_asks_is_another_call(between: dict[str, Any]) -> None:
    """Some run tools, and the agents behind them, inside the span of the call that wants them."""
    assert kept(span(CHAT, 1), span(between, 2, 1), span(CHAT, 3, 2)) == [1, 3]


def test_side_by_side_the_id_of_the_answer_tells() -> None:
    """Threat 6: started by two libraries below the same span, or in traces of their own."""
    more = {**ANSWERED, "gen_ai.usage.cache_read.input_tokens": 1000}

    assert kept(span(ANSWERED, 1, 9), span(more, 2, 9)) == [2]
    assert kept(span(ANSWERED, 1), span(more, 2, trace=OTHER_TRACE)) == [2]
    assert kept(span(OURS, 1, 9), span(more, 2, 9)) == [1]
    assert kept(span(ANSWERED, 1, 9), span(CHAT, 2, 9)) == [1, 2]


def test_calls_that_follow_each_other_are_two() -> None:
    """A small server gives an id again, and a cache an answer."""
    assert kept(span(ANSWERED, 1), span(ANSWERED, 2, begins=1.5)) == [1, 2]


@pytest.mark.parametrize(("output", "calls"), [(350, [1]), (7, [1, 2])])
def test_a_short_id_across_traces_needs_the_same_output(output: int, calls: list[int]) -> None:
    """Ollama has a thousand ids."""
    short = {**CHAT, "gen_ai.response.id": "chatcmpl-123"}
    other = {**short, "gen_ai.usage.output_tokens": output}
    found = [
        call.span_id
        for call in read_calls(
            [span(short, 1, begins=0.1), span(other, 2, trace=OTHER_TRACE)], "default"
        ).calls
    ]

    assert len(found) == len(calls)


def test_the_same_span_twice_is_left_to_the_store() -> None:
    """It knows of other deliveries, too."""
    assert len(read_calls([span(ANSWERED, 1), span(ANSWERED, 1)], "default").calls) == 2


def test_what_is_dropped_leaves_for_whom_it_was() -> None:
    """The outer one knows the user, the inner one the usage."""
    outer = {**SILENT, "user.id": "ada", "session.id": "s-1", "spanledger.team": "core"}
    inner = {key: value for key, value in CHAT.items() if key != "user.id"}
    reading = read_calls([span(outer, 1), span({**inner, "spanledger.team": "x"}, 2, 1)], "default")

    (call,) = reading.calls
    assert (call.user_id, call.conversation_id, call.team) == ("ada", "s-1", "x")
    assert (reading.ignored, reading.doubles) == (0, 1)


def test_counts_add_up() -> None:
    """S4.2: what is no call is ignored and counted."""
    reading = read_calls([span(CHAIN, 1), span(CHAT, 2, 1), span(CHAT, 3, 2), span(HTTP, 4)], "p")

    assert (len(reading.calls), reading.ignored, reading.doubles) == (1, 2, 1)
    assert read_calls([], "p").calls == []


def test_a_circle_of_parents_has_an_end() -> None:
    """Threat 5: a sender may say anything."""
    assert kept(span(CHAT, 1, 2), span(CHAT, 2, 1)) == [1, 2]
    assert kept(span(CHAT, 1, 1)) == [1]
    assert kept(span(CHAT, 1, 2), span(CHAT, 2, 1), span(CHAT, 3, 1)) == [2, 3]


SPANS = st.lists(
    st.builds(
        span,
        st.sampled_from([ANSWERED, CHAT, SILENT, OURS, EMBEDDING, CHAIN, HTTP]),
        st.integers(1, 6),
        st.integers(0, 6),
        begins=st.sampled_from([0.0, 0.5, 3.0]),
    ),
    max_size=8,
    unique_by=lambda record: record.span_id,
)


@given(SPANS)
@example([span(CHAT, 1, 2), span(CHAT, 2, 1)])
def test_nothing_is_lost_altogether(records: list[SpanRecord]) -> None:
    """Promise 2: where something states a usage, something that is kept does, once each."""
    reading = read_calls(records, "p")

    assert len(reading.calls) + reading.ignored + reading.doubles == len(records)
    assert len({call.call_id for call in reading.calls}) == len(reading.calls)
    assert bool(reading.calls) == (reading.ignored < len(records))
