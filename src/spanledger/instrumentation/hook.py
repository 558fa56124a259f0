"""The hook itself: httpx's and httpx2's clients send each single request through our two shells.

`_send_single_request` is where every request of a client passes, each redirect and each retry of
an SDK apart, whatever its transport; it is a method of the class, so that clients made earlier and
subclasses are covered as well.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import wraps
from types import ModuleType
from typing import Final, cast

from spanledger.instrumentation.exchange import Recorder
from spanledger.instrumentation.tee import AsyncTee, SyncTee, Tee, tee_class, watch
from spanledger.instrumentation.wire import HttpRequest, HttpResponse

__all__ = ["Patch", "patch", "unpatch"]

_METHOD: Final = "_send_single_request"
_MARK: Final = "_spanledger_patch"

Send = Callable[[object, HttpRequest], HttpResponse]
AsyncSend = Callable[[object, HttpRequest], Awaitable[HttpResponse]]


@dataclass(slots=True)
class Patch:
    """One client class with our shell around its method. Without a recorder it does nothing."""

    owner: type[object]
    original: Callable[..., object]
    shell: Callable[..., object] | None = None
    recorder: Recorder | None = None


def patch(module: ModuleType, recorder: Recorder) -> list[Patch]:
    """Put our shells on the client classes of `module`, which is httpx or httpx2."""
    return [
        _patch_class(
            module.Client, _sync_shell, tee_class(SyncTee, module.SyncByteStream), recorder
        ),
        _patch_class(
            module.AsyncClient, _async_shell, tee_class(AsyncTee, module.AsyncByteStream), recorder
        ),
    ]


def unpatch(patched: Patch) -> None:
    """Give the class its own method back.

    Where somebody has wrapped ours since, it cannot be taken out; it stays, and does nothing.
    """
    patched.recorder = None
    if vars(patched.owner).get(_METHOD) is patched.shell:
        setattr(patched.owner, _METHOD, patched.original)
        delattr(patched.owner, _MARK)


def _patch_class(
    owner: type[object],
    shell: Callable[[Patch, Tee], Callable[..., object]],
    tee: Tee,
    recorder: Recorder,
) -> Patch:
    patched = cast("Patch | None", vars(owner).get(_MARK))
    if patched is None:
        patched = Patch(owner, original=vars(owner)[_METHOD])
        patched.shell = shell(patched, tee)
        setattr(owner, _MARK, patched)
        setattr(owner, _METHOD, patched.shell)
    patched.recorder = recorder
    return patched


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
