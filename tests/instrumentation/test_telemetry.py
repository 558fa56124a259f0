"""Spans go where the app sends its own, and else to the collector that the variables name."""

import tempfile
from collections.abc import Sequence

import httpx2
import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult

import spanledger
from tests.instrumentation.calls import CHAT, CHAT_PATH, answering
from tests.instrumentation.programs import CALL, run
from tests.instrumentation.provider import Provider, Reply


def received(collector: Provider) -> list[tuple[str, str, str]]:
    """(service, span, path) of each span that came."""
    return [
        (attribute.value.string_value, span.name, path)
        for path, _, body in collector.requests
        for resource in ExportTraceServiceRequest.FromString(body).resource_spans
        for attribute in resource.resource.attributes
        if attribute.key == "service.name"
        for scope in resource.scope_spans
        for span in scope.spans
    ]


def test_without_a_provider_spans_go_out_by_otlp(provider: Provider) -> None:
    """One import, the standard variables, and the span is there when the program has ended."""
    run(
        "import spanledger.auto" + CALL + "call()",
        OTEL_EXPORTER_OTLP_ENDPOINT=provider.url,
        OTEL_SERVICE_NAME="shop",
    )
    assert received(provider) == [("shop", "chat gpt-4o", "/v1/traces")]


class HttpxExporter(SpanExporter):
    """An exporter that speaks through httpx, to a path that looks like a model's."""

    def __init__(self, url: str) -> None:
        self._url = url

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """One request for each batch."""
        httpx2.post(self._url, json={"spans": len(spans)}, trust_env=False)
        return SpanExportResult.SUCCESS


def test_an_export_is_not_recorded(provider: Provider) -> None:
    """Exports run under suppression: recording one would make a span to be exported in turn."""
    tracers = TracerProvider(shutdown_on_exit=False)
    tracers.add_span_processor(BatchSpanProcessor(HttpxExporter(provider.url + CHAT_PATH)))
    spanledger.instrument(tracer_provider=tracers)
    with answering(httpx2) as client:
        client.post("http://provider" + CHAT_PATH, json=CHAT)
    tracers.force_flush()
    tracers.force_flush()
    spanledger.uninstrument()
    tracers.shutdown()

    assert [body for _, _, body in provider.requests] == [b'{"spans":1}']


SDK_PROVIDER = """
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
exporter = InMemorySpanExporter()
def set_up():
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    trace.set_tracer_provider(provider)
def spans():
    return len(exporter.get_finished_spans())
"""


@pytest.mark.parametrize(
    "order", ["set_up(); import spanledger.auto", "import spanledger.auto; set_up()"]
)
def test_the_apps_own_provider_is_used_whenever_it_is_set(provider: Provider, order: str) -> None:
    """Importing us first takes nobody's place; our sender joins the app's provider."""
    printed = run(
        SDK_PROVIDER + order + CALL + "call(); call(); print(spans())",
        OTEL_EXPORTER_OTLP_ENDPOINT=provider.url,
    )
    assert printed == "2"
    assert [name for _, name, _ in received(provider)] == ["chat gpt-4o"] * 2


def test_the_provider_of_ours_becomes_the_global_one_with_the_first_call(
    provider: Provider,
) -> None:
    """From then on the app's other spans join the same trace; only model calls are sent."""
    printed = run(
        """
import spanledger.auto
from opentelemetry import trace
print(type(trace.get_tracer_provider()).__name__)"""
        + CALL
        + """
call()
print(type(trace.get_tracer_provider()).__name__)
with trace.get_tracer("app").start_as_current_span("work"):
    call()
""",
        OTEL_EXPORTER_OTLP_ENDPOINT=provider.url,
    )
    assert printed.split() == ["ProxyTracerProvider", "_OwnProvider"]
    assert [name for _, name, _ in received(provider)] == ["chat gpt-4o"] * 2


@pytest.mark.parametrize(
    "variables", [{"OTEL_SDK_DISABLED": "TRUE"}, {"OTEL_TRACES_EXPORTER": "none"}]
)
def test_an_app_can_switch_it_off_by_the_standard_variables(
    provider: Provider, variables: dict[str, str]
) -> None:
    """No span leaves, and the call works."""
    run(
        "import spanledger.auto" + CALL + "call()",
        OTEL_EXPORTER_OTLP_ENDPOINT=provider.url,
        **variables,
    )
    assert provider.requests == []


def test_recording_can_be_stopped_and_started_again(provider: Provider) -> None:
    """After uninstrument the spans are out; a second start has a provider that works."""
    run(
        "import spanledger; spanledger.instrument()"
        + CALL
        + """
call()
spanledger.uninstrument()
call()
spanledger.instrument()
call()
spanledger.uninstrument()
""",
        OTEL_EXPORTER_OTLP_ENDPOINT=provider.url,
    )
    assert len(received(provider)) == 2


def test_a_stream_left_open_is_sent_when_the_program_ends(provider: Provider) -> None:
    """The finaliser runs at exit too, before the provider shuts down."""
    run(
        """
import spanledger.auto, httpx2
class Body(httpx2.SyncByteStream):
    def __iter__(self):
        yield b'data: {"model": "gpt-4o-x"}\\n\\n'
transport = httpx2.MockTransport(lambda request: httpx2.Response(200, stream=Body()))
client = httpx2.Client(transport=transport)
request = client.build_request("POST", "http://provider/v1/chat/completions", json={})
response = client.send(request, stream=True)
""",
        OTEL_EXPORTER_OTLP_ENDPOINT=provider.url,
    )
    assert [name for _, name, _ in received(provider)] == ["chat"]


OTHERS = """
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
trace.set_tracer_provider(TracerProvider())
import spanledger.auto
tracer = trace.get_tracer("somebody.else")
with tracer.start_as_current_span("GET /", attributes={"http.request.method": "GET"}):
    chat = {"gen_ai.operation.name": "chat", "gen_ai.prompt.0.content": "canary"}
    with tracer.start_as_current_span("chat gpt-4o", attributes=chat):
        pass
"""


def test_model_calls_of_other_instrumentations_are_sent_as_well(provider: Provider) -> None:
    """Contract: billable spans, whoever made them, without their prompts, and nothing else."""
    run(OTHERS + CALL + "call()", OTEL_EXPORTER_OTLP_ENDPOINT=provider.url)

    assert [name for _, name, _ in received(provider)] == ["chat gpt-4o"] * 2
    assert all(b"canary" not in body for _, _, body in provider.requests)


def test_a_provider_passed_in_gets_nothing_added(provider: Provider) -> None:
    """Contract: it is used as it is; whoever prefers the stock exporters uses those alone."""
    run(
        """
import spanledger
from opentelemetry.sdk.trace import TracerProvider
given = TracerProvider()
spanledger.instrument(tracer_provider=given)
assert given._active_span_processor._span_processors == ()
"""
        + CALL
        + "call()",
        OTEL_EXPORTER_OTLP_ENDPOINT=provider.url,
    )
    assert provider.requests == []


def test_a_second_start_on_the_apps_provider_sends_each_span_once(provider: Provider) -> None:
    """The processor stays where it was added, without a sender while nothing is recorded."""
    run(
        """
import spanledger
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
trace.set_tracer_provider(TracerProvider())
"""
        + CALL
        + """
for _ in range(3):
    spanledger.instrument()
    call()
    spanledger.uninstrument()
""",
        OTEL_EXPORTER_OTLP_ENDPOINT=provider.url,
    )
    assert len(received(provider)) == 3


def test_another_key_does_not_deliver_what_one_left(provider: Provider) -> None:
    """The project comes from the key: what was left under one key waits for that key."""
    provider.answer_with(Reply(status=503, headers={"retry-after": "9"}), Reply())
    with tempfile.TemporaryDirectory() as spool:
        for key in ("one", "two", "one"):
            run(
                "import spanledger.auto" + CALL + "call()",
                OTEL_EXPORTER_OTLP_ENDPOINT=provider.url,
                OTEL_EXPORTER_OTLP_HEADERS=f"authorization=Bearer {key}",
                SPANLEDGER_SPOOL_DIR=spool,
            )
    keys = [
        headers["authorization"]
        for _, headers, body in provider.requests[1:]
        for resource in ExportTraceServiceRequest.FromString(body).resource_spans
        for scope in resource.scope_spans
        for _ in scope.spans
    ]

    assert sorted(keys) == ["Bearer one", "Bearer one", "Bearer two"]


def test_a_call_that_the_apps_sampler_drops_is_recorded_all_the_same(provider: Provider) -> None:
    """S4.1: sampling is for traces; what was dropped has cost money."""
    printed = run(
        "from opentelemetry.sdk.trace.sampling import ALWAYS_OFF"
        + SDK_PROVIDER.replace("TracerProvider()", "TracerProvider(sampler=ALWAYS_OFF)")
        + "set_up(); import spanledger.auto"
        + CALL
        + "call(); print(spans())",
        OTEL_EXPORTER_OTLP_ENDPOINT=provider.url,
    )
    assert printed == "0"
    assert [name for _, name, _ in received(provider)] == ["chat gpt-4o"]


def test_a_processor_that_the_app_adds_to_our_provider_sees_our_spans(provider: Provider) -> None:
    """Without one no span is made; from then on it is, and the sender has both calls."""
    printed = run(
        SDK_PROVIDER
        + "import spanledger.auto"
        + CALL
        + """
call()
trace.get_tracer_provider().add_span_processor(SimpleSpanProcessor(exporter))
call()
print(spans())""",
        OTEL_EXPORTER_OTLP_ENDPOINT=provider.url,
    )
    assert printed == "1"
    assert [name for _, name, _ in received(provider)] == ["chat gpt-4o"] * 2


def test_a_call_without_a_span_is_told_in_full(provider: Provider) -> None:
    """The same attributes, parent and status as where a span is made."""
    program = """
import spanledger.auto, httpx2
from opentelemetry import trace
def work():
    answers = [httpx2.Response(200, json={"id": "r", "usage": {"prompt_tokens": 7}}),
               httpx2.Response(400, json={"error": {"code": "bad"}})]
    with httpx2.Client(transport=httpx2.MockTransport(lambda request: answers.pop(0))) as client:
        with trace.get_tracer("app").start_as_current_span("work"):
            for _ in (1, 2):
                client.post("http://provider/v1/chat/completions", json={"model": "gpt-4o"})
work()  # from now on there is a provider for the app's own span
work()
"""
    listening = """
from opentelemetry.sdk.trace import SpanProcessor
trace.get_tracer_provider().add_span_processor(SpanProcessor())
work()
"""
    run(program + listening, OTEL_EXPORTER_OTLP_ENDPOINT=provider.url)
    spans = [
        span
        for _, _, body in provider.requests
        for resource in ExportTraceServiceRequest.FromString(body).resource_spans
        for scope in resource.scope_spans
        for span in scope.spans
    ]
    told = [
        (
            span.name,
            span.kind,
            span.status.code,
            {one.key: str(one.value) for one in span.attributes},
            bool(span.parent_span_id),
        )
        for span in spans
    ]
    assert [one[-1] for one in told] == [False] * 2 + [True] * 4
    assert told[2:4] == told[4:6]


FRONT = """
import sys
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
class Front(trace.TracerProvider):
    def __init__(self):
        self.provider = TracerProvider()
    def get_tracer(self, name, *args, **options):
        return Muted() if name in sys.argv else self.provider.get_tracer(name, *args, **options)
class Muted(trace.NoOpTracer):
    def start_span(self, name, context=None, *args, **options):
        return trace.NonRecordingSpan(trace.get_current_span(context).get_span_context())
trace.set_tracer_provider(Front())
import spanledger.auto
tracer = trace.get_tracer("somebody.else")
"""
"""A provider that stands before the SDK's, and can mute libraries, as Logfire's does."""


@pytest.mark.parametrize("muted", [False, True])
def test_a_provider_before_the_sdks_is_joined(provider: Provider, *, muted: bool) -> None:
    """Our sender is attached to what is behind it; whom it mutes is recorded all the same."""
    run(
        FRONT.replace("sys.argv", "['spanledger']" if muted else "[]")
        + CALL
        + """
with tracer.start_as_current_span("theirs", attributes={"gen_ai.operation.name": "chat"}):
    call()
    call()
""",
        OTEL_EXPORTER_OTLP_ENDPOINT=provider.url,
    )
    assert [name for _, name, _ in received(provider)] == ["chat gpt-4o"] * 2
    assert len(span_ids(provider)) == 2


def span_ids(collector: Provider) -> set[bytes]:
    """Of all that came."""
    return {
        span.span_id
        for _, _, body in collector.requests
        for resource in ExportTraceServiceRequest.FromString(body).resource_spans
        for scope in resource.scope_spans
        for span in scope.spans
    }


COVERING = (
    SDK_PROVIDER
    + """
set_up()
import spanledger
from opentelemetry.trace import get_tracer
def covered():
    spans = exporter.get_finished_spans()
    return [bool(span.attributes.get("spanledger.covered")) for span in spans]
def theirs():
    chat = {"gen_ai.operation.name": "chat", "gen_ai.provider.name": "openai"}
    with get_tracer("one").start_as_current_span("chat", attributes=chat):
        with get_tracer("two").start_as_current_span("chat", attributes=chat):
            call()
    marks = covered()
    exporter.clear()
    return marks
"""
)


def test_spans_that_go_elsewhere_are_marked_without_a_sender(provider: Provider) -> None:
    """An app may export to the collector by itself, and want nothing sent by us."""
    printed = run(
        COVERING + CALL + "spanledger.instrument(); print(theirs())",
        OTEL_EXPORTER_OTLP_ENDPOINT=provider.url,
        OTEL_TRACES_EXPORTER="none",
    )
    assert printed == "[False, True, True]"
    assert provider.requests == []


def test_nothing_is_marked_when_nothing_is_recorded(provider: Provider) -> None:
    """The processor stays on the app's provider, and is off; a second start turns it on again."""
    printed = run(
        COVERING
        + CALL
        + """
for step in (spanledger.instrument, spanledger.uninstrument, spanledger.instrument):
    step()
    print(theirs())""",
        OTEL_EXPORTER_OTLP_ENDPOINT=provider.url,
    )
    assert printed.splitlines() == ["[False, True, True]", "[False, False]", "[False, True, True]"]
