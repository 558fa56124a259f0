"""Spans of one call in several deliveries."""

from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spanledger.collector.conventions import Recent, SpanRecord, read_calls, to_call
from spanledger.collector.conventions.recent import is_counted, is_same_call
from tests.collector.span_records import build_span_record
from tests.collector.spans import CHAT

ANSWERED = {**CHAT, "gen_ai.response.id": "chatcmpl-CbK2vQmTz8Hn4AbCdEf"}
SILENT = {"gen_ai.operation.name": "chat", "gen_ai.request.model": "gpt-4o"}
EMBEDDING = {"gen_ai.operation.name": "embeddings", "gen_ai.usage.input_tokens": 8}


def span(attributes: Mapping[str, Any], number: int, parent: int = 0, **fields: Any) -> SpanRecord:
    """A span by its number."""
    return build_span_record(attributes, span=number, parent=parent, **fields)


def read_apart(*records: SpanRecord, recent: Recent | None = None) -> list[int]:
    """The spans that count if each comes alone."""
    known = recent or Recent()
    return [
        int(call.span_id, 16)
        for record in records
        for call in read_calls([record], "default", known).calls
    ]


def test_of_nested_spans_the_first_to_come_counts() -> None:
    """Threat 6: it is the inner one, which ends first; but the order makes no difference."""
    assert read_apart(span(CHAT, 2, 1), span(CHAT, 1)) == [2]
    assert read_apart(span(CHAT, 1), span(CHAT, 2, 1)) == [1]


def test_of_one_answer_the_first_to_come_counts() -> None:
    """Threat 6: side by side, or in traces of their own."""
    assert read_apart(span(ANSWERED, 1, 9), span(ANSWERED, 2, 9)) == [1]
    assert read_apart(span(ANSWERED, 1), span(ANSWERED, 2, trace="1" * 32)) == [1]
    assert read_apart(span(ANSWERED, 1), span(ANSWERED, 2, begins=1.5)) == [1, 2]


def test_another_kind_of_call_is_another_call() -> None:
    """As in one delivery."""
    assert read_apart(span(EMBEDDING, 2, 1), span(CHAT, 1)) == [2, 1]


def test_a_delivery_may_come_again() -> None:
    """Promise 2: what was kept is kept again, and what was not is not; the store knows the rest."""
    recent = Recent()
    records = [span(CHAT, 2, 1), span(CHAT, 1)]

    assert read_apart(*records, recent=recent) == [2]
    assert read_apart(*records, recent=recent) == [2]


def test_what_states_no_usage_hides_nothing() -> None:
    """The one that has the usage may be yet to come."""
    assert read_apart(span(SILENT, 2, 1), span(CHAT, 1)) == [2, 1]


def test_projects_do_not_see_each_other() -> None:
    """Threat 3: nobody can hide the calls of others."""
    recent = Recent()
    first = read_calls([span(ANSWERED, 1)], "acme", recent)
    second = read_calls([span(ANSWERED, 2)], "rival", recent)

    assert (len(first.calls), len(second.calls)) == (1, 1)


def test_it_forgets_the_oldest() -> None:
    """Memory is bounded; what is forgotten counts as new."""
    recent = Recent(size=2)

    assert read_apart(span(ANSWERED, 1, 9), span(CHAT, 2), span(CHAT, 3), recent=recent) == [
        1,
        2,
        3,
    ]
    assert read_apart(span(ANSWERED, 4), span(CHAT, 9), recent=recent) == [4, 9]
    assert read_apart(span(CHAT, 3), recent=recent) == [3]


@pytest.mark.parametrize(
    ("attributes", "counted"),
    [(CHAT, True), (SILENT, False), ({**SILENT, "gen_ai.usage.input_tokens": -1}, True)],
)
def test_what_is_counted(attributes: dict[str, Any], counted: bool) -> None:  # noqa: FBT001 - a table of cases
    """An impossible usage is a statement as well."""
    assert is_counted(to_call(span(attributes, 1), "default")) == counted


def test_a_span_is_not_its_own_double() -> None:
    """The store settles what is sent twice."""
    call = to_call(span(ANSWERED, 1), "default")

    assert not is_same_call(call, call)


SPANS = st.lists(
    st.builds(
        span,
        st.sampled_from([ANSWERED, CHAT, SILENT, EMBEDDING]),
        st.integers(1, 6),
        st.integers(0, 6),
        begins=st.sampled_from([0.0, 3.0]),
    ),
    max_size=8,
)


@given(SPANS, st.integers(1, 4))
def test_something_of_each_call_is_kept(records: list[SpanRecord], size: int) -> None:
    """Promise 2: a double is one only of what was kept before it."""
    kept = read_apart(*records, recent=Recent(size))

    assert bool(kept) == bool(records)
