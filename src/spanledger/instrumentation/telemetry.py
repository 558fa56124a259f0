"""Where spans go: the provider that the app has, or one of ours with an OTLP/HTTP exporter."""

from dataclasses import dataclass

from opentelemetry import trace
from opentelemetry.environment_variables import OTEL_TRACES_EXPORTER
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.environment_variables import OTEL_SDK_DISABLED
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

from spanledger.settings import otel_variable

__all__ = ["Destination", "find_destination"]

_FLUSH_MILLISECONDS = 5_000


@dataclass(frozen=True, slots=True)
class Destination:
    """A tracer provider, and whether we made it."""

    provider: trace.TracerProvider
    ours: bool

    def close(self) -> None:
        """Hand over what is still held; a provider of ours has no further use."""
        if not isinstance(self.provider, TracerProvider):
            return
        self.provider.force_flush(_FLUSH_MILLISECONDS)
        if self.ours:
            self.provider.shutdown()


def find_destination(
    given: trace.TracerProvider | None, closed: trace.TracerProvider | None = None
) -> Destination:
    """The provider given, else the global one, else a new one, which becomes the global one.

    Args:
        given: used as it is, and nothing is added to it.
        closed: a provider of ours that was shut down, and may still be the global one.
    """
    if given is not None:
        return Destination(given, ours=False)
    current = trace.get_tracer_provider()
    nobody_has_set_one = isinstance(current, trace.ProxyTracerProvider)
    if not nobody_has_set_one and current is not closed:
        return Destination(current, ours=False)
    if otel_variable(OTEL_SDK_DISABLED).lower() == "true":
        return Destination(trace.NoOpTracerProvider(), ours=False)
    provider = _make_provider()
    if nobody_has_set_one:
        trace.set_tracer_provider(provider)
    return Destination(provider, ours=True)


def _make_provider() -> TracerProvider:
    """A provider as the standard `OTEL_*` variables want it: the SDK and the exporter read them."""
    provider = TracerProvider()
    if otel_variable(OTEL_TRACES_EXPORTER).lower() != "none":
        provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    return provider
