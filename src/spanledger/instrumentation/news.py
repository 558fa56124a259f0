"""That something is worth knowing of this process, for whoever keeps it for others."""

from collections.abc import Callable
from typing import Final

__all__ = ["Listener", "announce", "listen", "unlisten"]

Listener = Callable[[bool], None]
"""Told whether it is news of a kind that there was none of before."""

_listeners: Final[list[Listener]] = []


def announce(*, urgent: bool) -> None:
    """Tell all who listen. They do what they do at once, and do not raise."""
    for listener in tuple(_listeners):
        listener(urgent)


def listen(listener: Listener) -> None:
    """Tell `listener` from now on."""
    _listeners.append(listener)


def unlisten(listener: Listener) -> None:
    """Tell `listener` no more."""
    if listener in _listeners:
        _listeners.remove(listener)
