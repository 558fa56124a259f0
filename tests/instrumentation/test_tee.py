"""The tee is the library's kind of stream, and no different to whom it serves."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest

from spanledger.instrumentation.tee import SyncTee
from tests.instrumentation.calls import (
    CHAT_PATH,
    CHAT_STREAM,
    Recording,
    answering,
    describe,
    memory,
)

URL = "http://provider" + CHAT_PATH


def failing_body(library: Any, closed: list[str]) -> Any:
    """A body that breaks at its second chunk, and fails again when it is closed."""

    class Body(library.SyncByteStream, library.AsyncByteStream):
        def __iter__(self) -> Iterator[bytes]:
            yield b"one"
            raise library.ReadError(*("broken",))

        async def __aiter__(self) -> AsyncIterator[bytes]:
            yield b"one"
            raise library.ReadError(*("broken",))

        def close(self) -> None:
            closed.append("sync")
            raise library.CloseError(*("not even closed",))

        async def aclose(self) -> None:
            closed.append("async")
            raise library.CloseError(*("not even closed",))

    return Body()


def read_sync(library: Any) -> tuple[object, ...]:
    """What the app sees of such a body, read and then closed."""
    closed: list[str] = []
    seen: list[object] = []
    with answering(library, stream=failing_body(library, closed)) as client:
        response = client.send(client.build_request("POST", URL, json=CHAT_STREAM), stream=True)
        for step in (response.read, response.close):
            try:
                seen.append(step())
            except library.TransportError as error:
                seen.append(describe(error))
    return (*seen, *closed)


def read_async(library: Any) -> tuple[object, ...]:
    """The same, asynchronously."""
    closed: list[str] = []
    seen: list[object] = []

    async def call() -> None:
        transport = memory(library, stream=failing_body(library, closed))
        async with library.AsyncClient(transport=transport) as client:
            request = client.build_request("POST", URL, json=CHAT_STREAM)
            response = await client.send(request, stream=True)
            for step in (response.aread, response.aclose):
                try:
                    seen.append(await step())
                except library.TransportError as error:
                    seen.append(describe(error))

    asyncio.run(call())
    return (*seen, *closed)


@pytest.mark.parametrize("read", [read_sync, read_async])
def test_a_failing_body_fails_the_same(recording: Recording, library: Any, read: Any) -> None:
    """Errors of reading and of closing reach the app as they are; the span tells the first."""
    without_us = read(library)
    with recording.on():
        with_us = read(library)

    assert with_us == without_us
    assert recording.facts["error.type"] == f"{library.__name__}.ReadError"


def test_the_tee_passes_for_the_stream_it_replaces(recording: Recording, library: Any) -> None:
    """It is of the library's class, and has the members of what it stands for."""

    class Body(library.SyncByteStream):
        def __iter__(self) -> Iterator[bytes]:
            yield b"{}"

    with recording.on(), answering(library, stream=Body()) as client:
        request = client.build_request("POST", URL, json=CHAT_STREAM)
        response = client.send(request, stream=True)
        tee = response.stream

        assert isinstance(tee, library.SyncByteStream)
        assert tee._start > 0  # a member of the library's own wrapper
        assert not hasattr(tee, "no_such_member")
        unmade = SyncTee.__new__(SyncTee)
        assert not hasattr(unmade, "anything")
        response.close()
