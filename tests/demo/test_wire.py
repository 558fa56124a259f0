import gzip
import zlib

import anyio
from starlette.types import Message, Receive, Scope

from spanledger.demo.wire import Delivery, compact, indented, new_id, server_sent

SCOPE: Scope = {"type": "http"}


def sent_by(delivery: Delivery) -> list[Message]:
    """The ASGI messages that `delivery` sends."""
    messages: list[Message] = []

    async def receive() -> Message:
        return {"type": "http.disconnect"}

    async def send(message: Message) -> None:
        messages.append(message)

    async def run(receive: Receive) -> None:
        await delivery(SCOPE, receive, send)

    anyio.run(run, receive)
    return messages


def test_a_body_states_its_length() -> None:
    """What is no stream goes as one message with its length."""
    start, body = sent_by(Delivery(status=201, parts=(b"a", b"bc"), headers={"x-a": "1"}))
    assert start["status"] == 201
    assert start["headers"] == [(b"x-a", b"1"), (b"content-length", b"3")]
    assert (body["body"], body["more_body"]) == (b"abc", False)


def test_a_compressed_stream_can_be_read_event_by_event() -> None:
    """Each event is flushed, so that a reader has it as soon as its bytes arrive."""
    parts = (b"data: one\n\n", b"data: two\n\n", b"data: three\n\n")
    start, *bodies = sent_by(Delivery(status=200, parts=parts, headers={}, stream=True, gzip=True))
    decoder = zlib.decompressobj(wbits=31)
    assert start["headers"] == [(b"content-encoding", b"gzip")]
    assert [decoder.decompress(body["body"]) for body in bodies] == list(parts)
    assert decoder.eof
    assert [body["more_body"] for body in bodies] == [True, True, False]


def test_a_compressed_body_is_gzip() -> None:
    """A body is compressed as a whole and states the length of what is sent."""
    start, body = sent_by(Delivery(status=200, parts=(b"x" * 1000,), headers={}, gzip=True))
    assert gzip.decompress(body["body"]) == b"x" * 1000
    assert (b"content-length", str(len(body["body"])).encode()) in start["headers"]


def test_a_cut_delivery_stops_in_the_middle_and_reports_nothing() -> None:
    """Half is sent, the end is not, and nobody hears that all was said."""
    told: list[str] = []
    cut = Delivery(
        status=200,
        parts=(b"1111", b"2222", b"3333", b"4444"),
        headers={},
        stream=True,
        cut=True,
        before_last=lambda: told.append("told"),
    )
    _, *bodies = sent_by(cut)
    assert b"".join(body["body"] for body in bodies) == b"1111222233"
    assert all(body["more_body"] for body in bodies)
    assert told == []


def test_a_cut_body_promises_more_than_it_sends() -> None:
    """The length is that of the whole body, so the reader notices the loss."""
    start, body = sent_by(Delivery(status=200, parts=(b"12345678",), headers={}, cut=True))
    assert start["headers"] == [(b"content-length", b"8")]
    assert (body["body"], body["more_body"]) == (b"1234", True)


def test_events_end_their_lines_as_told() -> None:
    """Both line ends that providers use are possible."""
    assert server_sent("{}", event="ping") == b"event: ping\ndata: {}\n\n"
    assert server_sent("{}", newline="\r\n") == b"data: {}\r\n\r\n"


def test_json_keeps_its_letters() -> None:
    """Text beyond ASCII travels as UTF-8, as with the real providers."""
    assert compact({"a": "é", "b": 1}) == '{"a":"é","b":1}'
    assert indented({"a": "é"}) == '{\n  "a": "é"\n}\n'.encode()


def test_ids_are_not_repeated() -> None:
    """Each answer can be told from every other."""
    ids = {new_id("resp_", 48) for _ in range(100)}
    assert len(ids) == 100
    assert {len(identity) for identity in ids} == {53}
