"""Usage is asked for in the place of an app that does not, and the app sees nothing of it."""

import asyncio
import gzip
import io
import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import aiohttp
import httpx
import httpx2
import openai
import pytest
import requests
import requests.adapters

from spanledger.instrumentation import asking, sifting
from spanledger.instrumentation.sifting import AS_IT_IS, Changed, Sifting, sifting_of
from tests.instrumentation.calls import CHAT_PATH, CHAT_STREAM, Recording, answering
from tests.instrumentation.provider import EVENTS, Provider, Reply
from tests.matrix.faults import functions, raising

HEAD = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "model": "gpt-4o-2024-08-06"}
WORDS = ("Twice ", "two ", "is ", "vier / 四", ".")
USAGE = {"prompt_tokens": 11, "completion_tokens": 7, "total_tokens": 18}


def stream(*, told: bool, end: str = "\n") -> bytes:
    """A stream of OpenAI's: with its usage, and nulls before it, where that was asked for."""
    chunks: list[dict[str, object]] = [
        {**HEAD, "choices": [{"index": 0, "delta": {"content": word}}]} for word in WORDS
    ]
    if told:
        chunks = [{**chunk, "usage": None} for chunk in chunks]
        chunks.append({**HEAD, "choices": [], "usage": USAGE})
    events = [f"data: {json.dumps(chunk)}{end}{end}" for chunk in chunks]
    return "".join([*events, f"data: [DONE]{end}{end}"]).encode()


def without_usage(data: bytes) -> bytes:
    """The same stream without the one event."""
    return b"".join(
        event + b"\n\n" for event in data.split(b"\n\n")[:-1] if b'"choices": []' not in event
    )


TOLD = stream(told=True)
SEEN = without_usage(TOLD)
"""What an app may see of it: all but one event."""


@pytest.fixture(autouse=True)
def _asking(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SPANLEDGER_ASK_FOR_USAGE", "true")


def by_httpx(library: Any) -> Callable[[str], bytes]:
    """Through a client of httpx or httpx2."""

    def read(url: str) -> bytes:
        with (
            library.Client(trust_env=False) as client,
            client.stream("POST", url, json=CHAT_STREAM) as response,
        ):
            data = b"".join(response.iter_raw())
            assert json.loads(response.request.content) == CHAT_STREAM
            assert response.request.headers["accept-encoding"] != "identity"
            assert response.request.headers["content-length"] == str(len(response.request.content))
            return data

    return read


def by_httpx_async(library: Any) -> Callable[[str], bytes]:
    """Through an asynchronous client of the same."""

    async def read(url: str) -> bytes:
        async with (
            library.AsyncClient(trust_env=False) as client,
            client.stream("POST", url, json=CHAT_STREAM) as response,
        ):
            return b"".join([chunk async for chunk in response.aiter_bytes()])

    return lambda url: asyncio.run(read(url))


def by_requests(read: Callable[[requests.Response], bytes]) -> Callable[[str], bytes]:
    """Through requests, the body read in a way of its own."""

    def call(url: str) -> bytes:
        with (
            requests.Session() as session,
            session.post(url, json=CHAT_STREAM, stream=True, timeout=30) as response,
        ):
            data = read(response)
            assert response.request.body == json.dumps(CHAT_STREAM).encode()
            return data

    return call


def raw_pieces(size: int) -> Callable[[requests.Response], bytes]:
    """What is read of the raw body, so much at a time."""

    def read(response: requests.Response) -> bytes:
        pieces = list(iter(lambda: response.raw.read(size), b""))
        assert max(map(len, pieces)) <= size
        return b"".join(pieces)

    return read


def by_aiohttp(read: Callable[[aiohttp.ClientResponse], Any]) -> Callable[[str], bytes]:
    """Through aiohttp, the body read in a way of its own."""

    async def call(url: str) -> bytes:
        async with (
            aiohttp.ClientSession() as session,
            session.post(url, json=CHAT_STREAM) as response,
        ):
            data: bytes = await read(response)
            return data

    return lambda url: asyncio.run(call(url))


async def in_chunks(response: aiohttp.ClientResponse) -> bytes:
    """As the network brought it."""
    return b"".join([chunk async for chunk in response.content.iter_any()])


async def in_lines(response: aiohttp.ClientResponse) -> bytes:
    """Line by line."""
    return b"".join([line async for line in response.content])


WAYS: dict[str, Callable[[str], bytes]] = {
    "httpx": by_httpx(httpx),
    "httpx2": by_httpx(httpx2),
    "httpx, async": by_httpx_async(httpx),
    "httpx2, async": by_httpx_async(httpx2),
    "requests": by_requests(lambda response: b"".join(response.iter_content(100))),
    "requests, whole": by_requests(lambda response: response.content),
    "requests, lines": by_requests(
        lambda response: b"".join(line + b"\n" for line in response.iter_lines())
    ),
    "requests, raw": by_requests(lambda response: response.raw.read()),
    "requests, raw stream": by_requests(lambda response: b"".join(response.raw.stream(64))),
    "requests, raw in sevens": by_requests(raw_pieces(7)),
    "requests, raw in pieces": by_requests(raw_pieces(4096)),
    "requests, raw read1": by_requests(
        lambda response: b"".join(iter(lambda: response.raw.read1(50), b""))
    ),
    "aiohttp": by_aiohttp(in_chunks),
    "aiohttp, lines": by_aiohttp(in_lines),
    "aiohttp, whole": by_aiohttp(lambda response: response.read()),
}


@pytest.mark.parametrize("chunked", [True, False])
@pytest.mark.parametrize("way", WAYS)
def test_the_provider_is_asked_and_the_app_sees_nothing_of_it(
    provider: Provider, recording: Recording, way: str, *, chunked: bool
) -> None:
    """S4.3: usage as the provider counted it; the bytes are those of the stream less one event."""
    reply = Reply(TOLD, content_type=EVENTS)
    provider.answer_with(reply if chunked else replace(reply, content_type=EVENTS + "; x=y"))
    with recording.on():
        seen = WAYS[way](provider.url + CHAT_PATH)

    (_, headers, body) = provider.requests[0]
    sent = {name.lower(): value for name, value in headers.items()}
    assert json.loads(body) == {**CHAT_STREAM, "stream_options": {"include_usage": True}}
    assert sent["content-length"] == str(len(body))
    assert sent["accept-encoding"] == "identity"
    assert seen == SEEN
    assert recording.facts["spanledger.usage.source"] == "provider"
    assert recording.facts["gen_ai.usage.input_tokens"] == 11
    assert recording.facts["gen_ai.usage.output_tokens"] == 7
    assert "spanledger.usage.partial" not in recording.facts


def sdk_chunks(url: str) -> list[Any]:
    """What OpenAI's SDK makes of a stream."""
    with openai.OpenAI(api_key="key", base_url=url + "/v1", max_retries=0) as client:
        made = client.chat.completions.create(
            model="gpt-4o", messages=[{"role": "user", "content": "2 x 2?"}], stream=True
        )
        return list(made)


def sdk_chunks_async(url: str) -> list[Any]:
    """The same, asynchronously."""

    async def read() -> list[Any]:
        async with openai.AsyncOpenAI(api_key="key", base_url=url + "/v1", max_retries=0) as client:
            made = await client.chat.completions.create(
                model="gpt-4o", messages=[{"role": "user", "content": "2 x 2?"}], stream=True
            )
            return [chunk async for chunk in made]

    return asyncio.run(read())


@pytest.mark.parametrize("read", [sdk_chunks, sdk_chunks_async])
def test_the_sdk_makes_the_same_objects(
    provider: Provider, recording: Recording, read: Callable[[str], list[Any]]
) -> None:
    """The chunks are equal to those that come where nobody asks."""
    provider.answer_with(Reply(stream(told=False), content_type=EVENTS))
    without_us = read(provider.url)
    provider.answer_with(Reply(TOLD, content_type=EVENTS))
    with recording.on():
        with_us = read(provider.url)

    assert [chunk.choices for chunk in with_us] == [chunk.choices for chunk in without_us]
    assert [chunk.usage for chunk in with_us] == [None] * len(WORDS)
    assert [chunk.model_dump() for chunk in with_us] == [chunk.model_dump() for chunk in without_us]
    assert recording.facts["gen_ai.usage.output_tokens"] == 7


def test_nothing_is_asked_unless_it_is_set(
    provider: Provider, recording: Recording, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Requests leave as the app made them; that is the default."""
    monkeypatch.delenv("SPANLEDGER_ASK_FOR_USAGE")
    provider.answer_with(Reply(stream(told=False), content_type=EVENTS))
    with recording.on():
        for way in ("httpx", "requests", "aiohttp"):
            WAYS[way](provider.url + CHAT_PATH)

    assert [json.loads(body) for _, _, body in provider.requests] == [CHAT_STREAM] * 3


def test_an_app_that_asks_itself_gets_what_it_asks_for(
    provider: Provider, recording: Recording
) -> None:
    """Its request is its own, and so is the usage in its answer."""
    provider.answer_with(Reply(TOLD, content_type=EVENTS))
    asked = {**CHAT_STREAM, "stream_options": {"include_usage": True}}
    with recording.on(), httpx2.Client(trust_env=False) as client:
        assert client.post(provider.url + CHAT_PATH, json=asked).content == TOLD

    assert json.loads(provider.requests[0][2]) == asked


@pytest.mark.parametrize("way", ["httpx2", "httpx2, async", "requests", "aiohttp, whole"])
def test_a_compressed_answer_passes_as_it_is(
    provider: Provider, recording: Recording, way: str
) -> None:
    """A server that compresses all the same is read by us, and left alone."""
    packed = Reply(gzip.compress(TOLD), content_type=EVENTS, headers={"content-encoding": "gzip"})
    provider.answer_with(packed)
    with recording.on():
        seen = WAYS[way](provider.url + CHAT_PATH)

    assert seen in {TOLD, packed.body}
    assert recording.facts["gen_ai.usage.output_tokens"] == 7


@pytest.mark.parametrize("way", ["httpx2", "httpx2, async", "requests", "aiohttp, whole"])
def test_a_refusal_is_the_apps_to_see(provider: Provider, recording: Recording, way: str) -> None:
    """A host that does not know the option answers so; that is why asking is a choice."""
    refusal = b'{"error": {"message": "unknown field stream_options"}}'
    provider.answer_with(Reply(refusal, status=400))
    with recording.on():
        assert WAYS[way](provider.url + CHAT_PATH) == refusal

    assert recording.facts["error.type"] == "400"


@pytest.mark.parametrize("asynchronous", [False, True])
def test_a_cut_stream_shows_all_that_came(
    provider: Provider, recording: Recording, *, asynchronous: bool
) -> None:
    """Half an event comes before the error, as it would without us."""
    reply = Reply(stream(told=False), content_type=EVENTS, cut_at=310)

    def read(seen: list[bytes]) -> type[BaseException]:
        async def read_async() -> None:
            async with (
                httpx2.AsyncClient(trust_env=False) as client,
                client.stream("POST", provider.url + CHAT_PATH, json=CHAT_STREAM) as response,
            ):
                async for chunk in response.aiter_raw():
                    seen.append(chunk)  # noqa: PERF401 - as far as it comes

        def read_sync() -> None:
            with (
                httpx2.Client(trust_env=False) as client,
                client.stream("POST", provider.url + CHAT_PATH, json=CHAT_STREAM) as response,
            ):
                seen.extend(response.iter_raw())

        with pytest.raises(httpx2.RemoteProtocolError) as raised:
            asyncio.run(read_async()) if asynchronous else read_sync()
        return raised.type

    provider.answer_with(reply)
    without_us: list[bytes] = []
    with_us: list[bytes] = []
    read(without_us)
    with recording.on():
        read(with_us)

    assert b"".join(with_us) == reply.body[:310]
    if not asynchronous:
        assert b"".join(with_us).startswith(b"".join(without_us))


def test_an_answer_in_memory_is_sifted_too(recording: Recording, library: Any) -> None:
    """A transport of the app's own may give the whole answer at once."""
    answer = {"content": TOLD, "headers": {"content-type": EVENTS}}
    with recording.on(), answering(library, **answer) as client:
        response = client.post("http://provider" + CHAT_PATH, json=CHAT_STREAM)

    assert response.content == SEEN
    assert recording.facts["gen_ai.usage.output_tokens"] == 7


class FileAdapter(requests.adapters.HTTPAdapter):
    """Answers with a file, as test doubles of apps do."""

    whole = False

    def send(self, request: requests.PreparedRequest, *_: Any, **__: Any) -> requests.Response:
        """The stream, in a file or read already."""
        response = requests.Response()
        response.status_code = 200
        response.request = request
        response.url = str(request.url)
        response.headers["content-type"] = EVENTS
        response.raw = io.BytesIO(TOLD)
        if self.whole:
            response._content = TOLD
            vars(response)["_content_consumed"] = True
        return response


@pytest.mark.parametrize("whole", [False, True])
def test_an_adapter_of_the_apps_own_is_sifted_too(recording: Recording, *, whole: bool) -> None:
    """Whatever the body is in, the app sees it without the event."""
    adapter = FileAdapter()
    adapter.whole = whole
    with recording.on(), requests.Session() as session:
        session.mount("http://", adapter)
        response = session.post(
            "http://provider" + CHAT_PATH, json=CHAT_STREAM, stream=True, timeout=30
        )
        seen = b"".join(response.iter_content(33))

    assert seen == SEEN
    assert recording.facts["gen_ai.usage.output_tokens"] == 7


def test_a_signed_request_is_left_alone(provider: Provider, recording: Recording) -> None:
    """Its signature speaks for the body that the app has made."""
    provider.answer_with(Reply(stream(told=False), content_type=EVENTS))
    headers = {"authorization": "AWS4-HMAC-SHA256 Credential=a"}
    with recording.on(), httpx2.Client(trust_env=False) as client:
        client.post(provider.url + CHAT_PATH, json=CHAT_STREAM, headers=headers)

    assert json.loads(provider.requests[0][2]) == CHAT_STREAM


def test_a_request_can_be_sent_again(provider: Provider, recording: Recording) -> None:
    """The same request object, twice: each time it asks, and has its own body after."""
    provider.answer_with(Reply(TOLD, content_type=EVENTS))
    with recording.on(), httpx2.Client(trust_env=False) as client:
        request = client.build_request("POST", provider.url + CHAT_PATH, json=CHAT_STREAM)
        own = request.content
        seen = [client.send(request).content for _ in range(2)]
        assert request.content == own

    assert seen == [SEEN] * 2
    assert all(b"include_usage" in body for _, _, body in provider.requests)


@pytest.mark.parametrize(
    "error",
    # The guard does not tell them apart.
    [
        Exception,
        *(pytest.param(one, marks=pytest.mark.soak) for one in (RecursionError, MemoryError)),
    ],
)
@pytest.mark.parametrize("way", ["httpx2", "httpx2, async", "requests", "aiohttp"])
def test_no_fault_of_ours_costs_the_app_a_byte(
    provider: Provider, recording: Recording, way: str, error: type[Exception]
) -> None:
    """R15: whatever fails in the asking, the app has its stream, at worst with the usage in it."""
    shell = {"__iter__", "__aiter__", "close", "aclose", "__getattr__", "__enter__", "__exit__"}
    shell |= {"Sifting.feed", "Sifting.rest", "Sifting.read", "Sifting.read_some", "Sifting.left"}
    shell |= {"kept_error.__init__", "kept_error.raise_it", "sifted_class", "Changed.__init__"}
    provider.answer_with(Reply(TOLD, content_type=EVENTS))
    for ours in (*functions(asking), *functions(sifting)):
        name = ours.function.__qualname__
        if name in shell or name.rpartition(".")[2] in shell:
            continue
        with raising(ours, error), recording.on():
            assert WAYS[way](provider.url + CHAT_PATH) in {TOLD, SEEN}, name


class Breaking(asking.Sieve):
    """A sieve that breaks with the second piece."""

    __slots__ = ("fed",)

    def feed(self, data: bytes) -> bytes:
        """As ever, once."""
        if getattr(self, "fed", False):
            raise ValueError
        self.fed = True
        return super().feed(data)


def test_a_sieve_that_breaks_loses_nothing() -> None:
    """What it held comes first, and all the rest after."""
    sifting_ = Sifting()
    sifting_._sieve = Breaking()
    pieces = [TOLD[:100], TOLD[100:200], TOLD[200:]]

    seen = [sifting_.feed(piece) for piece in pieces]

    assert b"".join([*seen, sifting_.rest()]) == TOLD


def test_what_was_not_asked_for_is_not_taken_out() -> None:
    """An answer to a request of the app's own is left alone."""
    headers = {"content-type": EVENTS}

    assert sifting_of(AS_IT_IS, 200, headers) is None
    assert sifting_of(Changed(None, {"body": b""}), 404, headers) is None
    assert sifting_of(Changed(None, {"body": b""}), 200, headers) is not None


class Stubborn:
    """A request whose headers cannot be replaced."""

    def __init__(self) -> None:
        self.body = b"own"

    @property
    def headers(self) -> dict[str, str]:
        """As the app made them."""
        return {"content-length": "3"}


def test_a_request_is_changed_as_a_whole_or_not_at_all() -> None:
    """A new body under the old headers would be cut: it leaves as the app made it."""
    request = Stubborn()
    changed = Changed(request, {"body": b"another", "headers": {"content-length": "7"}})
    with changed:
        assert request.body == b"own"

    assert request.body == b"own"
    assert sifting_of(changed, 200, {"content-type": EVENTS}) is None


def test_a_request_of_aiohttp_is_the_apps_own_again(provider: Provider) -> None:
    """A middleware above finds it as it was, be it without a header that we need."""
    provider.answer_with(Reply(TOLD, content_type=EVENTS))
    seen: list[bool] = []

    async def look(
        request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType
    ) -> aiohttp.ClientResponse:
        response = await handler(request)
        seen.append("Accept-Encoding" in request.headers)
        return response

    async def call() -> None:
        async with (
            aiohttp.ClientSession(
                middlewares=[look], skip_auto_headers=["Accept-Encoding"]
            ) as session,
            session.post(provider.url + CHAT_PATH, json=CHAT_STREAM) as response,
        ):
            assert await response.read() == SEEN

    with Recording().on():
        asyncio.run(call())

    assert seen == [False]
    assert b"include_usage" in provider.requests[0][2]


def test_reading_in_pieces_is_exact() -> None:
    """Whatever is asked for, never more comes, and nothing is lost."""
    source = io.BytesIO(TOLD)
    sifting_ = Sifting()

    def pieces() -> Iterator[bytes]:
        for amount in (0, 1, 5, 1000, 2):
            yield sifting_.read(amount, source.read)
        yield sifting_.read(None, source.read)

    found = list(pieces())

    assert [len(piece) for piece in found[:3]] == [0, 1, 5]
    assert b"".join(found) == SEEN
    assert sifting_.left() == b""
