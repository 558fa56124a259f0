"""Where spans go: the provider that the app has, or one of ours with an OTLP/HTTP exporter."""

import threading
from typing import Final

from opentelemetry import trace
from opentelemetry.environment_variables import OTEL_TRACES_EXPORTER
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.environment_variables import OTEL_SDK_DISABLED
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

from spanledger.settings import otel_variable

__all__ = ["Destination", "find_destination"]

_FLUSH_MILLISECONDS: Final = 5_000


class Destination:
    """A tracer provider, and whether it is ours.

    A provider of ours becomes the global one only with the first model call: an app that imports
    us first and sets up its own tracing after that finds the place free, and is joined there.
    """

    def __init__(self, provider: trace.TracerProvider, *, ours: bool, pending: bool) -> None:
        self._provider = provider
        self._ours = ours
        self._pending = pending
        self._lock = threading.Lock()

    def tracer(self, version: str) -> trace.Tracer:
        """The tracer for our spans; while nothing is settled, it leads to the later provider."""
        provider = trace.get_tracer_provider() if self._pending else self._provider
        return provider.get_tracer("spanledger", version)

    def settle(self) -> None:
        """Before the first span: put our provider in place unless the app has set one since."""
        if not self._pending:
            return
        with self._lock:
            if not self._pending:
                return
            if _nobody_has_set_one():
                trace.set_tracer_provider(self._provider)
            else:
                self._shut_down()
                self._provider, self._ours = trace.get_tracer_provider(), False
            self._pending = False

    def close(self) -> trace.TracerProvider | None:
        """Hand over what is still held. A provider of ours has no further use: it is returned."""
        if not self._ours:
            if isinstance(self._provider, TracerProvider):
                self._provider.force_flush(_FLUSH_MILLISECONDS)
            return None
        self._shut_down()
        return self._provider

    def _shut_down(self) -> None:
        if isinstance(self._provider, TracerProvider):
            self._provider.shutdown()


def find_destination(
    given: trace.TracerProvider | None, closed: trace.TracerProvider | None = None
) -> Destination:
    """The provider given, else the global one, else one that we make.

    Args:
        given: used as it is, and nothing is added to it.
        closed: a provider of ours that was shut down, and may still be the global one.
    """
    if given is not None:
        return Destination(given, ours=False, pending=False)
    free = _nobody_has_set_one()
    if not free and (current := trace.get_tracer_provider()) is not closed:
        return Destination(current, ours=False, pending=False)
    if otel_variable(OTEL_SDK_DISABLED).lower() == "true":
        return Destination(trace.NoOpTracerProvider(), ours=False, pending=False)
    return Destination(_make_provider(), ours=True, pending=free)


def _nobody_has_set_one() -> bool:
    return isinstance(trace.get_tracer_provider(), trace.ProxyTracerProvider)


def _make_provider() -> TracerProvider:
    """A provider as the standard `OTEL_*` variables want it: the SDK and the exporter read them."""
    provider = TracerProvider()
    if otel_variable(OTEL_TRACES_EXPORTER).lower() != "none":
        provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    return provider
