"""That something is worth knowing of this process, for whoever keeps it for others."""

from collections.abc import Callable
from typing import Final

__all__ = ["Listener", "announce", "is_urgent", "listen", "unlisten"]

Listener = Callable[[bool], None]
"""Told whether the news are urgent: others may wait a moment for each other."""

_listeners: Final[list[Listener]] = []


def announce(*, urgent: bool) -> None:
    """Tell all who listen. They do what they do at once, and do not raise."""
    for listener in tuple(_listeners):
        listener(urgent)


def is_urgent(before: int, after: int) -> bool:
    """Whether a count has come to be worth telling at once: the first time, and when it doubles."""
    return before.bit_length() != after.bit_length()


def listen(listener: Listener) -> None:
    """Tell `listener` from now on."""
    _listeners.append(listener)


def unlisten(listener: Listener) -> None:
    """Tell `listener` no more."""
    if listener in _listeners:
        _listeners.remove(listener)
