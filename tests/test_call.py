"""What a call says of itself."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from spanledger.call import Call

CALL = Call(
    trace_id="1" * 32,
    span_id="2" * 16,
    start_time=datetime(2026, 11, 1, tzinfo=UTC),
    duration_us=1,
    provider="openai",
    operation="chat",
    request_model="gpt-4o",
)


def test_the_id_is_trace_and_span() -> None:
    """The contract's call_id."""
    assert CALL.call_id == f"{'1' * 32}-{'2' * 16}"


def test_the_answering_model_wins() -> None:
    """The provider knows best which model served the call."""
    assert CALL.model == "gpt-4o"
    assert replace(CALL, response_model="gpt-4o-2024-08-06").model == "gpt-4o-2024-08-06"


def test_the_answered_tier_wins() -> None:
    """What was asked for may not have been granted."""
    asked = replace(CALL, request_service_tier="auto")

    assert asked.service_tier == "auto"
    assert replace(asked, response_service_tier="default").service_tier == "default"


def test_naive_times_are_refused() -> None:
    """A time without a zone is not an instant."""
    with pytest.raises(ValueError, match="has no time zone"):
        replace(CALL, start_time=datetime(2026, 11, 1))  # noqa: DTZ001 - the point of the test
