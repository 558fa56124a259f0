"""One exchange is one span, whoever ends it, and the app's own context stays as it was."""

import asyncio
import contextvars
import gc
import json
from typing import Any

import httpx
import httpx2
import pytest
from opentelemetry import context, trace
from opentelemetry.context import (
    _SUPPRESS_INSTRUMENTATION_KEY,
)
from opentelemetry.trace import StatusCode

from tests.instrumentation.calls import CHAT, CHAT_PATH, CHAT_STREAM, Recording, answering
from tests.instrumentation.provider import Provider, Reply, recorded

URL = "http://provider" + CHAT_PATH
SPEECH = {"model": "tts-1", "input": "Good day."}
AUDIO = {"content-type": "audio/mpeg"}


def test_the_span_is_current_below_and_gone_after(
    provider: Provider, recording: Recording, library: Any
) -> None:
    """Spans of the transport nest below ours; the app's context is the same object afterwards."""
    tracer = recording.provider.get_tracer("transport")

    class Transport(library.HTTPTransport):
        def handle_request(self, request: Any) -> object:
            with tracer.start_as_current_span("http"):
                return library.HTTPTransport.handle_request(self, request)

    provider.answer_with(recorded("openai_chat_stream.sse"))
    before = context.get_current()
    with (
        recording.on(),
        library.Client(transport=Transport(verify=False)) as client,
        client.stream("POST", provider.url + CHAT_PATH, json=CHAT_STREAM) as response,
    ):
        assert context.get_current() is before
        for _ in response.iter_raw():
            assert context.get_current() is before
    assert context.get_current() is before
    http, ours = recording.spans
    assert http.parent is not None
    assert http.parent == ours.context


@pytest.mark.parametrize(
    ("body", "models"),
    [({"messages": []}, []), ({"model": "llama3.2", "messages": []}, ["llama3.2"])],
)
def test_a_common_path_is_a_call_only_if_a_model_is_named(
    recording: Recording, library: Any, body: dict[str, object], models: list[str]
) -> None:
    """An app's own service may well have the path that Ollama has."""
    with recording.on(), answering(library, json={"done": True}) as client:
        client.post("http://own.example/api/chat", json=body)
    assert [span.name for span in recording.spans] == [f"chat {model}" for model in models]


@pytest.mark.parametrize("read", [0, 1])
def test_closing_early_ends_the_span_as_partial(
    provider: Provider, recording: Recording, library: Any, read: int
) -> None:
    """An app that reads no further has made no error, but its usage is not the last word."""
    provider.answer_with(Reply(recorded("openai_chat_stream.sse").body[:300], hold=True))
    with (
        recording.on(),
        library.Client(verify=False, trust_env=False) as client,
        client.stream("POST", provider.url + CHAT_PATH, json=CHAT_STREAM) as response,
    ):
        chunks = response.iter_raw()
        for _ in range(read):
            next(chunks)
    assert recording.span.status.status_code is StatusCode.UNSET
    assert recording.facts["spanledger.usage.partial"] is True
    assert recording.facts["spanledger.usage.source"] == "none"


def test_closing_after_the_formats_own_end_is_complete(recording: Recording, library: Any) -> None:
    """SDKs stop at [DONE], before the last bytes of the transport: nothing is missing then."""

    class Body(library.SyncByteStream):
        def __iter__(self) -> Any:
            yield recorded("openai_chat_stream.sse").body
            yield b": more\n\n"

    answer = {"stream": Body(), "headers": {"content-type": "text/event-stream"}}
    with (
        recording.on(),
        answering(library, **answer) as client,
        client.stream("POST", URL, json=CHAT_STREAM) as response,
    ):
        next(response.iter_raw())
    assert "spanledger.usage.partial" not in recording.facts
    assert recording.facts["gen_ai.usage.output_tokens"] == 46


def test_a_dropped_response_ends_its_span(recording: Recording, library: Any) -> None:
    """Nobody reads, nobody closes: the span ends when the response is collected."""

    class Body(library.SyncByteStream):
        def __iter__(self) -> Any:
            yield recorded("openai_chat_stream.sse").body[:400]
            yield b"never read"

    answer = {"stream": Body(), "headers": {"content-type": "text/event-stream"}}
    with recording.on(), answering(library, **answer) as client:
        unread = client.send(client.build_request("POST", URL, json=CHAT_STREAM), stream=True)
        begun = client.send(client.build_request("POST", URL, json=CHAT_STREAM), stream=True)
        chunks = begun.iter_raw()
        next(chunks)
        assert recording.spans == ()

        del unread, begun, chunks
        gc.collect()

        assert len(recording.spans) == 2
    for span in recording.spans:
        assert (span.attributes or {})["spanledger.usage.partial"] is True


@pytest.mark.parametrize("stream", [False, True])
def test_cancellation_passes_and_ends_the_span(
    provider: Provider, recording: Recording, library: Any, *, stream: bool
) -> None:
    """S3.7: the task is cancelled as it would be without us, and what was seen is recorded."""
    body = recorded("openai_chat_stream.sse").body[:300]
    provider.answer_with(Reply(body, hold=True, content_type="text/event-stream"))

    async def call(first_chunk: asyncio.Event) -> None:
        async with (
            library.AsyncClient(verify=False, trust_env=False) as client,
            client.stream("POST", provider.url + CHAT_PATH, json=CHAT_STREAM) as response,
        ):
            if not stream:
                first_chunk.set()
                await response.aread()
            async for _ in response.aiter_raw():
                first_chunk.set()

    async def cancel() -> None:
        first_chunk = asyncio.Event()
        task = asyncio.create_task(call(first_chunk))
        await first_chunk.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    with recording.on():
        asyncio.run(cancel())

    assert recording.facts["error.type"] == "asyncio.exceptions.CancelledError"
    assert recording.facts["spanledger.usage.partial"] is True
    assert recording.span.status.status_code is StatusCode.ERROR


def test_cancellation_before_the_answer_ends_the_span(recording: Recording, library: Any) -> None:
    """A request that was given up before its answer leaves a failed span as well."""

    async def call() -> None:
        sent = asyncio.Event()

        async def never(_request: Any) -> Any:
            sent.set()
            await asyncio.Event().wait()

        async with library.AsyncClient(transport=library.MockTransport(never)) as client:
            task = asyncio.create_task(client.post(URL, json=CHAT))
            await sent.wait()
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task

    with recording.on():
        asyncio.run(call())

    assert recording.facts["error.type"] == "asyncio.exceptions.CancelledError"


def test_an_error_inside_the_stream_is_the_spans_error(recording: Recording, library: Any) -> None:
    """A provider may fail after its 200: what it calls the error is the error's type."""
    reply = recorded("anthropic_messages_stream_error.sse")
    answer = {"content": reply.body, "headers": {"content-type": reply.content_type}}
    with recording.on(), answering(library, **answer) as client:
        client.post("http://provider/v1/messages", json={"model": "claude", "stream": True})

    assert recording.facts["error.type"] == "overloaded_error"
    assert recording.facts["spanledger.usage.partial"] is True
    assert recording.span.status.status_code is StatusCode.ERROR


def test_impossible_usage_stays_raw(recording: Recording) -> None:
    """More cached than input cannot be true: the evidence goes on, the numbers do not."""
    usage = {"prompt_tokens": 1, "prompt_tokens_details": {"cached_tokens": 2}}
    with recording.on(), answering(httpx, json={"usage": usage}) as client:
        client.post(URL, json=CHAT)

    facts = recording.facts
    assert facts["spanledger.usage.source"] == "provider"
    assert facts["spanledger.usage.raw"].startswith('{"prompt_tokens":1')
    assert not [name for name in facts if name.startswith("gen_ai.usage.")]


@pytest.mark.parametrize(
    "key", [_SUPPRESS_INSTRUMENTATION_KEY, "suppress_instrumentation"], ids=["now", "earlier"]
)
def test_what_is_sent_under_suppression_is_not_recorded(recording: Recording, key: str) -> None:
    """Exporters send under this key: our own export, should it use httpx, is no model call."""
    with recording.on(), answering(httpx2) as client:
        token = context.attach(context.set_value(key, True))
        client.post(URL, json=CHAT)
        context.detach(token)

    assert recording.spans == ()


def test_unsampled_calls_are_left_alone(library: Any) -> None:
    """Where the app's sampler drops the span, the response is not even touched."""
    recording = Recording()
    sampler = trace.NoOpTracerProvider()
    recording.provider.shutdown()
    import spanledger  # noqa: PLC0415 - for this one test

    spanledger.instrument(tracer_provider=sampler)
    try:
        with answering(library) as client:
            response = client.post(URL, json=CHAT)
    finally:
        spanledger.uninstrument()

    assert type(response.stream).__name__ == "BoundSyncStream"


@pytest.mark.parametrize(
    ("scope", "attributes", "covered"),
    [
        ("app", {}, None),
        ("app", {"gen_ai.operation.name": "invoke_agent", "gen_ai.provider.name": "openai"}, None),
        ("official", {"gen_ai.operation.name": "chat"}, True),
        ("openllmetry", {"gen_ai.system": "OpenAI", "llm.request.type": "chat"}, True),
        ("openinference", {"llm.model_name": "gpt-4o"}, True),
        ("com.anthropic.sdk.python", {}, True),
    ],
)
def test_only_another_record_of_the_call_is_covered(
    recording: Recording, scope: str, attributes: dict[str, str], covered: object
) -> None:
    """Our span is the billable one: one around it that records the same call says it is covered."""
    tracer = recording.provider.get_tracer(scope)
    with (
        recording.on(),
        tracer.start_as_current_span("outer", kind=trace.SpanKind.CLIENT, attributes=attributes),
        answering(httpx2) as client,
    ):
        client.post(URL, json=CHAT)

    ours, outer = recording.spans
    assert (outer.attributes or {}).get("spanledger.covered") == covered
    assert "spanledger.covered" not in (ours.attributes or {})
    assert ours.parent == outer.context


def test_a_gateway_inside_the_process_is_not_charged_twice(recording: Recording) -> None:
    """A client whose transport calls the provider in turn: the inner exchange is the billable."""

    def forward(_request: Any) -> Any:
        with answering(httpx2) as upstream:
            return httpx.Response(200, content=upstream.post(URL, json=CHAT).content)

    with recording.on(), httpx.Client(transport=httpx.MockTransport(forward)) as client:
        client.post("http://gateway" + CHAT_PATH, json=CHAT)

    covered = [(span.attributes or {}).get("spanledger.covered", False) for span in recording.spans]
    assert covered == [False, True]


def test_libraries_on_top_of_each_other_leave_one_span(recording: Recording) -> None:
    """The same request in another library's hands is no second call; another operation is one."""
    embeddings = "http://provider/v1/embeddings"

    def forward(_request: Any) -> Any:
        with answering(httpx2) as beneath:
            beneath.post(embeddings, json={"model": "text-embedding-3-small"})
            return httpx.Response(200, content=beneath.post(URL, json=CHAT).content)

    with recording.on(), httpx.Client(transport=httpx.MockTransport(forward)) as client:
        client.post(URL, json=CHAT)

    assert [span.name for span in recording.spans] == [
        "embeddings text-embedding-3-small",
        "chat gpt-4o",
    ]


def test_what_a_request_left_running_is_recorded(recording: Recording) -> None:
    """A task keeps the context of the call in which it was started, but not beyond that call."""
    contexts: list[contextvars.Context] = []

    def keep(_request: Any) -> Any:
        contexts.append(contextvars.copy_context())
        return httpx.Response(200, json={})

    with recording.on(), httpx.Client(transport=httpx.MockTransport(keep)) as client:
        client.post(URL, json=CHAT)
        with answering(httpx2) as other:
            contexts[0].run(other.post, URL, json=CHAT)

    assert len(recording.spans) == 2


def test_hosts_that_the_app_has_named(
    recording: Recording, monkeypatch: pytest.MonkeyPatch
) -> None:
    """S4.5: the setting `endpoints` says whose models an own host serves."""
    monkeypatch.setenv("SPANLEDGER_ENDPOINTS", "provider:80=together")
    with recording.on(), answering(httpx) as client:
        client.post(URL, json=CHAT)
    (span,) = recording.spans
    assert span.attributes is not None
    assert span.attributes["gen_ai.provider.name"] == "together"


def test_an_upload(recording: Recording, library: Any) -> None:
    """S4.1: a transcription is a call like any other, its model read from the form."""
    usage = {"type": "tokens", "input_tokens": 24, "output_tokens": 7, "total_tokens": 31}
    with recording.on(), answering(library, json={"text": "four", "usage": usage}) as client:
        client.post(
            "http://provider/v1/audio/transcriptions",
            data={"model": "gpt-4o-transcribe"},
            files={"file": ("four.wav", b"RIFF")},
        )
    (span,) = recording.spans
    assert span.attributes is not None
    assert span.name == "generate_content gpt-4o-transcribe"
    assert span.attributes["gen_ai.usage.input_tokens"] == 24


@pytest.mark.parametrize(
    ("path", "body", "answer", "usage"),
    [
        ("speech", SPEECH, {"content": b"\xff", "headers": AUDIO}, '{"input_characters":9}'),
        ("speech", SPEECH, {"status": 429, "json": None}, None),
        (
            "images",
            {"model": "dall-e-3", "n": 2},
            {"json": {"data": [{"b64_json": ""}]}},
            '{"spanledger_counted":{"images":1}}',
        ),
        ("images", {"model": "dall-e-3", "n": 2}, {"json": {}}, '{"images":2}'),
        ("images", {"model": "gpt-image-1"}, {"json": {"usage": {"a": 3}}}, '{"a":3}'),
    ],
)
def test_what_the_request_alone_determines_counts_where_no_usage_is_stated(
    recording: Recording, library: Any, path: str, body: Any, answer: Any, usage: str | None
) -> None:
    """Characters to speak and images to make; what the answer states wins, a refusal made none."""
    url = "/v1/audio/speech" if path == "speech" else "/v1/images/generations"
    options = {name: value for name, value in answer.items() if name != "status"}

    def respond(_: object) -> Any:
        return library.Response(answer.get("status", 200), **options)

    with (
        recording.on(),
        library.Client(transport=library.MockTransport(respond)) as client,
    ):
        client.post(f"http://provider{url}", json=body)
    assert recording.facts.get("spanledger.usage.raw") == usage
    assert recording.facts["spanledger.usage.source"] == ("provider" if usage else "none")
    assert "spanledger.answer.problem" not in recording.facts


@pytest.mark.parametrize(
    ("stated", "raw", "source"),
    [
        (
            {"prompt_tokens": 5},
            {
                "prompt_tokens": 5,
                "spanledger_counted": {"web_searches": 1},
                "spanledger_context": {"search_context_size": "high"},
            },
            "provider",
        ),
        (None, None, "none"),
    ],
)
def test_what_the_request_says_of_the_price_goes_along_with_the_usage(
    recording: Recording, library: Any, stated: Any, raw: Any, source: str
) -> None:
    """S4.3: how thoroughly the web is searched no answer repeats; by itself it is no usage."""
    body: dict[str, Any] = {
        "model": "gpt-4o-search-preview",
        "messages": [],
        "web_search_options": {"search_context_size": "high"},
    }
    answer: dict[str, Any] = {"model": "gpt-4o-search-preview", "choices": [], "usage": stated}
    with recording.on(), answering(library, json=answer) as client:
        client.post("http://provider/v1/chat/completions", json=body)

    evidence = recording.facts.get("spanledger.usage.raw")
    assert (None if evidence is None else json.loads(str(evidence))) == raw
    assert recording.facts["spanledger.usage.source"] == source
