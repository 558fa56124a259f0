"""The hook: every exchange leaves one span, and the app sees what it would have seen without us."""

import asyncio
from typing import Any

import pytest
from opentelemetry.trace import SpanKind, StatusCode

import spanledger
from spanledger.instrumentation.patch import unpatch
from spanledger.instrumentation.transports.httpx import patch
from tests.instrumentation.calls import (
    CHAT,
    CHAT_PATH,
    CHAT_STREAM,
    LIBRARIES,
    Recording,
    Seen,
    memory,
    post,
)
from tests.instrumentation.provider import (
    Provider,
    Reply,
    cut,
    gzipped,
    recorded,
    with_crlf,
)
from tests.instrumentation.transports.http2 import running_http2
from tests.instrumentation.transports.ways import members


def plain(reply: Reply) -> Reply:
    """The answer as it was recorded."""
    return reply


def body_for(mode: str) -> dict[str, Any]:
    """A chat request that asks for what `mode` reads."""
    return CHAT_STREAM if mode.endswith("stream") else CHAT


def reply_for(mode: str) -> Reply:
    """A recorded answer to it."""
    return recorded("openai_chat_stream.sse" if mode.endswith("stream") else "openai_chat.json")


@pytest.mark.parametrize("wire", [plain, gzipped, with_crlf], ids=["plain", "gzip", "crlf"])
def test_one_exchange_is_one_span(
    provider: Provider, recording: Recording, library: Any, mode: str, wire: Any
) -> None:
    """S4.1, S3.4: whole or streamed, compressed or not, the provider's usage is on the one span."""
    provider.answer_with(wire(reply_for(mode)))

    with recording.on():
        post(library, mode, provider.url + CHAT_PATH, body_for(mode))

    facts = recording.facts
    expected = (1117, 1024, 46) if mode.endswith("stream") else (2306, 1920, 497)
    assert (
        facts["gen_ai.usage.input_tokens"],
        facts["gen_ai.usage.cache_read.input_tokens"],
        facts["gen_ai.usage.output_tokens"],
    ) == expected
    assert recording.span.name == "chat gpt-4o"
    assert recording.span.kind is SpanKind.CLIENT
    assert recording.span.status.status_code is StatusCode.UNSET
    assert "spanledger.usage.partial" not in facts
    assert ("gen_ai.response.time_to_first_chunk" in facts) == mode.endswith("stream")


FAILURES = {
    "cut": None,
    "429": recorded("openai_error_429.json"),
    "500": Reply(b'{"error":{"message":"canary-answer"}}', status=500),
    "401": Reply(b'{"error":{"message":"canary-answer"}}', status=401),
}


@pytest.mark.parametrize("failure", FAILURES)
def test_a_failure_is_one_span_and_the_same_exception(
    provider: Provider, recording: Recording, library: Any, mode: str, failure: str
) -> None:
    """A cut, a 429, a 500 and a 401 each leave one failed span, and the app sees no difference."""
    status = 200 if failure == "cut" else int(failure)
    reply = FAILURES[failure] or cut(reply_for(mode))
    provider.answer_with(Reply(reply.body, status, reply.content_type, cut_at=reply.cut_at))
    url = provider.url + CHAT_PATH

    without_us = post(library, mode, url, body_for(mode))
    with recording.on():
        with_us = post(library, mode, url, body_for(mode))

    assert (b"".join(with_us.chunks), with_us.error) == (
        b"".join(without_us.chunks),
        without_us.error,
    )
    assert bool(with_us.error) == (failure == "cut")
    assert recording.span.status.status_code is StatusCode.ERROR
    assert recording.span.status.description is None
    facts = recording.facts
    if failure == "cut":
        assert facts["error.type"] == f"{library.__name__}.RemoteProtocolError"
        assert facts["spanledger.usage.partial"] is True
    else:
        assert facts["error.type"] == failure
        assert facts["http.response.status_code"] == status
        assert facts["spanledger.usage.source"] == "none"


def test_no_connection_is_one_span_and_the_same_exception(
    recording: Recording, library: Any, mode: str
) -> None:
    """A provider that cannot be reached leaves a failed span without usage."""
    url = "http://127.0.0.1:1" + CHAT_PATH

    without_us = post(library, mode, url, CHAT)
    with recording.on():
        with_us = post(library, mode, url, CHAT)

    assert with_us == without_us
    assert with_us.error
    assert recording.facts["error.type"] == f"{library.__name__}.ConnectError"
    assert recording.facts["spanledger.usage.source"] == "none"


def chunked_transport(library: Any, chunks: tuple[bytes, ...], headers: dict[str, str]) -> Any:
    """A transport of the library's that hands out exactly these chunks."""

    class Body(library.SyncByteStream, library.AsyncByteStream):
        def __iter__(self) -> Any:
            yield from chunks

        async def __aiter__(self) -> Any:
            for chunk in chunks:
                yield chunk

    class Transport(library.BaseTransport, library.AsyncBaseTransport):
        def handle_request(self, _request: Any) -> Any:
            return library.Response(200, headers=headers, stream=Body())

        async def handle_async_request(self, _request: Any) -> Any:
            return library.Response(200, headers=headers, stream=Body())

    return Transport()


def test_every_chunk_passes_as_it_came(recording: Recording, library: Any, mode: str) -> None:
    """Chunk borders are the app's business: they stay, wherever they fall, and usage is read."""
    whole = recorded("openai_chat_stream.sse").body
    chunks = tuple(whole[start : start + 7] for start in range(0, len(whole), 7))
    transport = chunked_transport(library, chunks, {"content-type": "text/event-stream"})
    url = "https://api.openai.com" + CHAT_PATH

    without_us = post(library, mode, url, CHAT_STREAM, transport=transport)
    with recording.on():
        with_us = post(library, mode, url, CHAT_STREAM, transport=transport)

    assert with_us == without_us
    assert with_us == Seen(chunks if mode.endswith("stream") else (whole,))
    assert recording.facts["gen_ai.usage.output_tokens"] == 46
    assert recording.facts["server.port"] == 443


@pytest.mark.parametrize("mode", ["sync", "async"])
def test_an_answer_that_was_read_already_counts(
    recording: Recording, library: Any, mode: str
) -> None:
    """Transports that answer from memory hand over a body that will never be iterated."""
    body = recorded("openai_chat.json").body
    answer = {"content": body, "headers": {"content-type": "application/json"}}
    transport = memory(library, **answer)

    with recording.on():
        post(library, mode, "http://provider" + CHAT_PATH, CHAT, transport=transport)

    assert recording.facts["gen_ai.usage.output_tokens"] == 497


@pytest.mark.parametrize(
    ("method", "path"), [("POST", "/v1/models"), ("GET", CHAT_PATH), ("POST", "/")]
)
def test_other_requests_are_none_of_our_business(
    recording: Recording, library: Any, method: str, path: str
) -> None:
    """Only a POST to a path that a dialect knows is an exchange; others pass untouched."""
    transport = memory(library, json={})

    with recording.on(), library.Client(transport=transport) as client:
        response = client.request(method, "http://provider" + path)

    assert recording.spans == ()
    assert type(response.stream).__name__ == "BoundSyncStream"


def test_clients_made_before_and_subclasses_are_covered(recording: Recording, library: Any) -> None:
    """The hook is on the class, so no client escapes it: S4.1, every call path."""

    class Own(library.Client):
        pass

    transport = memory(library, json={"usage": {"prompt_tokens": 1}})
    own: Any = Own(mounts={"http://": transport})
    with own as client, recording.on():
        client.post("http://provider" + CHAT_PATH, json=CHAT)

    assert recording.facts["gen_ai.usage.input_tokens"] == 1


def test_each_hop_is_sent_apart_and_only_the_answer_counts(
    recording: Recording, library: Any
) -> None:
    """A redirect's span says that it is covered by the one of the hop that answers."""

    def answer(request: Any) -> Any:
        if request.url.host == "old":
            return library.Response(307, headers={"location": "http://new" + CHAT_PATH})
        return library.Response(200, json={"usage": {"prompt_tokens": 5}})

    transport = library.MockTransport(answer)
    with recording.on(), library.Client(transport=transport, follow_redirects=True) as client:
        client.post("http://old" + CHAT_PATH, json=CHAT)

    hop, last = (dict(span.attributes or {}) for span in recording.spans)
    assert (hop["spanledger.covered"], hop["http.response.status_code"]) == (True, 307)
    assert "error.type" not in hop
    assert "spanledger.covered" not in last
    assert last["gen_ai.usage.input_tokens"] == 5


def test_elapsed_is_what_the_library_says(
    provider: Provider, recording: Recording, library: Any
) -> None:
    """Both ways of the libraries to tell how long it took still work."""
    with recording.on(), library.Client(verify=False, trust_env=False) as client:
        response = client.post(provider.url + CHAT_PATH, json=CHAT)
        assert response.elapsed.total_seconds() > 0

        async def call() -> float:
            async with library.AsyncClient(verify=False, trust_env=False) as other:
                answer = await other.post(provider.url + CHAT_PATH, json=CHAT)
                return answer.elapsed.total_seconds()

        assert asyncio.run(call()) > 0


def test_a_streamed_request_body_is_left_alone(recording: Recording, library: Any) -> None:
    """A body that can be read only once is the transport's: what that has read of it is known."""
    received: list[bytes] = []

    def answer(request: Any) -> Any:
        received.append(request.read())
        return library.Response(200, json={"model": "gpt-9", "usage": {"prompt_tokens": 1}})

    with (
        recording.on(),
        library.Client(transport=library.MockTransport(answer)) as client,
    ):
        client.post("http://provider" + CHAT_PATH, content=iter([b'{"model":', b'"gpt-4o"}']))

    assert received == [b'{"model":"gpt-4o"}']
    assert recording.span.name == "chat gpt-4o"
    assert recording.facts["gen_ai.response.model"] == "gpt-9"


def test_uninstrument_restores_the_classes_exactly(library: Any) -> None:
    """Nothing of ours stays on the classes, not even a mark."""
    before = [members(owner) for owner in (library.Client, library.AsyncClient)]

    spanledger.instrument()
    spanledger.instrument()
    during = [members(owner) for owner in (library.Client, library.AsyncClient)]
    spanledger.uninstrument()
    spanledger.uninstrument()

    assert during != before
    assert [members(owner) for owner in (library.Client, library.AsyncClient)] == before


def test_a_class_is_patched_once(recording: Recording, library: Any) -> None:
    """Two names for one module, as `alias_httpx` makes them, lead to one shell."""
    transport = memory(library, json={})
    with recording.on():
        assert library.Client.__dict__["_spanledger_patch"].recorder is not None
        recorder = library.Client.__dict__["_spanledger_patch"].recorder
        shell = library.Client._send_single_request

        again = patch(library, recorder)

        assert library.Client._send_single_request is shell
        with library.Client(transport=transport) as client:
            client.post("http://provider" + CHAT_PATH, json=CHAT)
        for patched in again:
            unpatch(patched)
    assert len(recording.spans) == 1


def test_a_shell_that_somebody_wrapped_falls_silent(recording: Recording, library: Any) -> None:
    """Another library's wrapper around ours stays in place; ours beneath it does nothing."""
    transport = memory(library, json={})
    owner = library.Client
    original = members(owner)["_send_single_request"]
    with recording.on():
        ours = members(owner)["_send_single_request"]

        def theirs(client: Any, request: Any) -> Any:
            return ours(client, request)

        owner._send_single_request = theirs
    with owner(transport=transport) as client:
        client.post("http://provider" + CHAT_PATH, json=CHAT)
        assert recording.spans == ()
        with recording.on():
            client.post("http://provider" + CHAT_PATH, json=CHAT)
        assert len(recording.spans) == 1
        owner._send_single_request = ours
        with recording.on():
            pass
    assert members(owner)["_send_single_request"] is original
    assert "_spanledger_patch" not in members(owner)


@pytest.mark.parametrize("given", ["proxy", "mounts"])
def test_a_call_through_a_proxy_is_a_call_to_the_provider(
    provider: Provider, recording: Recording, library: Any, given: str
) -> None:
    """The proxy is on the way only: the span names the host that is asked."""
    provider.answer_with(recorded("openai_chat.json"))
    options = (
        {"proxy": provider.url}
        if given == "proxy"
        else {"mounts": {"all://api.openai.com": library.HTTPTransport(proxy=provider.url)}}
    )
    with recording.on(), library.Client(trust_env=False, verify=False, **options) as client:
        client.post("http://api.openai.com" + CHAT_PATH, json=CHAT)
    assert provider.requests[0][0] == "http://api.openai.com" + CHAT_PATH
    assert recording.facts["server.address"] == "api.openai.com"
    assert recording.facts["gen_ai.usage.output_tokens"] == 497


def test_a_transport_that_retries_leaves_one_span(
    provider: Provider, recording: Recording, library: Any
) -> None:
    """What the client never hears of is no attempt of its own: the answer it gets counts."""
    provider.answer_with(Reply(status=503), recorded("openai_chat.json"))

    class Retrying(library.BaseTransport):
        def __init__(self) -> None:
            self.inner = library.HTTPTransport(verify=False)

        def handle_request(self, request: Any) -> Any:
            answer = self.inner.handle_request(request)
            if answer.status_code == 503:
                answer.close()
                answer = self.inner.handle_request(request)
            return answer

        def close(self) -> None:
            self.inner.close()

    with recording.on(), library.Client(transport=Retrying()) as client:
        client.post(provider.url + CHAT_PATH, json=CHAT)
    assert len(provider.requests) == 2
    assert recording.facts["gen_ai.usage.output_tokens"] == 497


@pytest.mark.parametrize("mode", ["sync", "async"])
def test_http2_is_no_different(recording: Recording, library: Any, mode: str) -> None:
    """The frames are the transport's business: the same shell, the same chunks, the same span."""
    body = recorded("openai_chat_stream.sse").body
    options: dict[str, Any] = {"http1": False, "http2": True, "trust_env": False, "verify": False}

    async def call(url: str) -> tuple[str, bytes]:
        async with (
            library.AsyncClient(**options) as client,
            client.stream("POST", url, json=CHAT_STREAM) as response,
        ):
            return response.http_version, b"".join([it async for it in response.aiter_raw()])

    with running_http2(body) as url, recording.on():
        if mode == "async":
            heard = asyncio.run(call(url + CHAT_PATH))
        else:
            with (
                library.Client(**options) as client,
                client.stream("POST", url + CHAT_PATH, json=CHAT_STREAM) as response,
            ):
                heard = response.http_version, b"".join(response.iter_raw())
    assert heard == ("HTTP/2", body)
    assert recording.facts["gen_ai.usage.output_tokens"] == 46


def test_both_libraries_are_covered() -> None:
    """The tests above run over what the SDKs of November 2026 use."""
    assert [library.__name__ for library in LIBRARIES] == ["httpx", "httpx2"]
