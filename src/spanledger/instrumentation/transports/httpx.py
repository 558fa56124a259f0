"""The shells for httpx and httpx2.

`_send_single_request` is where every request of a client passes, each redirect and each retry of
an SDK apart, whatever its transport.
"""

from collections.abc import Awaitable, Callable
from functools import wraps
from types import ModuleType
from typing import Final, cast

from spanledger.instrumentation.exchange import Recorder
from spanledger.instrumentation.patch import Patch, patch_method
from spanledger.instrumentation.tee import AsyncTee, SyncTee, Tee, tee_class, watch
from spanledger.instrumentation.wire import HttpRequest, HttpResponse

__all__ = ["patch"]

_METHOD: Final = "_send_single_request"

Send = Callable[[object, HttpRequest], HttpResponse]
AsyncSend = Callable[[object, HttpRequest], Awaitable[HttpResponse]]


def patch(module: ModuleType, recorder: Recorder) -> list[Patch]:
    """Put our shells on the client classes of `module`, which is httpx or httpx2."""
    sync_tee = tee_class(SyncTee, module.SyncByteStream)
    async_tee = tee_class(AsyncTee, module.AsyncByteStream)
    return [
        patch_method(module.Client, _METHOD, lambda it: _sync_shell(it, sync_tee), recorder),
        patch_method(module.AsyncClient, _METHOD, lambda it: _async_shell(it, async_tee), recorder),
    ]


def _sync_shell(patched: Patch, tee: Tee) -> Send:
    original = cast("Send", patched.original)

    @wraps(original)
    def send(client: object, request: HttpRequest) -> HttpResponse:
        recorder = patched.recorder
        exchange = recorder.begin(request) if recorder else None
        if exchange is None:
            return original(client, request)
        with exchange.sending():
            response = original(client, request)
        watch(exchange, response, tee)
        return response

    return send


def _async_shell(patched: Patch, tee: Tee) -> AsyncSend:
    original = cast("AsyncSend", patched.original)

    @wraps(original)
    async def send(client: object, request: HttpRequest) -> HttpResponse:
        recorder = patched.recorder
        exchange = recorder.begin(request) if recorder else None
        if exchange is None:
            return await original(client, request)
        with exchange.sending():
            response = await original(client, request)
        watch(exchange, response, tee)
        return response

    return send
