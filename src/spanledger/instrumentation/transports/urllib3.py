"""What requests and botocore have in common: one method that sends, and answers of urllib3's.

The class of the very answer is replaced by a subclass that shows what is read of it to the
exchange. The object stays the one that its library made, with all that others read of it, and is
collected when it would be: a method put on the object itself would hold it in a cycle, and keep a
forgotten connection open.
"""

from collections.abc import Callable, Generator, Mapping
from functools import cache, wraps
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, Protocol, TypeAlias, cast

from spanledger.instrumentation.batches import worth_a_look
from spanledger.instrumentation.exchange import Exchange, Recorder
from spanledger.instrumentation.guard import guarded
from spanledger.instrumentation.patch import Patch, Shell
from spanledger.instrumentation.sifting import (
    AS_IT_IS,
    Changed,
    Sifting,
    asking_parts,
    kept_error,
    sifted_content,
    sifting_of,
)
from spanledger.instrumentation.wire import PlainRequest, PlainUrl

__all__ = [
    "BodyReading",
    "SiftedBody",
    "SiftedFile",
    "TappedBody",
    "TappedFile",
    "sending_shell",
]

_LOOKED_AT: Final = ("POST", "GET")

Decode: TypeAlias = bool | None
"""Whether urllib3 undoes the content encoding; `None` is what is set for the whole body."""


class SyncResponse(Protocol):
    """`requests.Response` and `botocore.awsrequest.AWSResponse`."""

    status_code: int
    headers: Mapping[str, str]
    raw: object


def sending_shell(*, decoded: bool) -> Shell:
    """A shell around a method that sends a request once.

    Args:
        decoded: the library undoes the content encoding of a body that it has read itself.
    """

    def shell(patched: Patch) -> Callable[..., SyncResponse]:
        original = patched.original

        @wraps(original)
        def send(sender: object, request: object, *args: object, **options: object) -> SyncResponse:
            recorder = patched.recorder
            exchange = _begin(recorder, request) if recorder is not None else None
            if exchange is None:
                return original(sender, request, *args, **options)
            changed = _asking(recorder, request)
            with exchange.sending(), changed:
                response = original(sender, request, *args, **options)
            _watch(exchange, response, decoded=decoded)
            if changed.parts:
                _sift(changed, response)
            return response

        return send

    return shell


def _begin(recorder: Recorder, request: object) -> Exchange | None:
    method = getattr(request, "method", "")
    if method not in _LOOKED_AT:
        # The guard costs more than the look.
        return None
    with guarded("read a request"):
        url = getattr(request, "url", "")
        if not worth_a_look(method, url):
            return None
        headers = getattr(request, "headers", {})
        plain = PlainRequest(method, url, headers, getattr(request, "body", b""))
        return recorder.begin(plain)
    return None


def _asking(recorder: Recorder | None, request: object) -> Changed:
    """The request as it is sent: with another body where it is to ask for usage."""
    if recorder is None or not recorder.settings.ask_for_usage:
        return AS_IT_IS
    with guarded("ask for usage"):
        sent = cast("Any", request)
        parts = asking_parts(recorder.settings, PlainUrl(str(sent.url)), sent.headers, sent.body)
        if parts is not None:
            return Changed(request, {"body": parts[0], "headers": parts[1]})
    return AS_IT_IS


def _sift(changed: Changed, response: SyncResponse) -> None:
    with guarded("sift a stream"):
        sifting = sifting_of(changed, response.status_code, response.headers)
        if sifting is None:
            return
        content: object = getattr(response, "_content", None)
        raw = cast("Any", response.raw)
        if isinstance(content, bytes):
            vars(response)["_content"] = sifted_content(sifting, content)
        elif hasattr(raw, "read_chunked"):
            vars(raw)["_spanledger_sifting"] = sifting
            raw.__class__ = _sifted(cast("type[object]", type(raw)))
        elif hasattr(raw, "read"):
            response.raw = SiftedFile(raw, sifting)


def _watch(exchange: Exchange, response: SyncResponse, *, decoded: bool) -> None:
    with guarded("watch an answer"):
        if exchange.answered(response.status_code, response.headers):
            content: object = getattr(response, "_content", None)
            if isinstance(content, bytes):
                exchange.feed(content, decoded=decoded)
                exchange.end(ended=_came_whole(response.raw))
            elif hasattr(response.raw, "read"):
                exchange.ends_with(_tap(exchange, response))
                return
    exchange.end(ended=False)


def _came_whole(raw: object) -> bool:
    """Whether no byte is missing that was announced; botocore has urllib3 not complain of it."""
    with guarded("see whether a body came whole"):
        return not getattr(raw, "length_remaining", None)
    return False


def _tap(exchange: Exchange, response: SyncResponse) -> object:
    raw = cast("Any", response.raw)
    if not hasattr(raw, "read_chunked"):
        # An adapter of the app's own may answer with any file.
        response.raw = raw = TappedFile(raw, exchange)
        return raw
    vars(raw)["_spanledger_reading"] = BodyReading(exchange)
    raw.__class__ = _tapped(cast("type[object]", type(raw)))
    return raw


class BodyReading:
    """Around each piece that is read of a body: ends the exchange with the error that comes."""

    __slots__ = ("exchange", "now")

    def __init__(self, exchange: Exchange) -> None:
        self.exchange = exchange
        self.now = False
        """A piece is being read."""

    def __enter__(self) -> None:
        self.now = True

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.now = False
        if error is not None:
            self.exchange.end(ended=False, error=error)


@cache
def _tapped(kind: type[object]) -> type[object]:
    tapped = TappedBodyOfToday if hasattr(kind, "read1") else TappedBody
    return type(kind.__name__, (tapped, kind), {"__module__": kind.__module__})


if TYPE_CHECKING:

    class _Body:
        decode_content: bool

        def read(
            self, amt: int | None, decode_content: Decode, *_: object, **__: object
        ) -> bytes: ...
        def read1(self, amt: int | None, decode_content: Decode) -> bytes: ...
        def read_chunked(self, amt: int | None, decode_content: Decode) -> Generator[bytes]: ...
        def stream(self, *_: object, **__: object) -> Generator[bytes]: ...
        def close(self) -> None: ...

else:
    _Body = object


class TappedBody(_Body):
    """Over `urllib3.HTTPResponse`: all its ways to read lead to the three that feed here."""

    _spanledger_reading: BodyReading

    def read(
        self,
        amt: int | None = None,
        decode_content: Decode = None,
        *args: object,
        **options: object,
    ) -> bytes:
        """Some bytes of the body, or all; none at its end."""
        with self._spanledger_reading:
            data = super().read(amt, decode_content, *args, **options)
        self._spanledger_feed(data, decode_content)
        if amt is None or amt < 0 or not (data or amt == 0):
            self._spanledger_reading.exchange.end(ended=_came_whole(self))
        return data

    def read_chunked(
        self, amt: int | None = None, decode_content: Decode = None
    ) -> Generator[bytes]:
        """The chunks of the transfer encoding."""
        chunks = super().read_chunked(amt, decode_content)
        try:
            while True:
                with self._spanledger_reading:
                    chunk = next(chunks, None)
                if chunk is None:
                    break
                # It decodes only where it is told to, whatever is set for the whole body.
                self._spanledger_reading.exchange.feed(chunk, decoded=bool(decode_content))
                yield chunk
        finally:
            # An app that iterates no further may go on with another iterator: it ends nothing yet.
            chunks.close()
        self._spanledger_reading.exchange.end(ended=_came_whole(self))

    def stream(self, *args: object, **options: object) -> Generator[bytes]:
        """The whole body, piece by piece."""
        yield from super().stream(*args, **options)
        self._spanledger_reading.exchange.end(ended=_came_whole(self))

    def close(self) -> None:
        """Close the connection; the exchange is over, read or not."""
        try:
            super().close()
        finally:
            # urllib3 closes what has failed before it says so.
            if not self._spanledger_reading.now:
                self._spanledger_reading.exchange.end(ended=False)

    def _spanledger_feed(self, data: bytes, decode_content: Decode) -> None:
        if data:
            decoded = self.decode_content if decode_content is None else decode_content
            self._spanledger_reading.exchange.feed(data, decoded=decoded)


class TappedBodyOfToday(TappedBody):
    """Over those of urllib3 since 2.3, which have one way more."""

    def read1(self, amt: int | None = None, decode_content: Decode = None) -> bytes:
        """What is there, or comes next; none at its end."""
        with self._spanledger_reading:
            data = super().read1(amt, decode_content)
        self._spanledger_feed(data, decode_content)
        if not (data or amt == 0):
            self._spanledger_reading.exchange.end(ended=_came_whole(self))
        return data


class TappedFile:
    """In the place of a body that is no urllib3 response, and has what a file has."""

    def __init__(self, file: Any, exchange: Exchange) -> None:  # noqa: ANN401 - the app's own
        self._file = file
        self._reading = BodyReading(exchange)

    def read(self, *args: object) -> bytes:
        """Some bytes of the body, or all; none at its end."""
        with self._reading:
            data = cast("bytes", self._file.read(*args))
        if data:
            self._reading.exchange.feed(data)
        if not (data and args):
            self._reading.exchange.end(ended=True)
        return data

    def close(self) -> None:
        """Close the file; the exchange is over, read or not."""
        try:
            self._file.close()
        finally:
            self._reading.exchange.end(ended=False)

    def __getattr__(self, name: str) -> object:
        return getattr(object.__getattribute__(self, "_file"), name)


@cache
def _sifted(kind: type[object]) -> type[object]:
    sifted = SiftedBodyOfToday if hasattr(kind, "read1") else SiftedBody
    return type(kind.__name__, (sifted, kind), {"__module__": kind.__module__})


class SiftedBody(_Body):
    """Over a tapped body: the exchange has seen all of it, the app sees it without one event."""

    _spanledger_sifting: Sifting

    def read(
        self,
        amt: int | None = None,
        decode_content: Decode = None,
        *args: object,
        **options: object,
    ) -> bytes:
        """Some bytes of the body, or all; none at its end."""
        below = super().read
        return self._spanledger_sifting.read(
            amt, lambda amount: below(amount, decode_content, *args, **options)
        )

    def read_chunked(
        self, amt: int | None = None, decode_content: Decode = None
    ) -> Generator[bytes]:
        """The chunks of the transfer encoding."""
        sifting = self._spanledger_sifting
        with kept_error() as failure:
            for chunk in super().read_chunked(amt, decode_content):
                if kept := sifting.feed(chunk):
                    yield kept
        if rest := sifting.rest():
            yield rest
        failure.raise_it()

    def stream(self, *args: object, **options: object) -> Generator[bytes]:
        """The whole body, piece by piece."""
        yield from super().stream(*args, **options)
        if left := self._spanledger_sifting.left():
            yield left


class SiftedBodyOfToday(SiftedBody):
    """Over those of urllib3 since 2.3."""

    def read1(self, amt: int | None = None, decode_content: Decode = None) -> bytes:
        """What is there, or comes next; none at its end."""
        below = super().read1
        return self._spanledger_sifting.read_some(amt, lambda amount: below(amount, decode_content))


class SiftedFile:
    """The same over what is no urllib3 response."""

    def __init__(self, file: Any, sifting: Sifting) -> None:  # noqa: ANN401 - the app's own
        self._file = file
        self._sifting = sifting

    def read(self, amount: int | None = None) -> bytes:
        """Some bytes of the body, or all; none at its end."""
        read = cast("Callable[..., bytes]", self._file.read)
        return self._sifting.read(amount, lambda asked: read() if asked is None else read(asked))

    def __getattr__(self, name: str) -> object:
        return getattr(object.__getattribute__(self, "_file"), name)
