"""The shell for aiohttp.

A session sends each request, each redirect and each retry of a middleware apart, through the
middlewares of its client: ours is put below the app's own. What the parser then hands to the body
is shown to the exchange as it arrives, its content encoding undone where the session does that.
"""

import sys
import weakref
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cache, wraps
from types import ModuleType
from typing import TYPE_CHECKING, Any, Final, Protocol, cast

from spanledger.instrumentation.batches import worth_a_look
from spanledger.instrumentation.exchange import Exchange, Recorder
from spanledger.instrumentation.guard import guarded
from spanledger.instrumentation.patch import Patch, patch_method
from spanledger.instrumentation.wire import PlainRequest

__all__ = ["TappedReader", "patch"]

_MIDDLEWARES: Final = "middlewares"


class AsyncRequest(Protocol):
    """`aiohttp.ClientRequest`, as a middleware gets it."""

    method: str
    url: object
    headers: Mapping[str, str]
    body: object


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
        with exchange.sending():
            response = await handler(request)
        _watch(exchange, response, decoded=decoded)
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


def _watch(exchange: Exchange, response: AsyncResponse, *, decoded: bool) -> None:
    with guarded("watch an answer"):
        if exchange.answered(response.status, response.headers):
            _tap(exchange, response, decoded=decoded)
            return
    exchange.end(ended=False)


def _tap(exchange: Exchange, response: AsyncResponse, *, decoded: bool) -> None:
    reader = cast("Any", response.content)
    for chunk in getattr(reader, "_buffer", ()):
        # It came together with the head.
        exchange.feed(chunk, decoded=decoded)
    if reader.is_eof():
        exchange.end(ended=True)
        return
    exchange.ends_with(response)
    place = id(reader)
    _taps[place] = _Tap(exchange, decoded=decoded)
    weakref.finalize(response, _forget, place)  # before the other: the later one comes first
    reader.__class__ = _tapped(cast("type[object]", type(reader)))


@dataclass(slots=True)
class _Tap:
    """What is known of a body under way."""

    exchange: Exchange
    decoded: bool
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
        result = super().feed_data(data, *args)
        if data and (tap := _taps.get(id(self))) is not None:
            tap.exchange.feed(data, decoded=tap.decoded)
        return result

    def feed_eof(self) -> None:
        """The end has arrived."""
        super().feed_eof()
        if (tap := _taps.pop(id(self), None)) is not None:
            tap.exchange.end(ended=True)

    def set_exception(self, exc: BaseException, *args: object) -> None:
        """Nothing more can arrive, or the app wants no more of it."""
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
