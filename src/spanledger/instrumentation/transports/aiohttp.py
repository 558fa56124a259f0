"""The shell for aiohttp.

A session sends each request, each redirect and each retry of a middleware apart, through the
middlewares of its client: ours is put below the app's own. What the parser then hands to the body
is shown to the exchange as it arrives, its content encoding undone where the session does that.
"""

import sys
import weakref
from collections.abc import Awaitable, Callable, Iterable, Mapping, MutableMapping
from dataclasses import dataclass
from functools import cache, wraps
from types import ModuleType
from typing import TYPE_CHECKING, Any, Final, Protocol, cast

from spanledger.instrumentation.asking import can_be_sifted
from spanledger.instrumentation.batches import worth_a_look
from spanledger.instrumentation.exchange import Exchange, Recorder
from spanledger.instrumentation.guard import guarded
from spanledger.instrumentation.patch import Patch, patch_method
from spanledger.instrumentation.sifting import Sifting, asking_parts
from spanledger.instrumentation.wire import PlainRequest

__all__ = ["TappedReader", "patch"]

_MIDDLEWARES: Final = "middlewares"
_ACCEPT_ENCODING: Final = "Accept-Encoding"

_Own = tuple[object, str | None]
"""(body, accepted encodings) of a request as the app made it."""


class AsyncRequest(Protocol):
    """`aiohttp.ClientRequest`, as a middleware gets it."""

    method: str
    url: object
    headers: MutableMapping[str, str]
    body: object

    async def update_body(self, body: object) -> None:
        """Give it another body, with the headers that belong to it."""
        ...


class AsyncResponse(Protocol):
    """`aiohttp.ClientResponse`."""

    status: int
    content: object

    @property
    def headers(self) -> Mapping[str, str]:
        """By name, whatever its case."""
        ...


Handler = Callable[[AsyncRequest], Awaitable[AsyncResponse]]


class OldAiohttp(Exception):
    """aiohttp before 3.12 knows no middlewares; its requests are not recorded."""


def patch(module: ModuleType, recorder: Recorder) -> list[Patch]:
    """Put our shell on the session of `module`, which is aiohttp.

    Raises:
        OldAiohttp: it is older than 3.12.
    """
    if not hasattr(module, "ClientMiddlewareType"):
        raise OldAiohttp
    return [patch_method(module.ClientSession, "_request", _shell, recorder)]


def _shell(patched: Patch) -> Callable[..., Awaitable[AsyncResponse]]:
    original = cast("Callable[..., Awaitable[AsyncResponse]]", patched.original)

    @wraps(original)
    async def request(
        session: object, method: str, *args: object, **options: object
    ) -> AsyncResponse:
        recorder = patched.recorder
        if recorder is not None:
            with guarded("follow a session"):
                if worth_a_look(str(method).upper(), args[0] if args else ""):
                    options = _with_ours(recorder, session, options)
        return await original(session, method, *args, **options)

    return request


def _with_ours(
    recorder: Recorder, session: object, options: dict[str, object]
) -> dict[str, object]:
    """The options with our middleware below those that the app has for the call or the session."""
    theirs = _option(options, session, _MIDDLEWARES) or ()
    decoded = bool(_option(options, session, "auto_decompress"))

    async def record(request: AsyncRequest, handler: Handler) -> AsyncResponse:
        exchange = None
        with guarded("read a request"):
            exchange = recorder.begin(_plain(request))
        if exchange is None:
            return await handler(request)
        own = await _ask(recorder, request)
        try:
            with exchange.sending():
                response = await handler(request)
        finally:
            await _give_back(request, own)
        _watch(exchange, response, decoded=decoded, asked=own is not None)
        return response

    return {**options, _MIDDLEWARES: (*cast("Iterable[object]", theirs), record)}


def _option(options: Mapping[str, object], session: object, name: str) -> object:
    """What is said for the call, else for the session."""
    value = options.get(name)
    return getattr(session, f"_{name}") if value is None else value


def _plain(request: AsyncRequest) -> PlainRequest:
    # What is a stream has no bytes to be read, or may have them only once.
    body = getattr(request.body, "_value", b"")
    return PlainRequest(request.method, request.url, request.headers, body)


async def _ask(recorder: Recorder, request: AsyncRequest) -> _Own | None:
    """Have the request ask for usage; what it had before, `None` where it asks as it is."""
    if not recorder.settings.ask_for_usage:
        return None
    with guarded("ask for usage"):
        plain = _plain(request)
        body = getattr(request.body, "_value", None)
        parts = asking_parts(recorder.settings, plain.url, request.headers, body)
        if parts is None:
            return None
        own = body, request.headers.get(_ACCEPT_ENCODING)
        await request.update_body(parts[0])
        request.headers[_ACCEPT_ENCODING] = "identity"
        return own
    return None


async def _give_back(request: AsyncRequest, own: _Own | None) -> None:
    """Give the request what it had: another middleware may send it again."""
    if own is None:
        return
    with guarded("ask for usage"):
        await request.update_body(own[0])
        if own[1] is None:
            del request.headers[_ACCEPT_ENCODING]
        else:
            request.headers[_ACCEPT_ENCODING] = own[1]


def _watch(
    exchange: Exchange, response: AsyncResponse, *, decoded: bool, asked: bool = False
) -> None:
    with guarded("watch an answer"):
        if exchange.answered(response.status, response.headers):
            sifting = None
            if asked and can_be_sifted(response.status, response.headers):
                sifting = Sifting()
            _tap(exchange, response, decoded=decoded, sifting=sifting)
            return
    exchange.end(ended=False)


def _tap(
    exchange: Exchange, response: AsyncResponse, *, decoded: bool, sifting: Sifting | None
) -> None:
    reader = cast("Any", response.content)
    for chunk in getattr(reader, "_buffer", ()):
        # It came together with the head.
        exchange.feed(chunk, decoded=decoded)
    if sifting is not None:
        _sift_buffer(reader, sifting)
    if reader.is_eof():
        exchange.end(ended=True)
        return
    exchange.ends_with(response)
    place = id(reader)
    _taps[place] = _Tap(exchange, decoded=decoded, sifting=sifting)
    weakref.finalize(response, _forget, place)  # before the other: the later one comes first
    reader.__class__ = _tapped(cast("type[object]", type(reader)))


def _sift_buffer(reader: Any, sifting: Sifting) -> None:  # noqa: ANN401 - aiohttp's own
    """Take the event out of what waits in the reader already."""
    data = b"".join(reader._buffer)  # noqa: SLF001 - there is no other way in
    kept = sifting.feed(data) + (sifting.rest() if reader.is_eof() else b"")
    if kept != data:
        reader._buffer.clear()  # noqa: SLF001
        reader._buffer.extend([kept] if kept else [])  # noqa: SLF001
        reader._size += len(kept) - len(data)  # noqa: SLF001
        reader.total_bytes += len(kept) - len(data)


@dataclass(slots=True)
class _Tap:
    """What is known of a body under way."""

    exchange: Exchange
    decoded: bool
    sifting: Sifting | None = None
    """What takes the usage out that the app has not asked for."""
    stopped_by: type[BaseException] | None = None
    """What the app's last wait for more ended with instead; it may wait again. The exception itself
    would hold all that stands on its stack, the response too."""

    def give_up(self) -> None:
        """The app wants no more, be it of its own accord or since it was cancelled or timed out."""
        kind = self.stopped_by
        told = kind is not None and not issubclass(kind, GeneratorExit)
        self.exchange.end(ended=False, error=kind.__new__(kind) if kind and told else None)


_taps: Final[dict[int, _Tap]] = {}
"""By the identity of a body under way, as a `StreamReader` has no place for a member more, nor for
a weak reference. An entry lives no longer than the response that holds the body."""


def _forget(place: int) -> None:
    tap = _taps.pop(place, None)
    if tap is not None and tap.stopped_by is not None:
        with guarded("forget an answer"):
            tap.give_up()


@cache
def _tapped(kind: type[object]) -> type[object]:
    members = {"__module__": kind.__module__, "__slots__": ()}
    return type(kind.__name__, (TappedReader, kind), members)


if TYPE_CHECKING:

    class _Reader:
        def feed_data(self, data: bytes, *_: object) -> object: ...
        def feed_eof(self) -> None: ...
        def set_exception(self, exc: BaseException, *_: object) -> None: ...
        async def _wait(self, *_: object) -> None: ...

else:

    class _Reader:
        __slots__ = ()


class TappedReader(_Reader):
    """Over `aiohttp.StreamReader`: what the parser says to the body, it says to the exchange too.

    The class of the very body is replaced by one that has this in front, so that the object stays
    the one that the parser knows, and the app reads as ever.
    """

    __slots__ = ()

    def feed_data(self, data: bytes, *args: object) -> object:
        """Bytes have arrived."""
        tap = _taps.get(id(self))
        if tap is None:
            return super().feed_data(data, *args)
        kept = data if tap.sifting is None else tap.sifting.feed(data)
        result = super().feed_data(kept, *args) if kept or not data else False
        if data:
            tap.exchange.feed(data, decoded=tap.decoded)
        return result

    def feed_eof(self) -> None:
        """The end has arrived."""
        self._spanledger_release()
        super().feed_eof()
        if (tap := _taps.pop(id(self), None)) is not None:
            tap.exchange.end(ended=True)

    def set_exception(self, exc: BaseException, *args: object) -> None:
        """Nothing more can arrive, or the app wants no more of it."""
        self._spanledger_release()
        super().set_exception(exc, *args)
        if (tap := _taps.pop(id(self), None)) is None:
            return
        # An app that closes or releases an answer gets the bare class, which is no failure.
        if type(exc).__name__ != "ClientConnectionError":
            tap.exchange.end(ended=False, error=exc)
            return
        with guarded("close an answer"):
            tap.give_up()

    async def _wait(self, *args: object) -> None:
        """The app waits for more; whoever cancels it then cancels the call."""
        tap, came = _taps.get(id(self)), False
        try:
            await super()._wait(*args)
            came = True
        finally:
            if tap is not None:
                tap.stopped_by = None if came else sys.exc_info()[0]

    def _spanledger_release(self) -> None:
        """Hand on what is held of an event that does not come to its end."""
        tap = _taps.get(id(self))
        if tap is not None and tap.sifting is not None and (rest := tap.sifting.rest()):
            super().feed_data(rest)
