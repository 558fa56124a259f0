"""The same HTTP calls through each library, synchronous and not, and what the app sees of them."""

import asyncio
import re
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import httpx
import httpx2
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

import spanledger
from spanledger.instrumentation.estimation import drain

LIBRARIES = (httpx, httpx2)
CHAT_PATH = "/v1/chat/completions"
CHAT = {"model": "gpt-4o", "messages": [{"role": "user", "content": "canary-prompt"}]}
CHAT_STREAM = {**CHAT, "stream": True}


class Recording:
    """Spans of what is done while it is on."""

    def __init__(self) -> None:
        self.exporter = InMemorySpanExporter()
        self.provider = TracerProvider(shutdown_on_exit=False)
        self.provider.add_span_processor(SimpleSpanProcessor(self.exporter))

    @contextmanager
    def on(self) -> Generator[None]:
        """Record what is done inside."""
        spanledger.instrument(tracer_provider=self.provider)
        try:
            yield
        finally:
            spanledger.uninstrument()

    @property
    def spans(self) -> tuple[ReadableSpan, ...]:
        """What has ended, with what is still being estimated of it."""
        drain(30)
        return self.exporter.get_finished_spans()

    @property
    def span(self) -> ReadableSpan:
        """The only span."""
        (span,) = self.spans
        return span

    @property
    def facts(self) -> dict[str, Any]:
        """The attributes of the only span."""
        return dict(self.span.attributes or {})


@dataclass(frozen=True)
class Seen:
    """What the application saw: chunks, or an exception in every respect that it can test."""

    chunks: tuple[bytes, ...] = ()
    error: tuple[object, ...] = ()


def memory(library: Any, **answer: Any) -> Any:
    """A transport of the library's that gives this answer to everything."""

    def respond(_request: object) -> Any:
        return library.Response(200, **(answer or {"json": {"usage": {"prompt_tokens": 1}}}))

    return library.MockTransport(respond)


def answering(library: Any, **answer: Any) -> Any:
    """A client over such a transport."""
    return library.Client(transport=memory(library, **answer))


def describe(error: BaseException | None) -> tuple[object, ...]:
    """An exception as a value: type, arguments, text, and what it came from."""
    if error is None:
        return ()
    cause, context = error.__cause__, error.__context__
    return (
        type(error),
        tuple(_text(argument) for argument in error.args),
        _text(error),
        type(cause),
        _text(cause),
        type(context),
        _text(context),
        error.__suppress_context__,
    )


def _text(value: object) -> str:
    """Its text, without the addresses of objects, which differ from call to call."""
    return re.sub(r" at 0x[0-9a-f]+", "", str(value))


def post(library: Any, mode: str, url: str, body: object, **options: Any) -> Seen:
    """POST and read the answer's raw bytes, `mode` being sync or async, whole or stream."""
    stream = mode.endswith("stream")
    if mode.startswith("async"):
        return asyncio.run(_post_async(library, url, body, stream=stream, **options))
    return _post_sync(library, url, body, stream=stream, **options)


MODES = ("sync", "sync stream", "async", "async stream")


def _post_sync(
    library: Any, url: str, body: object, *, stream: bool, transport: Any = None
) -> Seen:
    chunks: list[bytes] = []
    client = library.Client(verify=False, trust_env=False, transport=transport)
    with client:
        try:
            if not stream:
                return Seen((client.post(url, json=body).content,))
            with client.stream("POST", url, json=body) as response:
                chunks.extend(response.iter_raw())
        except library.HTTPError as error:
            return Seen(tuple(chunks), describe(error))
    return Seen(tuple(chunks))


async def _post_async(
    library: Any, url: str, body: object, *, stream: bool, transport: Any = None
) -> Seen:
    chunks: list[bytes] = []
    client = library.AsyncClient(verify=False, trust_env=False, transport=transport)
    async with client:
        try:
            if not stream:
                return Seen(((await client.post(url, json=body)).content,))
            async with client.stream("POST", url, json=body) as response:
                chunks.extend([chunk async for chunk in response.aiter_raw()])
        except library.HTTPError as error:
            return Seen(tuple(chunks), describe(error))
    return Seen(tuple(chunks))
