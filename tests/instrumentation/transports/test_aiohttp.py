"""aiohttp: every attempt leaves one span, and the app sees what it would have seen without us."""

import asyncio
import gc
from collections.abc import AsyncIterator, Awaitable, Callable
from types import ModuleType
from typing import Any

import aiohttp
import httpx
import openai
import pytest

import spanledger
from spanledger.instrumentation.guard import failures
from spanledger.instrumentation.transports.aiohttp import OldAiohttp, TappedReader, _taps, patch
from tests.instrumentation.calls import CHAT, CHAT_PATH, Recording
from tests.instrumentation.provider import Provider, Reply
from tests.instrumentation.transports.ways import REPLIES, check, hear_twice, members

Read = Callable[[aiohttp.ClientResponse, list[Any]], Awaitable[None]]


def calling(read: Read, **options: Any) -> Callable[[str, list[Any]], None]:
    """A call that reads the answer so."""

    async def call(url: str, heard: list[Any]) -> None:
        async with (
            aiohttp.ClientSession(trust_env=False) as session,
            session.post(url + CHAT_PATH, json=CHAT, **options) as response,
        ):
            await read(response, heard)

    return lambda url, heard: asyncio.run(call(url, heard))


async def read(response: aiohttp.ClientResponse, heard: list[Any]) -> None:
    """The whole body."""
    heard.append(await response.read())


async def as_text(response: aiohttp.ClientResponse, heard: list[Any]) -> None:
    """As text."""
    heard.append((await response.text()).encode())


async def iter_any(response: aiohttp.ClientResponse, heard: list[Any]) -> None:
    """As it comes."""
    heard.extend([piece async for piece in response.content.iter_any()])


async def iter_chunks(response: aiohttp.ClientResponse, heard: list[Any]) -> None:
    """As it was sent."""
    async for piece, _ in response.content.iter_chunks():
        heard.append(piece)


async def iter_chunked(response: aiohttp.ClientResponse, heard: list[Any]) -> None:
    """Few bytes at a time."""
    heard.extend([piece async for piece in response.content.iter_chunked(7)])


async def lines(response: aiohttp.ClientResponse, heard: list[Any]) -> None:
    """Line by line."""
    heard.extend([line async for line in response.content])


async def readline(response: aiohttp.ClientResponse, heard: list[Any]) -> None:
    """Line by line, by hand."""
    while line := await response.content.readline():
        heard.append(line)


WAYS = (read, as_text, iter_any, iter_chunks, iter_chunked, lines, readline)


@pytest.mark.parametrize("reply", REPLIES)
@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__)
def test_every_way_to_read_gives_the_same_and_one_span(
    provider: Provider, recording: Recording, way: Read, reply: str
) -> None:
    """S4.1: the bytes, the exceptions and the end are the library's own; the usage is on a span."""
    provider.answer_with(REPLIES[reply])
    hear_twice(recording, calling(way), provider.url)
    check(recording, reply)


def test_a_body_left_encoded_is_decoded_for_us_only(
    provider: Provider, recording: Recording
) -> None:
    """An app that wants the bytes of the wire gets them, and the usage is read all the same."""
    provider.answer_with(REPLIES["json gzip"])

    async def call(url: str, heard: list[Any]) -> None:
        async with (
            aiohttp.ClientSession(auto_decompress=False) as session,
            session.post(url + CHAT_PATH, json=CHAT) as response,
        ):
            heard.append(await response.read())

    heard = hear_twice(recording, lambda url, heard: asyncio.run(call(url, heard)), provider.url)
    assert heard.pieces == [REPLIES["json gzip"].body]
    check(recording, "json gzip")


def test_no_connection_is_one_span_and_the_same_exception(recording: Recording) -> None:
    """A provider that cannot be reached leaves a failed span."""
    heard = hear_twice(recording, calling(read), "http://127.0.0.1:1")
    assert heard.error
    assert recording.facts["error.type"] == "aiohttp.client_exceptions.ClientConnectorError"


def test_a_cut_connection_is_named(provider: Provider, recording: Recording) -> None:
    """The exception that the app sees is the one on the span."""
    provider.answer_with(REPLIES["cut"])
    heard = hear_twice(recording, calling(read), provider.url)
    assert heard.error
    assert recording.facts["error.type"] == "aiohttp.client_exceptions.ClientPayloadError"


HELD = Reply(b"data: {}\n\n", content_type="text/event-stream", hold=True)


def test_a_stream_is_handed_on_while_it_comes(provider: Provider, recording: Recording) -> None:
    """Bytes are there while the answer is open; one that the app leaves is partial, not failed."""
    provider.answer_with(HELD)

    async def first(response: aiohttp.ClientResponse, heard: list[Any]) -> None:
        heard.append(await response.content.readline())
        assert recording.spans == ()

    heard = hear_twice(recording, calling(first), provider.url)
    assert heard.pieces == [b"data: {}\n"]
    assert recording.facts["spanledger.usage.partial"] is True
    assert "error.type" not in recording.facts


@pytest.mark.parametrize("leave", ["close", "release"])
def test_an_answer_left_by_hand_is_partial(
    provider: Provider, recording: Recording, leave: str
) -> None:
    """`close()` and `release()` end the exchange where it stands."""
    provider.answer_with(HELD)

    async def left(response: aiohttp.ClientResponse, heard: list[Any]) -> None:
        heard.append(await response.content.readany())
        getattr(response, leave)()
        try:
            await response.content.readany()
        except aiohttp.ClientConnectionError as error:
            heard.append(str(error))

    heard = hear_twice(recording, calling(left), provider.url)
    assert heard.pieces[1] == "Connection closed"
    assert recording.facts["spanledger.usage.partial"] is True
    assert "error.type" not in recording.facts


def test_a_cancelled_task_ends_its_span(provider: Provider, recording: Recording) -> None:
    """Cancelled while it reads: the app's cancellation, and one partial span that says so."""
    provider.answer_with(HELD)

    async def call() -> None:
        reading = asyncio.Event()

        async def wait(response: aiohttp.ClientResponse, _heard: list[Any]) -> None:
            await response.content.readany()
            reading.set()
            await response.read()

        async def post() -> None:
            async with (
                aiohttp.ClientSession() as session,
                session.post(provider.url + CHAT_PATH, json=CHAT) as response,
            ):
                await wait(response, [])

        task = asyncio.create_task(post())
        await reading.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    with recording.on():
        asyncio.run(call())
    assert recording.facts["spanledger.usage.partial"] is True
    assert recording.facts["error.type"] == "asyncio.exceptions.CancelledError"


def test_a_read_that_takes_too_long_ends_its_span(provider: Provider, recording: Recording) -> None:
    """What the app sees of its own time limit is on the span."""
    provider.answer_with(HELD)

    async def wait(response: aiohttp.ClientResponse, heard: list[Any]) -> None:
        try:
            await asyncio.wait_for(response.read(), 0.05)
        except TimeoutError:
            heard.append("gave up")

    assert hear_twice(recording, calling(wait), provider.url).pieces == ["gave up"]
    assert recording.facts["error.type"] == "asyncio.exceptions.CancelledError"


def test_an_app_may_wait_again(provider: Provider, recording: Recording) -> None:
    """A wait that was cancelled is not the end: what comes after it counts."""
    provider.answer_with(HELD)

    async def wait_again(response: aiohttp.ClientResponse, heard: list[Any]) -> None:
        await response.content.readany()
        try:
            await asyncio.wait_for(response.content.readany(), 0.05)
        except TimeoutError:
            provider.closing.set()
        heard.append(await response.content.read())

    heard: list[Any] = []
    with recording.on():
        calling(wait_again)(provider.url, heard)
    assert heard == [b""]
    assert "error.type" not in recording.facts


@pytest.mark.filterwarnings("ignore:Unclosed connection:ResourceWarning")
def test_a_forgotten_answer_ends_with_its_session(provider: Provider, recording: Recording) -> None:
    """Nobody reads nor closes it; aiohttp holds it as long as its connection stands."""
    provider.answer_with(HELD)

    async def call() -> None:
        async with aiohttp.ClientSession() as session:
            response = await session.post(provider.url + CHAT_PATH, json=CHAT)
            await response.content.readany()
            del response
        gc.collect()

    with recording.on():
        asyncio.run(call())
    assert recording.facts["spanledger.usage.partial"] is True
    assert _taps == {}


def test_each_redirect_is_an_attempt(provider: Provider, recording: Recording) -> None:
    """The hop that only points elsewhere is covered by the one that answers."""
    moved = Reply(status=307, headers={"location": provider.url + CHAT_PATH})
    provider.answer_with(moved, REPLIES["json"])
    with recording.on():
        calling(read)(provider.url, [])
    hop, last = (dict(span.attributes or {}) for span in recording.spans)
    assert (hop["spanledger.covered"], hop["http.response.status_code"]) == (True, 307)
    assert "spanledger.covered" not in last
    assert last["gen_ai.usage.output_tokens"] == 497


def test_middlewares_of_the_app_work_above_ours(provider: Provider, recording: Recording) -> None:
    """Those of the session and those of the call; each try of one that retries is a span."""
    provider.answer_with(REPLIES["429"], REPLIES["json"], REPLIES["json"])
    seen: list[str] = []

    async def again(request: Any, handler: Any) -> Any:
        seen.append(request.method)
        answer = await handler(request)
        return answer if answer.ok else await handler(request)

    async def call() -> None:
        async with aiohttp.ClientSession(middlewares=(again,)) as session:
            async with session.post(provider.url + CHAT_PATH, json=CHAT) as response:
                await response.read()
            options: Any = {"json": CHAT, "middlewares": []}
            async with session.post(provider.url + CHAT_PATH, **options) as response:
                await response.read()

    with recording.on():
        asyncio.run(call())
    assert seen == ["POST"]
    statuses = [
        (span.attributes or {}).get("http.response.status_code") for span in recording.spans
    ]
    assert statuses == [429, None, None]


def test_sessions_made_before_and_other_requests(provider: Provider, recording: Recording) -> None:
    """S4.1: no session escapes; a request that is no model call is left as it is."""

    async def call() -> None:
        async with aiohttp.ClientSession(provider.url) as session:
            with recording.on():
                async with session.post(CHAT_PATH, data=b'{"model": "m"}') as response:
                    assert isinstance(response.content, aiohttp.StreamReader)
                    await response.read()
                async with session.request("post", "/v1/models", json={}) as response:
                    assert not isinstance(response.content, TappedReader)
                    await response.read()
            async with session.post(CHAT_PATH, json=CHAT) as response:
                await response.read()

    asyncio.run(call())
    assert recording.span.name == "chat m"


def test_the_reader_stays_what_it_is(provider: Provider, recording: Recording) -> None:
    """The body is the very object that aiohttp made, of a class that says the same name."""
    provider.answer_with(HELD)

    async def look(response: aiohttp.ClientResponse, heard: list[Any]) -> None:
        kind = type(response.content)
        heard.append((kind.__name__, kind.__module__, isinstance(response.content, TappedReader)))

    with recording.on():
        heard: list[Any] = []
        calling(look)(provider.url, heard)
    assert heard == [("StreamReader", "aiohttp.streams", True)]


def test_httpx_over_aiohttp_is_one_call(provider: Provider, recording: Recording) -> None:
    """The SDKs' aiohttp clients are httpx with such a transport: one exchange, one span."""
    provider.answer_with(REPLIES["events"])

    class Body(httpx.AsyncByteStream):
        def __init__(self, response: aiohttp.ClientResponse) -> None:
            self.response = response

        async def __aiter__(self) -> AsyncIterator[bytes]:
            async for piece in self.response.content.iter_any():
                yield piece

        async def aclose(self) -> None:
            self.response.close()

    class Transport(httpx.AsyncBaseTransport):
        def __init__(self, session: aiohttp.ClientSession) -> None:
            self.session = session

        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            answer = await self.session.post(
                str(request.url), data=request.content, headers=dict(request.headers)
            )
            headers = [(name, value) for name, value in answer.headers.items()]
            return httpx.Response(answer.status, headers=headers, stream=Body(answer))

    async def call() -> bytes:
        async with (
            aiohttp.ClientSession() as session,
            httpx.AsyncClient(transport=Transport(session)) as client,
        ):
            return (await client.post(provider.url + CHAT_PATH, json=CHAT)).content

    with recording.on():
        assert asyncio.run(call()) == REPLIES["events"].body
    check(recording, "events")


def test_the_aiohttp_client_of_openai_is_one_call(provider: Provider, recording: Recording) -> None:
    """openai[aiohttp]: httpx2 on top of aiohttp; retries, raw answers and streams count once."""
    provider.answer_with(Reply(status=503), REPLIES["json"], REPLIES["events gzip"])
    messages: Any = [{"role": "user", "content": "canary-prompt"}]

    async def call() -> list[int]:
        async with openai.AsyncOpenAI(
            api_key="canary-key",
            base_url=provider.url + "/v1",
            http_client=openai.DefaultAioHttpClient(),
            max_retries=1,
        ) as client:
            create = client.chat.completions.with_raw_response.create
            raw = await create(model="gpt-4o", messages=messages)
            assert len(recording.spans) == 2
            stream = client.chat.completions.with_streaming_response.create
            async with stream(model="gpt-4o", messages=messages, stream=True) as response:
                lines = [line async for line in response.iter_lines()]
            return [raw.status_code, len(lines)]

    with recording.on():
        status, count = asyncio.run(call())
    assert (status, count > 0) == (200, True)
    seen = [
        (facts.get("spanledger.attempt"), facts.get("gen_ai.usage.output_tokens"))
        for facts in (dict(span.attributes or {}) for span in recording.spans)
    ]
    assert seen == [(1, None), (2, 497), (1, 46)]


def test_uninstrument_restores_the_class_exactly() -> None:
    """Nothing of ours stays on the class, not even a mark; a second start changes nothing."""
    before = members(aiohttp.ClientSession)
    spanledger.instrument()
    during = members(aiohttp.ClientSession)
    spanledger.instrument()
    assert members(aiohttp.ClientSession) == during != before
    spanledger.uninstrument()
    assert members(aiohttp.ClientSession) == before


def test_an_old_aiohttp_is_left_alone(recording: Recording) -> None:
    """Without middlewares there is no seam: that is said in the log, and nothing is touched."""
    before = failures().get("hook aiohttp", 0)
    with recording.on():
        recorder = members(httpx.Client)["_spanledger_patch"].recorder
        with pytest.raises(OldAiohttp):
            patch(ModuleType("aiohttp"), recorder)
    assert failures().get("hook aiohttp", 0) == before
