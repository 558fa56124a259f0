"""The request asks for usage and nothing else of it changes; the answer hides that it was asked."""

import json
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spanledger.instrumentation.asking import (
    Sieve,
    asking_body,
    can_be_sifted,
    is_signed,
    is_to_be_asked,
)
from spanledger.instrumentation.wire import PlainUrl

JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text() | st.floats(allow_nan=False),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@pytest.mark.parametrize(
    ("body", "asking"),
    [
        (
            b'{"model":"gpt-4o","stream":true}',
            b'{"stream_options":{"include_usage": true},"model":"gpt-4o","stream":true}',
        ),
        (
            b' { "stream":true , "n" : 0.10, "b": 1E9} ',
            b' {"stream_options":{"include_usage": true}, "stream":true , "n" : 0.10, "b": 1E9} ',
        ),
        (
            b'{"stream":true,"stream_options":{"other":false},"n":1.0}',
            b'{"stream":true,"stream_options":{"other": false, "include_usage": true},"n":1.0}',
        ),
        (
            b'{"stream_options": null,"stream":true}',
            b'{"stream_options": {"include_usage": true},"stream":true}',
        ),
        (
            b'{"stream_options":{"include_usage":false},"stream":true}',
            b'{"stream_options":{"include_usage": true},"stream":true}',
        ),
        (
            '{"stream":true,"user":"Ünal {\\"stream\\": false}"}'.encode(),
            '{"stream_options":{"include_usage": true},'
            '"stream":true,"user":"Ünal {\\"stream\\": false}"}'.encode(),
        ),
    ],
)
def test_a_stream_asks_for_its_usage(body: bytes, asking: bytes) -> None:
    """One member is added or changed; every other byte of the request stays where it was."""
    assert asking_body(body) == asking


@pytest.mark.parametrize(
    "body",
    [
        b'{"stream":true,"stream_options":{"include_usage":true}}',
        b'{"stream":false}',
        b'{"model":"gpt-4o"}',
        b'{"stream":"true"}',
        b'{"stream":true,"stream_options":"all"}',
        b'{"stream":true,"stream_options":[]}',
        b'{"stream":true',
        b'{"stream":true,}',
        b'{"stream" true}',
        b'{"stream":true "model":"a"}',
        b"[true]",
        b"",
        b"\x1f\x8b\x08",
        b'{"stream":' + b"[" * 100_000,
    ],
)
def test_nothing_is_asked_of_anything_else(body: bytes) -> None:
    """Whoever asks already, or asks for no stream, is left alone, and so is what is no JSON."""
    assert asking_body(body) is None


@pytest.mark.parametrize(
    ("url", "asked"),
    [
        ("https://api.openai.com/v1/chat/completions", True),
        ("https://api.openai.com/v1/completions", True),
        ("https://a.openai.azure.com/openai/deployments/b/chat/completions?api-version=1", True),
        ("http://10.0.0.7:8000/v1/chat/completions", True),
        ("https://api.openai.com/v1/responses", False),
        ("https://api.openai.com/v1/embeddings", False),
        ("https://api.openai.com/v1/models", False),
        ("https://api.anthropic.com/v1/messages", False),
        ("https://api.mistral.ai/v1/chat/completions", False),
        ("https://openrouter.ai/api/v1/chat/completions", False),
        ("http://gateway:4000/v1/chat/completions", False),
    ],
)
def test_who_is_asked(url: str, *, asked: bool) -> None:
    """Those who speak OpenAI's format, unless they state the usage of every stream anyway."""
    endpoints = {"gateway:4000": "mistral_ai"}

    assert is_to_be_asked(PlainUrl(url), endpoints) is asked


@given(
    fields=st.dictionaries(st.text(), JSON_VALUES, max_size=5),
    options=st.none() | st.dictionaries(st.text(), JSON_VALUES, max_size=3),
    indent=st.sampled_from([None, 2]),
)
def test_the_request_means_what_it_meant(
    fields: dict[str, object], options: dict[str, object] | None, indent: int | None
) -> None:
    """Whatever is in the body, it is the same body with one wish more."""
    body = {**fields, "stream": True}
    if options is not None:
        body["stream_options"] = {**options, "include_usage": False}
    wished = {**body, "stream_options": {**(options or {}), "include_usage": True}}
    if options is None:
        body.pop("stream_options", None)

    asking = asking_body(json.dumps(body, indent=indent).encode())

    assert asking is not None
    assert json.loads(asking) == wished


@pytest.mark.parametrize(
    ("headers", "signed"),
    [
        ({"Authorization": "Bearer key"}, False),
        ({"authorization": "AWS4-HMAC-SHA256 Credential=a"}, True),
        ({"Content-MD5": "a"}, True),
        ({"x-amz-content-sha256": "a"}, True),
        ({}, False),
    ],
)
def test_a_signed_body_is_not_touched(headers: dict[str, str], *, signed: bool) -> None:
    """A signature would not fit any more."""
    assert is_signed(headers) is signed


@pytest.mark.parametrize(
    ("status", "headers", "sifted"),
    [
        (200, {"content-type": "text/event-stream; charset=utf-8"}, True),
        (200, {"content-type": "Text/Event-Stream", "content-encoding": "identity"}, True),
        (200, {"content-type": "text/event-stream", "content-encoding": "gzip"}, False),
        (200, {"content-type": "application/json"}, False),
        (200, {}, False),
        (400, {"content-type": "text/event-stream"}, False),
    ],
)
def test_only_plain_streams_are_sifted(
    status: int, headers: dict[str, str], *, sifted: bool
) -> None:
    """What is compressed all the same passes as it is, and so does everything else."""
    assert can_be_sifted(status, headers) is sifted


CHUNKS = (
    '{"choices": [{"index": 0, "delta": {"role": "assistant"}}], "usage": null}',
    '{"choices": [], "prompt_filter_results": [], "usage": null}',
    r'{"choices": [{"index": 0, "delta": {"content": "\"choices\": [], \"usage\": {}"}}]}',
    '{"choices": [{"index": 0, "delta": {}}], "usage": {"prompt_tokens": 3}}',
    '{"usage": {"prompt_tokens": 3}, "choices": null}',
    '{"choices": [], "usage": {"rubbish"}}',
)
USAGE = '{"choices": [], "usage": {"prompt_tokens": 3, "completion_tokens": 1}}'
LINE_ENDS = ("\n", "\r\n", "\r")


def event(data: str, end: str, head: str = "") -> bytes:
    """One event as it stands in a stream."""
    return f"{head}data: {data}{end}{end}".encode()


@st.composite
def streams(draw: st.DrawFn) -> tuple[bytes, bytes]:
    """(a stream with usage events in it, the same without them)."""
    end = draw(st.sampled_from(LINE_ENDS))
    head = draw(st.sampled_from(["", f": comment{end}", f"event: chunk{end}", end]))
    usage = event(USAGE, end)
    pieces = draw(
        st.lists(
            st.sampled_from([*(event(chunk, end, head) for chunk in CHUNKS), usage]), max_size=6
        )
    )
    last = draw(st.sampled_from([event("[DONE]", end), b"data: [DO", b"", event(USAGE, end)[:-2]]))
    kept = [piece for piece in pieces if piece != usage]
    whole = last.startswith(b"data: {")
    return b"".join([*pieces, last]), b"".join([*kept, b"" if whole else last])


@given(stream=streams(), edges=st.lists(st.integers(0, 1500), max_size=12))
def test_any_chunking_gives_the_stream_without_that_event(
    stream: tuple[bytes, bytes], edges: list[int]
) -> None:
    """Every other byte comes through, in order, however the network cuts and whatever line ends."""
    sent, expected = stream
    sieve = Sieve()
    cuts = [0, *sorted(min(edge, len(sent)) for edge in edges), len(sent)]

    seen = [sieve.feed(sent[start:end]) for start, end in pairwise(cuts)]

    assert b"".join([*seen, sieve.rest()]) == expected


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_an_event_is_handed_on_when_it_has_come(end: str) -> None:
    """Nothing waits for the event after it."""
    sieve = Sieve()

    for chunk in CHUNKS:
        sent = event(chunk, end)
        assert sieve.feed(sent) == sent
    assert sieve.feed(event(USAGE, end)) == b""
    assert sieve.feed(event("[DONE]", end)) == event("[DONE]", end)


def test_what_is_held_is_bounded() -> None:
    """A line without end is handed on, as no usage takes a megabyte to state."""
    sieve = Sieve()
    sent = [b'data: {"choices": [], "usage": {"x": "', *[b"y" * 100_000] * 30, b'"}}\n\n']

    seen = [sieve.feed(piece) for piece in sent]

    assert len(sieve.held) < 1_100_000
    assert b"".join([*seen, sieve.rest()]) == b"".join(sent)
