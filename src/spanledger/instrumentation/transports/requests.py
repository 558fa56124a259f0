"""The shells for requests.

An adapter sends each request once, each redirect and each answer to a challenge apart. Adapters of
the app's own have a `send` of their own: they are met where a session looks for the adapter.
"""

from collections.abc import Callable, Iterator
from functools import wraps
from types import ModuleType

from spanledger.instrumentation.exchange import Recorder
from spanledger.instrumentation.guard import guarded
from spanledger.instrumentation.patch import Patch, patch_method
from spanledger.instrumentation.transports.urllib3 import sending_shell

__all__ = ["patch"]

_shell = sending_shell(decoded=True)


def patch(module: ModuleType, recorder: Recorder) -> Iterator[Patch]:
    """Put our shells on the adapter and the session of `module`, which is requests."""
    yield patch_method(module.adapters.HTTPAdapter, "send", _shell, recorder)
    yield patch_method(module.Session, "get_adapter", _meeting_shell, recorder)


def _meeting_shell(patched: Patch) -> Callable[..., object]:
    original = patched.original

    @wraps(original)
    def get_adapter(session: object, *args: object, **options: object) -> object:
        adapter: object = original(session, *args, **options)
        if type(adapter) not in patched.followed:
            _follow(patched, type(adapter))
        return adapter

    return get_adapter


def _follow(patched: Patch, kind: type[object]) -> None:
    """Patch the class from which adapters of `kind` have their `send`, as long as we record."""
    recorder = patched.recorder
    if recorder is None:
        return
    with guarded("hook an adapter"):
        owner = next(owner for owner in kind.__mro__ if "send" in vars(owner))
        patched.followed[kind] = patch_method(owner, "send", _shell, recorder)
