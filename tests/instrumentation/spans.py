"""Spans of model calls as a provider with our processor hands them on."""

from collections.abc import Mapping

from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor, TracerProvider
from opentelemetry.trace import SpanKind

from spanledger.instrumentation.records import record_payload

CHAT: Mapping[str, str | int] = {
    "gen_ai.operation.name": "chat",
    "gen_ai.provider.name": "openai",
    "gen_ai.request.model": "gpt-4o",
    "gen_ai.usage.input_tokens": 7,
}


class Ended(SpanProcessor):
    """Keeps what has ended."""

    def __init__(self) -> None:
        self.spans: list[ReadableSpan] = []

    def on_end(self, span: ReadableSpan) -> None:
        """Called by the SDK."""
        self.spans.append(span)


def resource(service: str = "shop") -> Resource:
    """What a service says of itself."""
    return Resource({"service.name": service})


def span(
    attributes: Mapping[str, object] = CHAT, *, scope: str = "spanledger", name: str = "chat gpt-4o"
) -> ReadableSpan:
    """One ended span of a real provider."""
    ended = Ended()
    provider = TracerProvider(resource=resource(), shutdown_on_exit=False)
    provider.add_span_processor(ended)
    tracer = provider.get_tracer(scope, "1.2.3")
    values = dict(attributes)
    tracer.start_span(name, kind=SpanKind.CLIENT, attributes=values).end()  # pyright: ignore[reportArgumentType] - a test may take anything
    return ended.spans[0]


def payload(number: int = 0) -> bytes:
    """The record of a span that can be told from others."""
    return record_payload(span({**CHAT, "spanledger.message.id": str(number)}))
