"""One call is one billable span, whoever else records it, and nobody else's span is touched."""

import asyncio
import contextvars
import copy
import gc
import threading
import time
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from typing import Any

import httpx2
import pytest
from opentelemetry import context, trace
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, Tracer

import spanledger
from spanledger.instrumentation.neighbours import is_recorded
from spanledger.instrumentation.otlp import export_request
from spanledger.instrumentation.records import read_record, record_payload
from spanledger.instrumentation.telemetry import BillableSpans, _is_billable
from spanledger.pricing.cost import Cost
from tests.instrumentation.calls import CHAT, CHAT_PATH, CHAT_STREAM, answering, memory
from tests.instrumentation.provider import recorded
from tests.neighbours.replay import RECORDED, Sequence, replay
from tests.neighbours.rows import rows_of

URL = "http://provider" + CHAT_PATH
EMBEDDINGS = "http://provider/v1/embeddings"

LLM = {"gen_ai.operation.name": "chat", "gen_ai.provider.name": "openai"}


class App:
    """An app whose provider we have joined, as we join the global one."""

    def __init__(self) -> None:
        self.exporter = InMemorySpanExporter()
        self.provider = TracerProvider(shutdown_on_exit=False)
        self.joined = BillableSpans()
        self.joined.on = True
        self.provider.add_span_processor(self.joined)
        self.provider.add_span_processor(SimpleSpanProcessor(self.exporter))

    @property
    def theirs(self) -> Tracer:
        """Somebody else's tracer."""
        return self.provider.get_tracer("theirs")

    @property
    def spans(self) -> tuple[ReadableSpan, ...]:
        """What has ended."""
        return self.exporter.get_finished_spans()

    @property
    def covered(self) -> list[str]:
        """Names of the spans that are marked."""
        return [
            span.name for span in self.spans if (span.attributes or {}).get("spanledger.covered")
        ]


@pytest.fixture
def app() -> Iterator[App]:
    """An app that we record."""
    app = App()
    spanledger.instrument(tracer_provider=app.provider)
    yield app
    spanledger.uninstrument()
    app.provider.shutdown()


def call(url: str = URL, body: object = CHAT) -> None:
    """One call of ours."""
    with answering(httpx2) as client:
        client.post(url, json=body)


NO_CALLS = {"GET /", "POST", "invoke_agent canary"}
"""Names of recorded spans that are an app's own, an HTTP library's or an agent's."""

USAGE = {
    "openai_chat.json": (2306, 497),
    "openai_chat_stream.sse": (1117, 46),
    "openai_responses.json": (5329, 800),
    "openai_responses_stream.sse": (37, 11),
    "openai_embeddings.json": (8, None),
    "anthropic_messages.json": (41 + 1400 + 18064, 503),
    "anthropic_messages_stream.sse": (12 + 256 + 2048, 64),
    "gemini_generate.json": (5120 + 50, 120 + 500),
    "gemini_stream.sse": (31, 9 + 100),
    "gemini_embed_batch.json": (0, None),
}
"""Input and output that the recorded answers state. The last states none, and is estimated; the
replayed request has no text."""

SEQUENCES = [
    pytest.param(form, id=f"{library}: {name}")
    for library, told in RECORDED.items()
    for name, form in told["forms"].items()
]


@pytest.mark.parametrize("sequence", SEQUENCES)
def test_one_row_beside_every_library(app: App, sequence: Sequence) -> None:
    """S4.1: as each library was seen to act: one row with the usage of the provider."""
    replay(app.provider, sequence)
    app.provider.force_flush()  # where the usage is estimated, in the background

    rows = rows_of([encode_spans(app.spans).SerializeToString()])
    usage = [(row.call.usage.input_tokens, row.call.usage.output_tokens) for row in rows]
    assert usage == [USAGE[sequence["answer"]]]


@pytest.mark.parametrize("sequence", SEQUENCES)
def test_all_that_stands_for_the_call_is_marked_and_nothing_else(
    app: App, sequence: Sequence
) -> None:
    """Of an app's span, an HTTP library's and an agent's none is touched."""
    replay(app.provider, sequence)

    ended = {step["end"] for step in sequence["steps"] if "end" in step}
    theirs = [step["name"] for step in sequence["steps"] if step.get("start") in ended]
    assert sorted(app.covered) == sorted(name for name in theirs if name not in NO_CALLS)


OFFICIAL = ["chat", "chat stream", "responses", "responses stream", "embeddings", "gemini stream"]
"""Forms that OpenTelemetry's own instrumentations record by the current names."""


@pytest.mark.parametrize("form", OFFICIAL)
def test_a_call_that_only_others_see_is_sent_and_priced(form: str) -> None:
    """S4.1: as one through a transport that we do not hook; our record of it keeps the usage."""
    unhooked, sequence = App(), copy.deepcopy(RECORDED["official"]["forms"][form])
    for step in sequence["steps"]:
        # Other tests have recorded the answers with the ids that all of these have.
        step.get("attributes", {}).pop("gen_ai.response.id", None)
    replay(unhooked.provider, sequence)

    billable = [span for span in unhooked.spans if _is_billable(span)]
    records = [record for span in billable if (record := read_record(record_payload(span)))]
    (row,) = rows_of([export_request({}, records)])
    usage = row.call.usage
    assert (usage.input_tokens, usage.output_tokens) == USAGE[sequence["answer"]]
    assert isinstance(row.cost, Cost)


def test_what_lies_two_spans_above_is_marked(app: App) -> None:
    """Anthropic's own span may lie between another instrumentation's and ours."""
    with (
        app.theirs.start_as_current_span("outer", attributes=LLM),
        app.theirs.start_as_current_span("inner", attributes=LLM),
    ):
        call()

    assert app.covered == ["inner", "outer"]


def test_a_context_handed_to_another_task_leads_up_as_well(app: App) -> None:
    """Agents take the tracing context along to tasks that have nothing else in common."""
    outer = app.theirs.start_span("outer", attributes=LLM)
    carried = trace.set_span_in_context(outer)

    def elsewhere() -> None:
        token = context.attach(carried)
        with app.theirs.start_as_current_span("inner", attributes=LLM):
            call()
        context.detach(token)

    thread = threading.Thread(target=elsewhere)
    thread.start()
    thread.join()
    outer.end()

    assert app.covered == ["inner", "outer"]


@pytest.mark.parametrize(
    "between",
    [
        {"gen_ai.operation.name": "execute_tool"},
        {"openinference.span.kind": "TOOL"},
        {"traceloop.span.kind": "workflow", "gen_ai.system": "openai"},
        {},
    ],
)
def test_above_a_tool_are_other_calls(app: App, between: dict[str, str]) -> None:
    """A model call whose tool calls a model is a call of its own."""
    with (
        app.theirs.start_as_current_span("outer", attributes=LLM),
        app.theirs.start_as_current_span("tool", attributes=between),
    ):
        call()

    assert app.covered == []


def test_an_http_span_in_between_is_no_border(app: App) -> None:
    """Instrumentations of requests and aiohttp put their span around ours."""
    http = {"http.request.method": "POST"}
    with (
        app.theirs.start_as_current_span("outer", attributes=LLM),
        app.theirs.start_as_current_span("POST", kind=SpanKind.CLIENT, attributes=http),
    ):
        call()

    assert app.covered == ["outer"]


def test_another_kind_of_call_below_is_another_call(app: App) -> None:
    """Embeddings that are made on the way to a chat do not stand for the chat."""
    with app.theirs.start_as_current_span("outer", attributes=LLM):
        call(EMBEDDINGS, {"model": "text-embedding-3-small", "input": "hi"})

    assert app.covered == []


@pytest.mark.parametrize(
    ("model", "covered"),
    [
        ("gpt-4o", True),
        ("models/GPT-4o", True),
        ("gpt-4o-2024-08-06", True),
        ("claude-haiku-4-5", False),
    ],
)
def test_a_span_beside_ours_must_ask_the_same_model(app: App, model: str, *, covered: bool) -> None:
    """It was started before ours in the same context, and is open; prefixes are nothing."""
    beside = app.theirs.start_span("beside", attributes={**LLM, "gen_ai.request.model": model})
    call()
    beside.end()

    assert app.covered == (["beside"] if covered else [])


def test_a_span_that_has_ended_is_over(app: App) -> None:
    """The next call of the same context is none of its."""
    app.theirs.start_span("before", attributes=LLM).end()
    call()

    assert app.covered == []


def test_calls_in_parallel_mark_their_own(app: App) -> None:
    """Each task has its context: what is beside one call is not beside another."""
    unseen: list[bool] = []

    async def one(number: int) -> None:
        beside = app.theirs.start_span(f"beside {number}", attributes=LLM)
        await asyncio.sleep(0)
        if number % 2:
            async with httpx2.AsyncClient(transport=memory(httpx2)) as client:
                await client.post(URL, json=CHAT)
        unseen.append(beside.is_recording())
        beside.end()

    async def many() -> None:
        await asyncio.gather(*[one(number) for number in range(6)])

    asyncio.run(many())

    assert sorted(app.covered) == ["beside 1", "beside 3", "beside 5"]


@contextmanager
def suppressed() -> Generator[None]:
    """As `opentelemetry.instrumentation.utils.suppress_instrumentation` does it."""
    token = context.attach(context.set_value("suppress_instrumentation", True))
    try:
        yield
    finally:
        context.detach(token)


def test_suppression_below_a_call_of_somebody_elses_does_not_mean_us(app: App) -> None:
    """Logfire suppresses all below its span, which tells less than ours: ours is the record."""
    with app.theirs.start_as_current_span("outer", attributes=LLM), suppressed():
        call()

    assert [span.name for span in app.spans] == ["chat gpt-4o", "outer"]
    assert app.covered == ["outer"]


def test_any_other_suppression_is_heeded(app: App) -> None:
    """An exporter's requests, or what the app itself wants unseen."""
    with app.theirs.start_as_current_span("work"), suppressed():
        call()
    with suppressed():
        call()

    assert [span.name for span in app.spans] == ["work"]


def test_our_span_starts_and_ends_outside_of_a_suppression(app: App) -> None:
    """Processors that heed it would lose the only span of the call that counts."""
    seen: list[object] = []

    class Heedful(SimpleSpanProcessor):
        def on_end(self, span: ReadableSpan) -> None:
            seen.append((span.name, context.get_value("suppress_instrumentation")))

    app.provider.add_span_processor(Heedful(InMemorySpanExporter()))
    with app.theirs.start_as_current_span("outer", attributes=LLM), suppressed():
        call()

    assert seen[0] == ("chat gpt-4o", False)


def test_a_report_of_a_call_in_the_background_is_not_marked(app: App) -> None:
    """OpenLLMetry reports when the answer is fetched: ours had no usage, so that one counts."""
    tracer = app.provider.get_tracer("opentelemetry.instrumentation.openai.v1")
    queued = {"id": "resp_1", "status": "queued"}
    with app.theirs.start_as_current_span("work"), answering(httpx2, json=queued) as client:
        begun = time.time_ns()
        client.post("http://provider/v1/responses", json={"model": "gpt-5", "background": True})
        tracer.start_span("openai.response", start_time=begun).end()

    assert app.covered == []


def test_a_late_report_is_marked_once(app: App) -> None:
    """The second of two reports tells of a call that we have not seen."""
    tracer = app.provider.get_tracer("opentelemetry.instrumentation.openai.v1")
    with app.theirs.start_as_current_span("work"):
        begun = time.time_ns()
        call()
        for _ in range(2):
            tracer.start_span("openai.response", start_time=begun).end()

    assert app.covered == ["openai.response"]


def test_the_answers_id_tells_what_could_not_be_marked(app: App) -> None:
    """A span that says what it is only when it ends is known by the answer's id, and not sent."""
    with answering(httpx2, content=recorded("openai_chat.json").body) as client:
        client.post(URL, json=CHAT)
    late = app.theirs.start_span("late")
    late.set_attributes({**LLM, "gen_ai.response.id": "chatcmpl-CbK2vQmTz8Hn4"})
    other = app.theirs.start_span("other", attributes={**LLM, "gen_ai.response.id": "chatcmpl-0"})
    late.end()
    other.end()

    assert [is_recorded(span) for span in app.spans[1:]] == [True, False]


def test_nothing_is_held_that_the_app_has_let_go(app: App) -> None:
    """Spans that were started and forgotten, and requests that are over, can be collected."""
    with app.theirs.start_as_current_span("work"):
        for _ in range(3):
            app.theirs.start_span("forgotten", attributes=LLM)
        call()
    gc.collect()

    remembered = [
        reference()
        for variable, value in contextvars.copy_context().items()
        if variable.name == "spanledger_open_spans"
        for reference in value
    ]
    assert remembered
    assert set(remembered) == {None}


def test_without_a_processor_only_the_span_around_ours_is_marked() -> None:
    """Nothing is added to a provider that is passed in, so nobody tells us of the others."""
    exporter = InMemorySpanExporter()
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    spanledger.instrument(tracer_provider=provider)
    tracer = provider.get_tracer("theirs")
    try:
        with (
            tracer.start_as_current_span("outer", attributes=LLM),
            tracer.start_as_current_span("inner", attributes=LLM),
        ):
            call()
    finally:
        spanledger.uninstrument()

    marked = [
        span.name
        for span in exporter.get_finished_spans()
        if (span.attributes or {}).get("spanledger.covered")
    ]
    assert marked == ["inner"]


def test_a_stream_that_ends_elsewhere_keeps_its_mark(app: App) -> None:
    """Theirs ends with the headers, ours with the body."""
    stream = {
        "content": recorded("openai_chat_stream.sse").body,
        "headers": {"content-type": "text/event-stream"},
    }
    with answering(httpx2, **stream) as client:
        with app.theirs.start_as_current_span("outer", attributes=LLM):
            response: Any = client.send(
                client.build_request("POST", URL, json=CHAT_STREAM), stream=True
            )
        response.read()

    assert app.covered == ["outer"]
