"""What batches have answered is recorded when it is fetched, each call once, by whatever client."""

import asyncio
import gc
import json
import tracemalloc
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import aiohttp
import anthropic
import httpx
import httpx2
import openai
import pytest
import requests
from google import genai
from opentelemetry import trace
from opentelemetry.instrumentation.utils import suppress_instrumentation
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF

import spanledger
from spanledger.instrumentation.batches import passed_over, worth_a_look
from tests.instrumentation.calls import Recording
from tests.instrumentation.programs import run
from tests.instrumentation.provider import RECORDED, Provider, Reply, cut, gzipped, recorded

OPENAI: Final = "/v1/files/file-out/content"
ANTHROPIC: Final = "/v1/messages/batches/msgbatch_013Zva2CMHLNnXjNJJKqJ2EF/results"
CREATED_NS: Final = 1763780012 * 10**9
"""What the recorded chat completion says."""
BATCH_NS: Final = 1763764812 * 10**9
"""When the recorded batches were made."""

KEY: Final = "sk-canary-key-of-a-test"


@pytest.fixture(autouse=True)
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where this test remembers batches."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    return tmp_path / "spanledger" / "batches"


def facts(span: ReadableSpan) -> dict[str, Any]:
    """Its attributes."""
    return dict(span.attributes or {})


def ids(recording: Recording) -> list[tuple[int, int]]:
    """(trace, span) of all that was recorded."""
    contexts = [span.context for span in recording.spans if span.context is not None]
    return [(context.trace_id, context.span_id) for context in contexts]


def fetch(library: Any, url: str, *, mode: str = "sync", **options: Any) -> bytes:
    """GET by httpx or httpx2, whole or as a stream."""
    if mode.startswith("async"):
        return asyncio.run(_fetch_async(library, url, stream=mode.endswith("stream"), **options))
    with library.Client(trust_env=False, **options) as client:
        if mode.endswith("stream"):
            with client.stream("GET", url) as response:
                return b"".join(response.iter_bytes())
        return client.get(url).content


async def _fetch_async(library: Any, url: str, *, stream: bool, **options: Any) -> bytes:
    async with library.AsyncClient(trust_env=False, **options) as client:
        if stream:
            async with client.stream("GET", url) as response:
                return b"".join([chunk async for chunk in response.aiter_bytes()])
        return (await client.get(url)).content


def test_each_result_is_a_call(
    provider: Provider, recording: Recording, library: Any, mode: str
) -> None:
    """S4.1: a file of OpenAI's results is three calls; those that failed are none."""
    provider.answer_with(recorded("openai_batch_results.jsonl"))
    with recording.on():
        body = fetch(library, provider.url + OPENAI, mode=mode, headers={"x-api-key": KEY})
    assert body == (RECORDED / "openai_batch_results.jsonl").read_bytes()
    chat, response, embedding = recording.spans
    port = int(provider.url.rpartition(":")[2])
    assert (chat.name, chat.kind, chat.parent) == (
        "chat gpt-4o-mini-2024-07-18",
        trace.SpanKind.CLIENT,
        None,
    )
    assert facts(chat) == {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "openai",
        "gen_ai.request.stream": False,
        "gen_ai.response.finish_reasons": ("stop",),
        "gen_ai.response.id": "chatcmpl-B1",
        "gen_ai.response.model": "gpt-4o-mini-2024-07-18",
        "gen_ai.usage.input_tokens": 24,
        "gen_ai.usage.output_tokens": 15,
        "server.address": "127.0.0.1",
        "server.port": port,
        "spanledger.api_key.hash": facts(chat)["spanledger.api_key.hash"],
        "spanledger.request.batch": True,
        "spanledger.tag.custom_id": "request-1",
        "spanledger.usage.raw": '{"prompt_tokens":24,"completion_tokens":15,"total_tokens":39}',
        "spanledger.usage.source": "provider",
    }
    assert (chat.start_time, chat.end_time) == (CREATED_NS, CREATED_NS)
    assert response.name == "chat gpt-5-mini-2025-08-07"
    assert embedding.name == "embeddings text-embedding-3-small"


def test_what_is_fetched_again_is_the_same(
    provider: Provider, recording: Recording, library: Any
) -> None:
    """S0.2: twice, under another name of the file, whole or cut: each call has its one identity."""
    reply = recorded("openai_batch_results.jsonl")
    provider.answer_with(reply, reply, cut(reply), reply)
    with recording.on():
        fetch(library, provider.url + OPENAI)
        fetch(library, provider.url + "/openai/files/copy-of-it/content?api-version=1")
        with pytest.raises(library.RemoteProtocolError):
            fetch(library, provider.url + OPENAI)
        fetch(library, provider.url + OPENAI)
    first, second, third, *rest = ids(recording)
    assert len({first, second, third}) == 3
    assert rest == [first, second, third, first, first, second, third]


FETCHING: Final = """
import spanledger, httpx2, sys
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
exporter, tracers = InMemorySpanExporter(), TracerProvider()
tracers.add_span_processor(SimpleSpanProcessor(exporter))
spanledger.instrument(tracer_provider=tracers)
httpx2.get({url!r}, trust_env=False)
spans = exporter.get_finished_spans()
print([(one.context.trace_id, one.context.span_id, one.start_time) for one in spans])
"""
"""A process that fetches results, and says what it has recorded."""


@pytest.mark.parametrize(
    ("path", "file"),
    [(OPENAI, "openai_batch_results.jsonl"), (ANTHROPIC, "anthropic_batch_results.jsonl")],
)
def test_two_processes_record_the_same(
    provider: Provider, tmp_path: Path, path: str, file: str
) -> None:
    """Ids and times depend on nothing in the process, even where the results state no time."""
    provider.answer_with(recorded(file))
    program = FETCHING.format(url=provider.url + path)
    first, second = (run(program, XDG_STATE_HOME=str(tmp_path)) for _ in range(2))
    assert first == second != "[]"


def test_times_are_those_of_the_batch(
    provider: Provider, recording: Recording, library: Any
) -> None:
    """A result without a time has that of its batch, if that has passed before, and for good."""
    provider.answer_with(
        recorded("openai_batch.json"),
        recorded("openai_batch_results.jsonl"),
        recorded("openai_batch_results.jsonl"),
    )
    with recording.on():
        fetch(library, provider.url + "/v1/batches/batch_67a1")
        fetch(library, provider.url + OPENAI)
    with recording.on():
        fetch(library, provider.url + OPENAI)
    assert [span.start_time for span in recording.spans] == [CREATED_NS, BATCH_NS, BATCH_NS] * 2


def test_an_unknown_time_is_kept(provider: Provider, recording: Recording, library: Any) -> None:
    """Without any the calls are made when they are first seen, and what is said later is late."""
    provider.answer_with(
        recorded("anthropic_batch_results.jsonl"),
        recorded("anthropic_batch.json"),
        recorded("anthropic_batch_results.jsonl"),
    )
    with recording.on():
        fetch(library, provider.url + ANTHROPIC)
    with recording.on():
        fetch(library, provider.url + ANTHROPIC.removesuffix("/results"))
        fetch(library, provider.url + ANTHROPIC)
    (time,) = {span.start_time for span in recording.spans}
    assert time is not None
    assert time > BATCH_NS
    assert len(recording.spans) == 4
    assert len(set(ids(recording))) == 2


def openai_content(url: str) -> None:
    """As OpenAI's SDK fetches a file."""
    with openai.OpenAI(base_url=f"{url}/v1", api_key=KEY) as client:
        client.files.content("file-out").read()


def openai_content_async(url: str) -> None:
    """The same, asynchronous, as a stream."""

    async def get() -> None:
        async with (
            openai.AsyncOpenAI(base_url=f"{url}/v1", api_key=KEY) as client,
            client.files.with_streaming_response.content("file-out") as response,
        ):
            async for _ in response.iter_bytes():
                pass

    asyncio.run(get())


def azure_content(url: str) -> None:
    """As Azure's kind of client does."""
    with openai.AzureOpenAI(azure_endpoint=url, api_key=KEY, api_version="2025-04-01") as client:
        client.files.content("file-out").read()


@pytest.mark.parametrize("get", [openai_content, openai_content_async, azure_content])
def test_openai(provider: Provider, recording: Recording, get: Callable[[str], None]) -> None:
    """S4.1: the file of results by OpenAI's own SDK."""
    provider.answer_with(recorded("openai_batch_results.jsonl"))
    with recording.on():
        get(provider.url)
    assert [facts(span)["gen_ai.usage.input_tokens"] for span in recording.spans] == [24, 37, 8]
    assert {facts(span)["spanledger.api_key.hash"] for span in recording.spans} != {None}


def anthropic_replies(provider: Provider) -> None:
    """The batch, with the address of its results here, and the results."""
    described = json.loads(recorded("anthropic_batch.json").body)
    described["results_url"] = provider.url + ANTHROPIC
    results = Reply(
        recorded("anthropic_batch_results.jsonl").body, content_type="application/x-jsonl"
    )
    provider.answer_with(Reply(json.dumps(described).encode()), results)


def anthropic_results(url: str) -> None:
    """As Anthropic's SDK fetches results: it asks for the batch first."""
    with anthropic.Anthropic(base_url=url, api_key=KEY) as client:
        assert len(list(client.messages.batches.results("msgbatch_013Zva2CMHLNnXjNJJKqJ2EF"))) == 5


def anthropic_results_async(url: str) -> None:
    """The same, asynchronous."""

    async def get() -> None:
        async with anthropic.AsyncAnthropic(base_url=url, api_key=KEY) as client:
            results = await client.messages.batches.results("msgbatch_013Zva2CMHLNnXjNJJKqJ2EF")
            assert len([one async for one in results]) == 5

    asyncio.run(get())


@pytest.mark.parametrize("get", [anthropic_results, anthropic_results_async])
def test_anthropic(provider: Provider, recording: Recording, get: Callable[[str], None]) -> None:
    """S4.1: its results by its own SDK, with the time of the batch, and none for what failed."""
    anthropic_replies(provider)
    with recording.on():
        get(provider.url)
    first, second = recording.spans
    assert facts(first)["gen_ai.response.id"] == "msg_01Batch1"
    assert facts(first)["spanledger.response.service_tier"] == "batch"
    assert facts(first)["spanledger.tag.custom_id"] == "first"
    assert facts(second)["gen_ai.usage.cache_read.input_tokens"] == 2000
    assert {first.start_time, second.start_time} == {BATCH_NS}


def gemini(url: str) -> genai.Client:
    """A client of Google's SDK."""
    return genai.Client(api_key=KEY, http_options={"base_url": url})


def gemini_batch(url: str) -> None:
    """As Google's SDK fetches a batch with its results in it."""
    with gemini(url) as client:
        job = client.batches.get(name="batches/8h2k7gq1x5")
    assert job.dest is not None
    assert job.dest.inlined_responses is not None


def gemini_batch_async(url: str) -> None:
    """The same, asynchronous."""

    async def get() -> None:
        async with gemini(url).aio as client:
            await client.batches.get(name="batches/8h2k7gq1x5")

    asyncio.run(get())


@pytest.mark.parametrize("get", [gemini_batch, gemini_batch_async])
def test_gemini(provider: Provider, recording: Recording, get: Callable[[str], None]) -> None:
    """S4.1: results lie in the batch itself, and are seen whenever somebody looks at it."""
    provider.answer_with(recorded("gemini_batch.json"))
    with recording.on():
        get(provider.url)
        get(provider.url)
    first, again = recording.spans
    assert first.name == "generate_content gemini-2.5-flash"
    assert facts(first)["gen_ai.provider.name"] == "gcp.gemini"
    assert facts(first)["gen_ai.request.model"] == "gemini-2.5-flash"
    assert facts(first)["gen_ai.usage.output_tokens"] == 4
    assert facts(first)["spanledger.tag.custom_id"] == "first"
    assert facts(first)["spanledger.tag.chapter"] == "2"
    assert first.start_time == BATCH_NS
    assert first.context == again.context


def test_a_file_of_gemini(provider: Provider, recording: Recording) -> None:
    """S4.1: a batch that has its results in a file, as Google's SDK fetches it."""
    provider.answer_with(recorded("gemini_batch_file.json"), recorded("gemini_batch_results.jsonl"))
    with recording.on():
        client = gemini(provider.url)
        job = client.batches.get(name="batches/f0i1l2e")
        assert job.dest is not None
        assert job.dest.file_name is not None
        client.files.download(file=job.dest.file_name)
    assert [facts(span)["spanledger.tag.custom_id"] for span in recording.spans] == [
        "request-1",
        "request-3",
    ]
    assert {span.start_time for span in recording.spans} == {BATCH_NS}


def test_embeddings_of_gemini_are_told_by_their_place(
    provider: Provider, recording: Recording, library: Any
) -> None:
    """Two equal answers without an id are two calls, and the same two when they come again."""
    provider.answer_with(recorded("gemini_batch_embed.json"))
    with recording.on():
        for _ in range(2):
            fetch(library, provider.url + "/v1beta/batches/e5m1b3d")
    first, second, *again = ids(recording)
    assert first != second
    assert again == [first, second]
    assert facts(recording.spans[0])["gen_ai.request.model"] == "gemini-embedding-001"


@pytest.mark.parametrize(
    ("path", "file", "model"),
    [
        ("/v1/batch/jobs/b9a5", "mistral_batch.json", "mistral-small-2506"),
        ("/v1/batches/batch_1/results", "xai_batch_results.json", "grok-4-0709"),
    ],
)
def test_other_documents(
    provider: Provider, recording: Recording, path: str, file: str, model: str
) -> None:
    """S4.1: Mistral and xAI state results in JSON documents of their own."""
    provider.answer_with(recorded(file))
    with recording.on():
        fetch(httpx2, provider.url + path)
    assert facts(recording.span)["gen_ai.response.model"] == model


def by_requests(url: str) -> bytes:
    """Whole, by requests."""
    return requests.get(url, timeout=60).content


def by_requests_in_lines(url: str) -> bytes:
    """Line by line, by requests."""
    with requests.get(url, timeout=60, stream=True) as response:
        return b"".join(line + b"\n" for line in response.iter_lines())


def by_aiohttp(url: str) -> bytes:
    """By aiohttp."""

    async def get() -> bytes:
        async with aiohttp.ClientSession() as session, session.get(url) as response:
            return await response.read()

    return asyncio.run(get())


@pytest.mark.parametrize("get", [by_requests, by_requests_in_lines, by_aiohttp])
@pytest.mark.parametrize("make", [replace, gzipped])
def test_other_libraries(
    provider: Provider,
    recording: Recording,
    get: Callable[[str], bytes],
    make: Callable[[Reply], Reply],
) -> None:
    """S4.1: whatever fetches the file, and however it is compressed on the way."""
    reply = recorded("openai_batch_results.jsonl")
    provider.answer_with(make(reply))
    with recording.on():
        assert get(provider.url + OPENAI) == reply.body
    assert [facts(span)["gen_ai.usage.input_tokens"] for span in recording.spans] == [24, 37, 8]


def test_results_are_recorded_as_they_pass(
    provider: Provider, recording: Recording, library: Any
) -> None:
    """What an abandoned download has brought is recorded, and nothing is held back of it."""
    whole = recorded("openai_batch_results.jsonl").body
    provider.answer_with(Reply(whole[:900], hold=True))
    with (
        recording.on(),
        library.Client(trust_env=False) as client,
        client.stream("GET", provider.url + OPENAI) as response,
    ):
        got = b""
        for chunk in response.iter_raw():
            got += chunk
            if len(got) == 900:
                break
        assert len(recording.spans) == 1
    assert len(recording.spans) == 1
    assert facts(recording.span)["gen_ai.response.id"] == "chatcmpl-B1"


def test_a_forgotten_download_is_read_to_where_it_came(recording: Recording, library: Any) -> None:
    """A last line without its end counts as well, once nobody can read on."""
    line = recorded("openai_batch_results.jsonl").body.splitlines()[0]

    class Body(library.SyncByteStream):
        def __iter__(self) -> Any:
            yield line
            yield b"\nnever read"

    def respond(_: object) -> Any:
        return library.Response(200, stream=Body())

    with recording.on(), library.Client(transport=library.MockTransport(respond)) as client:
        request = client.build_request("GET", "http://provider" + OPENAI)
        response = client.send(request, stream=True)
        chunks = response.iter_raw()
        next(chunks)
        assert recording.spans == ()
        del response, chunks
        gc.collect()
        assert len(recording.spans) == 1


@pytest.mark.parametrize(
    "reply",
    [
        Reply(b"%PDF-1.7 and so on", content_type="application/pdf"),
        Reply(b'{"messages":[]}\n{"messages":[]}\n'),
        Reply(b'{"error":{"message":"No such File object: file-out"}}', status=404),
        Reply(b""),
        Reply(recorded("openai_batch_results.jsonl").body, headers={"content-encoding": "x-own"}),
    ],
)
def test_other_files_are_left_alone(
    provider: Provider, recording: Recording, library: Any, reply: Reply
) -> None:
    """Any file has such a path: the app gets it as it is, and there is no call."""
    provider.answer_with(reply)
    with (
        recording.on(),
        library.Client(trust_env=False) as client,
        client.stream("GET", provider.url + OPENAI) as response,
    ):
        assert b"".join(response.iter_raw()) == reply.body
    assert recording.spans == ()


@pytest.mark.parametrize(("content_range", "calls"), [("bytes 0-", 3), ("bytes 700-", 0)])
def test_parts_of_files(
    provider: Provider, recording: Recording, library: Any, content_range: str, calls: int
) -> None:
    """A part is read if it is the first; one from the middle begins within a line."""
    body = recorded("openai_batch_results.jsonl").body
    headers = {"content-range": f"{content_range}{len(body)}/{len(body)}"}
    provider.answer_with(Reply(body, status=206, headers=headers))
    with recording.on():
        fetch(library, provider.url + OPENAI)
    assert len(recording.spans) == calls


def test_whom_the_calls_are_for(provider: Provider, recording: Recording, library: Any) -> None:
    """S4.2: the app's attribution of the download is that of its calls; answers say the rest."""
    body = {
        "id": "resp_1",
        "object": "response",
        "created_at": 1763780012,
        "model": "gpt-5",
        "status": "failed",
        "error": {"code": "server_error", "message": "canary"},
        "user": "said-by-the-body",
        "conversation": {"id": "conv_1"},
        "usage": {"input_tokens": 3},
    }
    entry = {"custom_id": "own", "response": {"status_code": 200, "body": body}}
    provider.answer_with(Reply(json.dumps(entry).encode()))
    with recording.on(), spanledger.attribute(user_id="cora", tags={"custom_id": "theirs"}):
        fetch(library, provider.url + OPENAI, headers={"x-stainless-retry-count": "2"})
    said = recording.facts
    assert said["user.id"] == "cora"
    assert said["gen_ai.conversation.id"] == "conv_1"
    assert said["spanledger.tag.custom_id"] == "theirs"
    assert said["error.type"] == "server_error"
    assert recording.span.status.status_code is trace.StatusCode.ERROR
    assert "spanledger.attempt" not in said


def test_texts_are_bounded(provider: Provider, recording: Recording, library: Any) -> None:
    """An id of the app's may be of any length, and its span is not."""
    entry = {"custom_id": "x" * 5000, "response": {"body": {"object": "list"}}}
    provider.answer_with(Reply(json.dumps(entry).encode()))
    with recording.on():
        fetch(library, provider.url + OPENAI)
    assert recording.facts["spanledger.tag.custom_id"] == "x" * 1024


def test_making_a_batch_is_no_call(provider: Provider, recording: Recording, library: Any) -> None:
    """It costs nothing, and neither do the files around it."""
    provider.answer_with(recorded("openai_batch.json"))
    with recording.on(), library.Client(trust_env=False) as client:
        client.post(provider.url + "/v1/batches", json={"input_file_id": "file-in"})
        client.get(provider.url + "/v1/batches/batch_67a1")
        client.get(provider.url + "/v1/files/file-in")
    assert recording.spans == ()


def test_one_library_below_another(provider: Provider, recording: Recording) -> None:
    """Where one HTTP library works for another one the results are read once."""

    class Transport(httpx2.BaseTransport):
        def handle_request(self, request: httpx2.Request) -> httpx2.Response:
            answer = httpx.get(str(request.url), trust_env=False)
            return httpx2.Response(answer.status_code, content=answer.content)

    provider.answer_with(recorded("openai_batch_results.jsonl"))
    with recording.on():
        fetch(httpx2, provider.url + OPENAI, transport=Transport())
        fetch(httpx, provider.url + OPENAI)
    assert len(recording.spans) == 6


def test_a_failed_request_is_nobodys_download(recording: Recording, library: Any) -> None:
    """The app gets its error, and the next download is followed as ever."""

    def respond(request: Any) -> Any:
        if request.url.host == "down":
            message = "refused"
            raise library.ConnectError(message)
        return library.Response(200, content=recorded("openai_batch_results.jsonl").body)

    transport = library.MockTransport(respond)
    with recording.on():
        with pytest.raises(library.ConnectError, match="refused"):
            fetch(library, "http://down" + OPENAI, transport=transport)
        fetch(library, "http://up" + OPENAI, transport=transport)
    assert len(recording.spans) == 3


def test_nothing_is_recorded_under_suppression(
    provider: Provider, recording: Recording, library: Any
) -> None:
    """Who asks instrumentations to look away is not looked at."""
    provider.answer_with(recorded("openai_batch_results.jsonl"))
    with recording.on(), suppress_instrumentation():
        fetch(library, provider.url + OPENAI)
    assert recording.spans == ()


def test_a_sampler_decides(provider: Provider, library: Any) -> None:
    """The app's sampler is asked, as for every span."""
    exporter = InMemorySpanExporter()
    tracers = TracerProvider(sampler=ALWAYS_OFF, shutdown_on_exit=False)
    tracers.add_span_processor(SimpleSpanProcessor(exporter))
    provider.answer_with(recorded("openai_batch_results.jsonl"))
    spanledger.instrument(tracer_provider=tracers)
    fetch(library, provider.url + OPENAI)
    spanledger.uninstrument()
    assert exporter.get_finished_spans() == ()


class OwnProvider(trace.TracerProvider):
    """A provider that is not the SDK's, and gives no way to choose ids."""

    def get_tracer(self, *_: Any, **__: Any) -> trace.Tracer:
        """One that does nothing."""
        return trace.NoOpTracer()


def test_without_ids_there_is_no_span(provider: Provider, library: Any) -> None:
    """Under a provider that lets nobody choose ids, results are counted, not recorded twice."""
    provider.answer_with(recorded("openai_batch_results.jsonl"))
    before = sum(passed_over().values())
    spanledger.instrument(tracer_provider=OwnProvider())
    fetch(library, provider.url + OPENAI)
    spanledger.uninstrument()
    assert sum(passed_over().values()) == before + 3

    spanledger.instrument(tracer_provider=trace.NoOpTracerProvider())
    fetch(library, provider.url + OPENAI)
    spanledger.uninstrument()
    assert sum(passed_over().values()) == before + 3


def test_what_cannot_be_told_apart_is_counted(
    provider: Provider, recording: Recording, library: Any
) -> None:
    """A result without any id could be any other one."""
    entry = {"custom_id": "", "response": {"body": {"object": "list"}}}
    provider.answer_with(Reply(json.dumps(entry).encode()))
    before = sum(passed_over().values())
    with recording.on():
        fetch(library, provider.url + OPENAI)
    assert recording.spans == ()
    assert sum(passed_over().values()) == before + 1


def test_many_lines_take_little_memory(library: Any) -> None:
    """However long the file, what is held of it is a chunk and a line."""
    tracers = TracerProvider(shutdown_on_exit=False)
    line = recorded("openai_batch_results.jsonl").body.splitlines()[0]
    parts = line.partition(b"request-1")
    lines = 3500

    class Body(library.SyncByteStream):
        def __iter__(self) -> Any:
            for number in range(lines):
                yield b"%s%d%s\n" % (parts[0], number, parts[2])

    def respond(_: object) -> Any:
        return library.Response(200, stream=Body())

    spanledger.instrument(tracer_provider=tracers)
    with (
        library.Client(transport=library.MockTransport(respond)) as client,
        client.stream("GET", "http://provider" + OPENAI) as response,
    ):
        chunks = response.iter_raw()
        next(chunks)
        tracemalloc.start()
        for _ in chunks:
            pass
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    spanledger.uninstrument()
    assert peak < 1024 * 1024


@pytest.mark.parametrize(
    ("method", "url", "whether"),
    [
        ("POST", "https://shop.example/orders", True),
        ("GET", "https://api.openai.com/v1/files/f/content", True),
        ("GET", "https://api.openai.com/v1/models", False),
        ("GET", "", False),
        ("PUT", "https://api.openai.com/v1/files/f/content", False),
    ],
)
def test_most_requests_are_not_looked_at(method: str, url: str, *, whether: bool) -> None:
    """What can be no call and no results costs next to nothing."""
    assert worth_a_look(method, url) is whether


def test_hostile_lines(provider: Provider, recording: Recording, library: Any) -> None:
    """One line of rubbish takes no other with it, and the app gets every byte."""
    bodies: list[Mapping[str, object]] = [
        {"object": "chat.completion", "id": "a", "usage": {"prompt_tokens": "many"}},
        {"object": "chat.completion", "id": "b", "created": float("nan"), "choices": 7},
        {"object": "chat.completion", "id": ["c"], "usage": {"prompt_tokens": -1}},
        {"object": "chat.completion", "id": "d", "usage": {"prompt_tokens": 5}},
    ]
    entries = [{"custom_id": f"c{at}", "response": {"body": one}} for at, one in enumerate(bodies)]
    lines = [*(json.dumps(entry).encode() for entry in entries[:3]), b"\xff{", b"", b"[" * 9000]
    body = b"\n".join([*lines, json.dumps(entries[3]).encode()])
    provider.answer_with(Reply(body))
    with recording.on():
        assert fetch(library, provider.url + OPENAI) == body
    assert len(recording.spans) == 4
    assert facts(recording.spans[-1])["gen_ai.usage.input_tokens"] == 5
