"""requests: every attempt leaves one span, and the app sees what it would have seen without us."""

import gc
import io
import pickle
import threading
from typing import Any

import pytest
import requests
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.trace.export import SpanExportResult
from requests.adapters import BaseAdapter, HTTPAdapter

import spanledger
from spanledger.instrumentation.transports.urllib3 import TappedBody
from tests.instrumentation.calls import CHAT, CHAT_PATH, Recording
from tests.instrumentation.provider import Provider, Reply, cut, recorded
from tests.instrumentation.transports.ways import REPLIES, check, hear_twice, members


def post(url: str, **options: Any) -> requests.Response:
    """One chat call."""
    return requests.post(url + CHAT_PATH, json=CHAT, timeout=30, **options)


def content(url: str, heard: list[Any]) -> None:
    """Read by the library before the app has it."""
    heard.append(post(url).content)


def decoded(url: str, heard: list[Any]) -> None:
    """As JSON."""
    heard.append(post(url).json())


def iter_content(url: str, heard: list[Any]) -> None:
    """As it comes."""
    with post(url, stream=True) as response:
        heard.extend(response.iter_content(None))


def iter_small(url: str, heard: list[Any]) -> None:
    """Few bytes at a time."""
    with post(url, stream=True) as response:
        heard.extend(response.iter_content(7))


def iter_lines(url: str, heard: list[Any]) -> None:
    """Line by line."""
    response = post(url, stream=True)
    heard.extend(response.iter_lines())


def raw_read(url: str, heard: list[Any]) -> None:
    """From the socket, still encoded."""
    heard.append(post(url, stream=True).raw.read())


def raw_pieces(url: str, heard: list[Any]) -> None:
    """From the socket, piece by piece, decoded."""
    raw = post(url, stream=True).raw
    while piece := raw.read(50, decode_content=True):
        heard.append(piece)


def raw_read1(url: str, heard: list[Any]) -> None:
    """Whatever is there."""
    raw = post(url, stream=True).raw
    while piece := raw.read1(64):
        heard.append(piece)


def raw_lines(url: str, heard: list[Any]) -> None:
    """As a file."""
    heard.extend(post(url, stream=True).raw)


def raw_into(url: str, heard: list[Any]) -> None:
    """Into a buffer of the app's."""
    raw, buffer = post(url, stream=True).raw, bytearray(100)
    while size := raw.readinto(buffer):
        heard.append(bytes(buffer[:size]))


WAYS = (
    content,
    iter_content,
    iter_small,
    iter_lines,
    raw_read,
    raw_pieces,
    raw_read1,
    raw_lines,
    raw_into,
)


@pytest.mark.parametrize("reply", REPLIES)
@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__)
def test_every_way_to_read_gives_the_same_and_one_span(
    provider: Provider, recording: Recording, way: Any, reply: str
) -> None:
    """S4.1: the bytes, the exceptions and the end are the library's own; the usage is on a span."""
    provider.answer_with(REPLIES[reply])
    hear_twice(recording, way, provider.url)
    check(recording, reply)


def test_json_is_what_it_was(provider: Provider, recording: Recording) -> None:
    """`json()` reads the body that the library has read."""
    provider.answer_with(recorded("openai_chat.json"))
    heard = hear_twice(recording, decoded, provider.url)
    assert heard.pieces[0]["usage"]["completion_tokens"] == 497


def test_no_connection_is_one_span_and_the_same_exception(recording: Recording) -> None:
    """A provider that cannot be reached leaves a failed span."""
    heard = hear_twice(recording, content, "http://127.0.0.1:1")
    assert heard.error
    assert recording.facts["error.type"] == "requests.exceptions.ConnectionError"


def test_a_stream_is_handed_on_while_it_comes(provider: Provider, recording: Recording) -> None:
    """Bytes are not held back: they are there while the provider keeps the answer open."""
    provider.answer_with(Reply(b"data: {}\n\n", content_type="text/event-stream", hold=True))
    with recording.on(), post(provider.url, stream=True) as response:
        assert next(response.iter_lines()) == b"data: {}"
        assert recording.spans == ()
        provider.closing.set()


def test_an_answer_closed_early_is_partial(provider: Provider, recording: Recording) -> None:
    """What was read before the app closed is kept, and marked."""
    provider.answer_with(recorded("openai_chat_stream.sse"))
    with recording.on(), post(provider.url, stream=True) as response:
        next(response.iter_content(200))
    assert recording.facts["spanledger.usage.partial"] is True
    assert "error.type" not in recording.facts


def test_a_forgotten_answer_ends_when_it_is_collected(
    provider: Provider, recording: Recording
) -> None:
    """Nobody reads nor closes it: its span ends, without the collector of cycles."""
    provider.answer_with(recorded("openai_chat_stream.sse"))
    gc.disable()
    try:
        with recording.on(), requests.Session() as session:
            response = session.post(provider.url + CHAT_PATH, json=CHAT, stream=True, timeout=30)
            del response
            assert recording.facts["spanledger.usage.partial"] is True
    finally:
        gc.enable()


def test_a_second_iterator_goes_on_where_the_first_stopped(
    provider: Provider, recording: Recording
) -> None:
    """A loop that stops ends nothing: the app may read on, and the usage is there in the end."""
    provider.answer_with(Reply(recorded("openai_chat_stream.sse").body, content_type="text/plain"))

    def loops(url: str, heard: list[Any]) -> None:
        with post(url, stream=True) as response:
            heard.append(next(response.iter_content(20)))
            heard.extend(response.iter_content(100))

    heard = hear_twice(recording, loops, provider.url)
    assert b"".join(heard.pieces) == recorded("openai_chat_stream.sse").body
    assert "spanledger.usage.partial" not in recording.facts


def test_the_body_stays_what_it_is(provider: Provider, recording: Recording) -> None:
    """The answer's `raw` is the object of urllib3, with all its members, and it pickles as ever."""
    provider.answer_with(recorded("openai_chat.json"))
    plain = post(provider.url, stream=True)
    with recording.on():
        response = post(provider.url, stream=True)
        for name in ("_fp", "version", "reason", "status", "headers", "release_conn", "isclosed"):
            assert hasattr(response.raw, name) == hasattr(plain.raw, name)
        assert isinstance(response.raw, type(plain.raw))
        assert type(response.raw).__qualname__ == type(plain.raw).__qualname__
        copied = pickle.loads(pickle.dumps(response))  # noqa: S301 - it is our own
    assert copied.json() == plain.json()
    assert recording.facts["gen_ai.usage.output_tokens"] == 497


def test_each_redirect_is_an_attempt(provider: Provider, recording: Recording) -> None:
    """The hop that only points elsewhere is covered by the one that answers."""
    target = provider.url.replace("127.0.0.1", "localhost") + CHAT_PATH
    provider.answer_with(
        Reply(status=307, headers={"location": target}), recorded("openai_chat.json")
    )
    with recording.on():
        post(provider.url)
    hop, last = (dict(span.attributes or {}) for span in recording.spans)
    assert (hop["spanledger.covered"], hop["http.response.status_code"]) == (True, 307)
    assert "spanledger.covered" not in last
    assert last["gen_ai.usage.output_tokens"] == 497


class OwnSession(requests.Session):
    """A session of the app's own."""


class Passing(HTTPAdapter):
    """An adapter that does something of its own, and leaves the rest to the library."""

    def send(self, request: Any, *args: Any, **options: Any) -> requests.Response:
        """Send as ever."""
        return super().send(request, *args, **options)


class Canned(BaseAdapter):
    """An adapter that answers from memory, with a file."""

    def send(self, request: Any, *_: Any, **__: Any) -> requests.Response:
        """The recorded answer."""
        response = requests.Response()
        response.status_code, response.request, response.url = 200, request, request.url
        response.headers["content-type"] = "application/json"
        response.raw = io.BytesIO(recorded("openai_chat.json").body)
        return response

    def close(self) -> None:
        """There is nothing to close."""


@pytest.mark.parametrize("adapter", [HTTPAdapter, Passing, Canned])
def test_sessions_made_before_and_adapters_of_the_apps_own(
    provider: Provider, recording: Recording, adapter: Any
) -> None:
    """S4.1: no session escapes, whatever its adapters, and stacked ones count once."""
    provider.answer_with(recorded("openai_chat.json"))
    original = adapter.send
    with OwnSession() as session:
        session.mount("http://", adapter())
        with recording.on():
            assert session.get_adapter(provider.url) is session.adapters["http://"]
            answer = session.post(provider.url + CHAT_PATH, json=CHAT, timeout=30)
        assert answer.json()["usage"]["completion_tokens"] == 497
        assert recording.facts["gen_ai.usage.output_tokens"] == 497
        session.post(provider.url + CHAT_PATH, json=CHAT, timeout=30)
    assert len(recording.spans) == 1
    assert adapter.send is original


def test_a_file_for_a_body_reads_as_it_did(recording: Recording) -> None:
    """The stand-in for a file has its members, and ends the span when it is closed."""
    with OwnSession() as session, recording.on():
        session.mount("http://", Canned())
        response = session.post("http://provider" + CHAT_PATH, json=CHAT, stream=True, timeout=30)
        assert response.raw.seekable()
        assert response.raw.read(10)
        assert recording.spans == ()
        response.raw.close()
    assert recording.facts["spanledger.usage.source"] == "none"


@pytest.mark.parametrize("body", [recorded("openai_chat.json").body, False, None])
def test_an_adapter_may_answer_without_a_file(recording: Recording, body: Any) -> None:
    """A body that is there already counts; without any there is a span all the same."""

    class Stub(Canned):
        def send(self, request: Any, *_: Any, **__: Any) -> requests.Response:
            response = super().send(request)
            response._content, response.raw = body, None
            return response

    def call(url: str, heard: list[Any]) -> None:
        with OwnSession() as session:
            session.mount("http://", Stub())
            heard.append(session.post(url + CHAT_PATH, json=CHAT, timeout=30).content)

    hear_twice(recording, call, "http://provider")
    assert recording.facts.get("gen_ai.usage.output_tokens") == (497 if body else None)


def test_the_form_of_the_request_body_does_not_matter(
    provider: Provider, recording: Recording
) -> None:
    """Text and bytes are read; a stream is not ours, and is sent as it is."""
    with recording.on():
        for body in ('{"model": "a"}', b'{"model": "b"}', iter([b'{"model": "c"}'])):
            requests.post(provider.url + CHAT_PATH, data=body, timeout=30)
    assert [span.name for span in recording.spans] == ["chat a", "chat b", "chat"]
    assert [body for _, _, body in provider.requests][:2] == [b'{"model": "a"}', b'{"model": "b"}']


def test_the_exporter_is_not_recorded(provider: Provider, recording: Recording) -> None:
    """The stock OTLP exporter posts through requests, which is no model call."""
    with recording.on():
        post(provider.url)
        exporter = OTLPSpanExporter(endpoint=provider.url + "/v1/traces")
        assert exporter.export(recording.spans) is SpanExportResult.SUCCESS
        exporter.shutdown()
    assert [path for path, _, _ in provider.requests] == [CHAT_PATH, "/v1/traces"]
    assert len(recording.spans) == 1


def test_other_requests_are_none_of_our_business(provider: Provider, recording: Recording) -> None:
    """Their bodies are the library's own class, untouched."""
    with recording.on():
        other = requests.post(provider.url + "/v1/models", json={}, timeout=30)
        assert not isinstance(other.raw, TappedBody)
    assert recording.spans == ()


def test_threads_share_a_session(provider: Provider, recording: Recording) -> None:
    """Calls of many threads through one session leave a span each."""
    provider.answer_with(recorded("openai_chat.json"))
    with recording.on(), requests.Session() as session:
        options = {"json": CHAT, "timeout": 30}
        threads = [
            threading.Thread(target=session.post, args=(provider.url + CHAT_PATH,), kwargs=options)
            for _ in range(8)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    outputs = [(span.attributes or {})["gen_ai.usage.output_tokens"] for span in recording.spans]
    assert outputs == [497] * 8


def test_uninstrument_restores_the_classes_exactly() -> None:
    """Nothing of ours stays on the classes, not even a mark; a second start changes nothing."""
    owners: tuple[Any, ...] = (requests.Session, HTTPAdapter, BaseAdapter, Passing, Canned)
    before = [members(owner) for owner in owners]
    spanledger.instrument()
    session = OwnSession()
    session.mount("http://", Canned())
    session.get_adapter("http://provider")
    during = [members(owner) for owner in owners]
    spanledger.instrument()
    again = [members(owner) for owner in owners]
    spanledger.uninstrument()
    assert again == during != before
    assert [members(owner) for owner in owners] == before


def test_a_failing_stream_names_its_error(provider: Provider, recording: Recording) -> None:
    """A connection that breaks leaves urllib3's name for it on the span."""
    provider.answer_with(cut(recorded("openai_chat_stream.sse")))
    with recording.on(), pytest.raises(requests.exceptions.ChunkedEncodingError):
        list(post(provider.url, stream=True).iter_content(None))
    assert recording.facts["error.type"] == "urllib3.exceptions.ProtocolError"
