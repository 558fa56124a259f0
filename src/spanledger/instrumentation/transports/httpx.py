"""The shells for httpx and httpx2.

`_send_single_request` is where every request of a client passes, each redirect and each retry of
an SDK apart, whatever its transport.
"""

from collections.abc import Awaitable, Callable, Iterator
from functools import wraps
from types import ModuleType
from typing import Any, Final, cast

from spanledger.instrumentation.exchange import Recorder
from spanledger.instrumentation.guard import guarded
from spanledger.instrumentation.patch import Patch, patch_method
from spanledger.instrumentation.sifting import (
    AS_IT_IS,
    AsyncSifted,
    Changed,
    Sifted,
    SyncSifted,
    asking_parts,
    sifted_class,
    sifted_content,
    sifting_of,
)
from spanledger.instrumentation.tee import AsyncTee, SyncTee, Tee, tee_class, watch
from spanledger.instrumentation.wire import HttpRequest, HttpResponse

__all__ = ["patch"]

_METHOD: Final = "_send_single_request"

Send = Callable[[object, HttpRequest], HttpResponse]
AsyncSend = Callable[[object, HttpRequest], Awaitable[HttpResponse]]


def patch(module: ModuleType, recorder: Recorder) -> Iterator[Patch]:
    """Put our shells on the client classes of `module`, which is httpx or httpx2."""
    sync_tee = tee_class(SyncTee, module.SyncByteStream)
    async_tee = tee_class(AsyncTee, module.AsyncByteStream)
    sync_sifted = sifted_class(SyncSifted, module.SyncByteStream)
    async_sifted = sifted_class(AsyncSifted, module.AsyncByteStream)
    yield patch_method(
        module.Client, _METHOD, lambda it: _sync_shell(it, sync_tee, sync_sifted), recorder
    )
    yield patch_method(
        module.AsyncClient, _METHOD, lambda it: _async_shell(it, async_tee, async_sifted), recorder
    )


def _sync_shell(patched: Patch, tee: Tee, sifted: Sifted) -> Send:
    original = cast("Send", patched.original)

    @wraps(original)
    def send(client: object, request: HttpRequest) -> HttpResponse:
        recorder = patched.recorder
        exchange = recorder.begin(request) if recorder else None
        if exchange is None:
            return original(client, request)
        changed = _asking(recorder, request)
        with exchange.sending(), changed:
            response = original(client, request)
        watch(exchange, response, tee)
        if changed.parts:
            _sift(changed, response, sifted)
        return response

    return send


def _async_shell(patched: Patch, tee: Tee, sifted: Sifted) -> AsyncSend:
    original = cast("AsyncSend", patched.original)

    @wraps(original)
    async def send(client: object, request: HttpRequest) -> HttpResponse:
        recorder = patched.recorder
        exchange = recorder.begin(request) if recorder else None
        if exchange is None:
            return await original(client, request)
        changed = _asking(recorder, request)
        with exchange.sending(), changed:
            response = await original(client, request)
        watch(exchange, response, tee)
        if changed.parts:
            _sift(changed, response, sifted)
        return response

    return send


def _asking(recorder: Recorder | None, request: HttpRequest) -> Changed:
    """The request as it is sent: with another body where it is to ask for usage."""
    if recorder is None or not recorder.settings.ask_for_usage:
        return AS_IT_IS
    with guarded("ask for usage"):
        own: object = getattr(request, "_content", None)
        parts = asking_parts(recorder.settings, request.url, request.headers, own)
        if parts is not None:
            # A body that is in memory is of a class of the library's, which takes the bytes.
            stream = type(cast("Any", request).stream)(parts[0])
            return Changed(request, {"_content": parts[0], "stream": stream, "headers": parts[1]})
    return AS_IT_IS


def _sift(changed: Changed, response: HttpResponse, kind: Sifted) -> None:
    with guarded("sift a stream"):
        sifting = sifting_of(changed, response.status_code, response.headers)
        if sifting is None:
            return
        content: bytes | None = getattr(response, "_content", None)
        if content is None:
            response.stream = kind(response.stream, sifting)  # pyright: ignore[reportArgumentType]
        else:
            setattr(response, "_content", sifted_content(sifting, content))  # noqa: B010 - it is not ours
