"""Our shell around one method of a class of the app's HTTP library, and how it is taken out."""

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final, cast

from spanledger.instrumentation.exchange import Recorder
from spanledger.instrumentation.guard import guarded

__all__ = ["Patch", "patch_method", "unpatch"]

_MARK: Final = "_spanledger_patch"

_lock: Final = threading.RLock()


@dataclass(slots=True)
class Patch:
    """One class with our shell around its method. Without a recorder it does nothing.

    It is a method of the class, so that clients made earlier and subclasses are covered as well.
    """

    owner: type[object]
    method: str
    original: Callable[..., Any]
    recorder: Recorder | None
    shell: Callable[..., object] | None = None
    followed: "dict[type[object], Patch]" = field(default_factory=dict[type[object], "Patch"])
    """What this shell has patched in turn, by the class that it met."""


Shell = Callable[[Patch], Callable[..., object]]


def patch_method(owner: type[object], method: str, shell: Shell, recorder: Recorder) -> Patch:
    """Put what `shell` makes in the place of `method`; where one of ours stands, it serves on."""
    with _lock:
        patched = cast("Patch | None", vars(owner).get(_MARK))
        if patched is None:
            patched = Patch(owner, method, vars(owner)[method], recorder)
            patched.shell = shell(patched)
            setattr(owner, _MARK, patched)
            setattr(owner, method, patched.shell)
        patched.recorder = recorder
        return patched


def unpatch(patched: Patch) -> None:
    """Give the class its own method back.

    Where somebody has wrapped ours since, it cannot be taken out; it stays, and does nothing.
    """
    with _lock:
        patched.recorder = None
        # One class that refuses must not keep our shells on the others.
        with guarded(f"take our shell off {patched.owner.__name__}"):
            if vars(patched.owner).get(patched.method) is patched.shell:
                setattr(patched.owner, patched.method, patched.original)
                delattr(patched.owner, _MARK)
        while patched.followed:
            unpatch(patched.followed.popitem()[1])
