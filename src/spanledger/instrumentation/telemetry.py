"""Where spans go: the provider that the app has or one of ours, and from there to our sender."""

import threading
import weakref
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path
from typing import Final, cast

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.environment_variables import OTEL_TRACES_EXPORTER
from opentelemetry.sdk.environment_variables import OTEL_SDK_DISABLED
from opentelemetry.sdk.trace import ReadableSpan, Span, SpanProcessor, TracerProvider

from spanledger import attributes as names
from spanledger.instrumentation.estimation import EXIT_S, drain
from spanledger.instrumentation.guard import guarded
from spanledger.instrumentation.inference import looks_like_inference
from spanledger.instrumentation.neighbours import is_recorded, note_start
from spanledger.instrumentation.records import SCOPE, Head, record_payload, span_payload
from spanledger.instrumentation.sender import Sender
from spanledger.instrumentation.spool import Spool
from spanledger.settings import (
    OtlpTarget,
    Settings,
    otel_variable,
    otlp_target,
    state_directory,
)

__all__ = [
    "BillableSpans",
    "Destination",
    "find_destination",
    "spool_directory",
    "spool_root",
]


_CLIENT: Final[int] = trace.SpanKind.CLIENT.value


class BillableSpans(SpanProcessor):
    """Hands the spans of model calls to the sender, whoever made them, and no other.

    It also tells of the spans of others, which may stand for a call of ours. A processor cannot be
    taken from a provider again; this one does nothing unless it is on.
    """

    def __init__(self) -> None:
        self.sender: Sender | None = None
        self.on = False

    def on_start(self, span: Span, parent_context: Context | None = None) -> None:  # noqa: ARG002 - the SDK's
        """Start the sender while the call is under way, for its first imports take a moment."""
        if self.on and not _is_ours(span):
            with guarded("note a span of somebody else's"):
                note_start(span)
        sender = self.sender
        if sender is not None and not sender.running and _is_ours(span):
            with guarded("start the sender"):
                sender.start()

    def on_end(self, span: ReadableSpan) -> None:
        """Keep what will be billed."""
        sender = self.sender
        if sender is not None:
            with guarded("record a span"):
                if _is_billable(span):
                    sender.record(span.resource, record_payload(span))

    def shutdown(self) -> None:
        """Hand over what can be, in a moment."""
        with guarded("have usage estimated"):
            drain(EXIT_S)
        if self.sender is not None:
            self.sender.close()

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        """Hand over now; tells whether the collector has everything."""
        with guarded("have usage estimated"):
            drain(timeout_millis / 1000)
        return self.sender is None or self.sender.flush(timeout_millis / 1000)


class _OwnProvider(TracerProvider):
    """A provider of ours, which knows whether anybody but us listens."""

    shared = False
    """The app has added a processor of its own: it is to see our spans."""

    def add_span_processor(self, span_processor: SpanProcessor) -> None:
        """As of any provider."""
        self.shared = self.shared or not isinstance(span_processor, BillableSpans)
        super().add_span_processor(span_processor)


class Destination:
    """A tracer provider, whether it is ours, and the sender that is attached to it.

    A provider of ours becomes the global one only with the first model call: an app that imports
    us first and sets up its own tracing after that finds the place free, and is joined there.
    """

    def __init__(
        self,
        provider: trace.TracerProvider,
        *,
        ours: bool = False,
        pending: bool = False,
        joined: bool = True,
        sender: Sender | None = None,
    ) -> None:
        """Join the provider with a processor of ours, unless it is not to be `joined`."""
        self._provider = provider
        self._sdk = _sdk_provider(provider)
        self._ours = ours
        self._pending = pending
        self._sender = sender
        self._lock = threading.Lock()
        self._processor = _attach(provider, sender) if joined else None
        self._scope: tuple[str, str] = (SCOPE, "")

    def provider(self) -> trace.TracerProvider:
        """The provider of the spans, settled."""
        self.settle()
        return self._provider

    def tracer(self, version: str) -> trace.Tracer:
        """The tracer for our spans; while nothing is settled, it leads to the later provider."""
        self._scope = (SCOPE, version)
        provider = trace.get_tracer_provider() if self._pending else self._provider
        return provider.get_tracer(SCOPE, version)

    def settle(self) -> None:
        """Before the first span: put our provider in place unless the app has set one since.

        The sender is started as well, while the call is under way: its imports take a moment.
        """
        if self._sender is not None and not self._sender.running:
            self._sender.start()
        if not self._pending:
            return
        with self._lock:
            if not self._pending:
                return
            if _nobody_has_set_one():
                trace.set_tracer_provider(self._provider)
            else:
                self._detach()
                self._shut_down()
                self._provider, self._ours = trace.get_tracer_provider(), False
                self._sdk = _sdk_provider(self._provider)
                self._processor = _attach(self._provider, self._sender)
            self._pending = False

    @property
    def alone(self) -> bool:
        """Nobody but our sender would see a span of ours: what it says goes there directly."""
        provider = self._provider
        return (
            isinstance(provider, _OwnProvider)
            and not provider.shared
            and self._processor is not None
            and not self._pending
        )

    def keep(
        self,
        span: trace.Span | None,
        around: Context,
        event: tuple[str, int, int],
        attributes: Mapping[str, object],
        *,
        failed: bool,
    ) -> None:
        """Hand a call to the sender of which there is no span that reaches it.

        Either nobody else listens, or a sampler of the app's has dropped the span: the call has
        cost money all the same.

        Args:
            span: that gives the call its ids, if there is one.
            around: the app's context when it began.
            event: its name, start and end, in nanoseconds since 1970.
            attributes: what the span would have said; the raw usage may be an object.
            failed: its status would be an error.
        """
        provider, sender = self._sdk, self._sender
        if provider is None or sender is None or attributes.get(names.COVERED):
            return
        name, start_ns, end_ns = event
        parent = trace.get_current_span(around).get_span_context()
        given = None if span is None else span.get_span_context()
        if given is None or given.span_id == parent.span_id:
            # There is no span, or one of nobody that says it is the one around it.
            make = provider.id_generator
            trace_id = parent.trace_id or make.generate_trace_id()
            span_id = make.generate_span_id()
        else:
            trace_id, span_id = given.trace_id, given.span_id
        if span_id:
            ids = (trace_id, span_id, parent.span_id)
            head: Head = (*ids, name, _CLIENT, start_ns, end_ns, int(failed), *self._scope)
            payload = span_payload(head, attributes)
            sender.record(provider.resource, payload)

    def close(self) -> trace.TracerProvider | None:
        """Hand over what is still held. A provider of ours has no further use: it is returned."""
        if self._sender is not None:
            self._sender.close()
        self._detach()
        if not self._ours:
            return None
        self._shut_down()
        return self._provider

    def _detach(self) -> None:
        if self._processor is not None:
            self._processor.sender = None
            self._processor.on = False

    def _shut_down(self) -> None:
        if isinstance(self._provider, TracerProvider):
            self._provider.shutdown()


def find_destination(
    given: trace.TracerProvider | None,
    closed: trace.TracerProvider | None = None,
    settings: Settings | None = None,
) -> Destination:
    """The provider given, else the global one, else one that we make.

    Args:
        given: used as it is, and nothing is added to it.
        closed: a provider of ours that was shut down, and may still be the global one.
        settings: where records are spooled.
    """
    if given is not None:
        return Destination(given, joined=False)
    free = _nobody_has_set_one()
    switched_off = otel_variable(OTEL_TRACES_EXPORTER).lower() == "none"
    sender = None if switched_off else _make_sender(settings or Settings(), otlp_target())
    if not free and (current := trace.get_tracer_provider()) is not closed:
        return Destination(current, sender=sender)
    if otel_variable(OTEL_SDK_DISABLED).lower() == "true":
        return Destination(trace.NoOpTracerProvider())
    return Destination(_OwnProvider(), ours=True, pending=free, sender=sender)


def _nobody_has_set_one() -> bool:
    return isinstance(trace.get_tracer_provider(), trace.ProxyTracerProvider)


_attached: Final[weakref.WeakKeyDictionary[TracerProvider, BillableSpans]] = (
    weakref.WeakKeyDictionary()
)


def _attach(provider: trace.TracerProvider, sender: Sender | None) -> BillableSpans | None:
    """Let billable spans of `provider` reach `sender`; somebody else's kind of provider cannot."""
    sdk = _sdk_provider(provider)
    if sdk is None:
        return None
    processor = _attached.get(sdk)
    if processor is None:
        processor = _attached[sdk] = BillableSpans()
        sdk.add_span_processor(processor)
    processor.sender = sender
    processor.on = True
    return processor


def _sdk_provider(provider: trace.TracerProvider) -> TracerProvider | None:
    """The SDK's provider, which may be in one that stands before it, as Logfire's is."""
    for one in (cast("object", getattr(provider, "provider", None)), provider):
        if isinstance(one, TracerProvider):
            return one
    return None


def spool_root(settings: Settings) -> Path | None:
    """Where all that waits is kept, for every collector; `None` where nothing can be."""
    return Path(settings.spool_dir) if settings.spool_dir else state_directory()


def spool_directory(settings: Settings, target: OtlpTarget) -> Path | None:
    """Where spans for one collector and key wait: the key says whose the spans are."""
    root = spool_root(settings)
    if root is None:
        return None
    headers = sorted((name.lower(), value) for name, value in target.headers.items())
    name = sha256(repr((target.url, headers)).encode("utf-8", "replace")).hexdigest()[:16]
    return root / name


def _make_sender(settings: Settings, target: OtlpTarget) -> Sender:
    directory = spool_directory(settings, target)
    return Sender(Spool(directory, settings.spool_bytes_max), target)


def _is_ours(span: ReadableSpan) -> bool:
    scope = span.instrumentation_scope
    return scope is not None and scope.name == SCOPE


def _is_billable(span: ReadableSpan) -> bool:
    """A model call that no other span stands for."""
    if (span.attributes or {}).get(names.COVERED):
        return False
    return _is_ours(span) or (looks_like_inference(span) and not is_recorded(span))
