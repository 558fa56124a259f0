"""A request that asks for usage while it is sent, and an answer that does not show that it did."""

from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator, Mapping
from types import MappingProxyType, TracebackType
from typing import Any, Final, Self, cast

from spanledger.instrumentation.asking import (
    Sieve,
    asking_body,
    can_be_sifted,
    is_signed,
    is_to_be_asked,
)
from spanledger.instrumentation.guard import guarded
from spanledger.instrumentation.wire import AsyncBody, HttpUrl, SyncBody
from spanledger.settings import Settings

__all__ = [
    "AS_IT_IS",
    "AsyncSifted",
    "Changed",
    "Sifted",
    "Sifting",
    "SyncSifted",
    "asking_parts",
    "kept_error",
    "sifted_class",
    "sifted_content",
    "sifting_of",
]

_NONE: Final[Mapping[str, object]] = MappingProxyType({})


class Changed:
    """A request that has other parts as long as it is sent, and then its own again.

    It has all of them or none: a body without its headers is no request.
    """

    __slots__ = ("_own", "_request", "parts")

    def __init__(self, request: object, parts: Mapping[str, object] = _NONE) -> None:
        self._request = request
        self.parts = parts
        """What it has instead, by the names of the members; nothing once that has failed."""
        self._own: dict[str, object] = {}

    def __enter__(self) -> None:
        if not self.parts:
            return
        wanted, self.parts = self.parts, _NONE
        with guarded("ask for usage"):
            for name, part in wanted.items():
                self._own[name] = getattr(self._request, name)
                setattr(self._request, name, part)
            self.parts = wanted
        if self.parts is not wanted:
            self.__exit__()

    def __exit__(self, *_: object) -> None:
        while self._own:
            with guarded("ask for usage"):
                setattr(self._request, *self._own.popitem())


AS_IT_IS: Final = Changed(None)
"""A request that nothing is asked with."""


def asking_parts(
    settings: Settings,
    url: HttpUrl,
    headers: Any,  # noqa: ANN401 - each library has its own
    body: object,
) -> tuple[bytes, Any] | None:
    """(body, headers) of a request that asks for usage too; `None` where there is nothing to ask.

    The answer is asked for as it is, for the event that states the usage is to be found in it.
    """
    if not is_to_be_asked(url, settings.endpoints) or is_signed(headers):
        return None
    if isinstance(body, str):
        body = body.encode()
    asking = asking_body(body) if isinstance(body, bytes) else None
    if asking is None:
        return None
    changed = headers.copy()
    if "content-length" in headers:
        changed["content-length"] = str(len(asking))
    changed["accept-encoding"] = "identity"
    return asking, changed


def sifting_of(changed: Changed, status: int, headers: Mapping[str, str]) -> "Sifting | None":
    """What takes the event out of the answer; `None` where the answer is to be left as it is."""
    if not changed.parts:
        return None
    with guarded("sift a stream"):
        return Sifting() if can_be_sifted(status, headers) else None
    return None


def sifted_content(sifting: "Sifting", content: bytes) -> bytes:
    """A whole body without the event."""
    return sifting.feed(content) + sifting.rest()


class Sifting:
    """The bytes of an answer, less one event. Should that fail, all bytes pass from there on."""

    __slots__ = ("_pending", "_sieve")

    def __init__(self) -> None:
        self._sieve: Sieve | None = Sieve()
        self._pending = b""

    def feed(self, data: bytes) -> bytes:
        """What the app may see now; it may be nothing."""
        sieve, self._sieve = self._sieve, None
        if sieve is None:
            return data
        kept = sieve.held + data
        with guarded("sift a stream"):
            kept = sieve.feed(data)
            self._sieve = sieve
        return kept

    def rest(self) -> bytes:
        """What is left at the end."""
        rest = b""
        if self._sieve is not None:
            rest = self._sieve.held
            with guarded("sift a stream"):
                rest = self._sieve.rest()
        self._sieve = None
        return rest

    def read(self, amount: int | None, below: Callable[[int | None], bytes]) -> bytes:
        """So much of what `below` reads as was asked for, or all."""
        if amount is not None and amount >= 0:
            return self.read_some(amount, below)
        data, self._pending = self._pending + self.feed(below(amount)), b""
        return data + self.rest()

    def read_some(self, amount: int | None, below: Callable[[int | None], bytes]) -> bytes:
        """What comes next, at most `amount` bytes: none only at the end of what `below` reads."""
        while amount != 0 and not self._pending:
            data = below(amount)
            self._pending = self.feed(data) if data else self.rest()
            if not data:
                break
        end = len(self._pending) if amount is None or amount < 0 else amount
        data, self._pending = self._pending[:end], self._pending[end:]
        return data

    def left(self) -> bytes:
        """What has been read and not been handed on, and the rest."""
        left, self._pending = self._pending + self.rest(), b""
        return left


class kept_error:  # noqa: N801 - read as a statement: with kept_error() as failure
    """Keeps the error that ends the block, for what is left of the bytes is to come before it."""

    __slots__ = ("_error",)

    def __init__(self) -> None:
        self._error: Exception | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> bool:
        if isinstance(error, Exception):
            self._error = error
            return True
        return False

    def raise_it(self) -> None:
        """Raise it now, if there is one."""
        error, self._error = self._error, None
        if error is not None:
            try:
                raise error
            finally:
                # The error knows this frame; it must not know the error.
                del error


class SyncSifted:
    """The body of a synchronous response."""

    def __init__(self, body: SyncBody, sifting: Sifting) -> None:
        self._body = body
        self._sifting = sifting

    def __iter__(self) -> Iterator[bytes]:
        with kept_error() as failure:
            for chunk in self._body:
                if kept := self._sifting.feed(chunk):
                    yield kept
        if rest := self._sifting.rest():
            yield rest
        failure.raise_it()

    def close(self) -> None:
        """Close the body."""
        self._body.close()

    def __getattr__(self, name: str) -> object:
        return getattr(object.__getattribute__(self, "_body"), name)


class AsyncSifted:
    """The body of an asynchronous response."""

    def __init__(self, body: AsyncBody, sifting: Sifting) -> None:
        self._body = body
        self._sifting = sifting

    async def __aiter__(self) -> AsyncIterator[bytes]:
        chunks = self._body.__aiter__()
        try:
            with kept_error() as failure:
                async for chunk in chunks:
                    if kept := self._sifting.feed(chunk):
                        yield kept
            if rest := self._sifting.rest():
                yield rest
            failure.raise_it()
        finally:
            if isinstance(chunks, AsyncGenerator):
                await chunks.aclose()

    async def aclose(self) -> None:
        """Close the body."""
        await self._body.aclose()

    def __getattr__(self, name: str) -> object:
        return getattr(object.__getattribute__(self, "_body"), name)


Sifted = type[SyncSifted] | type[AsyncSifted]


def sifted_class(sifted: Sifted, stream_class: type[object]) -> Sifted:
    """`sifted` as a kind of `stream_class`, which the HTTP library insists on."""
    return cast("Sifted", type(sifted.__name__, (sifted, stream_class), {}))
