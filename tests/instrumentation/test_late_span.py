"""A span that starts when somebody looks, and says the same as one that started at once."""

import time
from typing import Any

import pytest
from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.sdk.trace import Span, SpanProcessor
from opentelemetry.trace import Status, StatusCode

from spanledger.instrumentation.late_span import LateSpan
from tests.instrumentation.calls import CHAT, CHAT_PATH, Recording, memory

URL = "http://provider" + CHAT_PATH


def looking(library: Any, look: Any) -> Any:
    """A client whose transport looks at the current span before it answers."""
    answer = memory(library)

    class Transport(library.BaseTransport):
        def handle_request(self, request: Any) -> object:
            look(trace.get_current_span())
            return answer.handle_request(request)

    return library.Client(transport=Transport())


def test_what_is_put_on_the_current_span_is_kept(recording: Recording, library: Any) -> None:
    """An app's own transport finds a span in the context that takes all that a span takes."""
    seen: list[Any] = []

    def look(span: trace.Span) -> None:
        seen.append(span.get_span_context())
        assert span.is_recording()
        span.set_attribute("one", 1)
        span.set_attributes({"two": 2})
        span.add_event("sent", {"three": 3})
        span.add_link(trace.SpanContext(1, 2, is_remote=False))
        span.record_exception(ValueError("four"))
        span.update_name("named")
        span.set_status(Status(StatusCode.OK))
        span.end()
        assert span.name == "named"  # pyright: ignore[reportAttributeAccessIssue] - of the SDK's span

    with recording.on(), looking(library, look) as client:
        client.post(URL, json=CHAT)

    span = recording.span
    assert seen == [span.context]
    assert (span.name, span.status.status_code) == ("named", StatusCode.OK)
    assert [event.name for event in span.events] == ["sent", "exception"]
    assert len(span.links) == 1
    assert recording.facts["one"] == 1
    assert recording.facts["two"] == 2
    assert recording.facts["gen_ai.usage.input_tokens"] == 1


@pytest.mark.parametrize("looked_at", [False, True])
def test_it_has_the_time_and_the_parent_of_the_call(
    recording: Recording, library: Any, *, looked_at: bool
) -> None:
    """Its start is the request's, and its parent is who was current then, whenever it starts."""
    tracer = recording.provider.get_tracer("app")
    moments: list[int] = []

    def look(span: trace.Span) -> None:
        moments.append(time.time_ns())
        if looked_at:
            span.get_span_context()

    with recording.on(), looking(library, look) as client:
        with tracer.start_as_current_span("work") as work:
            client.post(URL, json=CHAT)
        ours = recording.spans[0]

    assert ours.parent == work.get_span_context()
    assert ours.start_time is not None
    assert ours.start_time <= moments[0]


def test_a_processor_may_look_at_the_span_that_starts(recording: Recording, library: Any) -> None:
    """Who asks for the current span while it starts gets an invalid one, and no endless loop."""

    class Curious(SpanProcessor):
        def __init__(self) -> None:
            self.seen: list[bool] = []

        def on_start(self, span: Span, parent_context: Context | None = None) -> None:  # noqa: ARG002 - the SDK's
            self.seen.append(trace.get_current_span().get_span_context().is_valid)

    curious = Curious()
    recording.provider.add_span_processor(curious)
    with recording.on(), looking(library, trace.Span.get_span_context) as client:
        client.post(URL, json=CHAT)
    assert curious.seen == [False]
    assert recording.facts["gen_ai.request.model"] == "gpt-4o"


def test_it_cannot_be_ended_from_outside() -> None:
    """The exchange ends its span: who finds it in the context only passes by."""
    asked: list[bool] = []

    def start() -> trace.Span:
        asked.append(True)
        return trace.INVALID_SPAN

    LateSpan(start).end()
    assert asked == []
