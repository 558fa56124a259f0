"""Turns: what may be done by one thread of a process at a time."""

import threading
from collections.abc import Generator
from contextlib import AbstractContextManager, contextmanager

from spanledger.errors import HistoryRefused

__all__ = ["Claims"]


class Claims:
    """Names that one thread at a time may hold. It bounds nothing beyond this process."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._held: set[str] = set()

    @contextmanager
    def turn(self, name: str) -> Generator[None]:
        """Hold `name` for the block, once whoever holds it is done."""
        with self._changed:
            self._changed.wait_for(lambda: name not in self._held)
            self._held.add(name)
        try:
            yield
        finally:
            self._release(name)

    @contextmanager
    def claim(self, name: str, refusal: str) -> Generator[None]:
        """Hold `name` for the block.

        Raises:
            HistoryRefused: somebody holds it; `refusal` is its text.
        """
        with self._changed:
            if name in self._held:
                raise HistoryRefused(refusal)
            self._held.add(name)
        try:
            yield
        finally:
            self._release(name)

    def history(self, project: str) -> AbstractContextManager[None]:
        """Hold the history of `project`, which one thread at a time may change.

        Raises:
            HistoryRefused: another one does.
        """
        busy = "the history of this project is being changed already: wait until that is done"
        return self.claim(f"history of {project}", busy)

    def _release(self, name: str) -> None:
        with self._changed:
            self._held.remove(name)
            self._changed.notify_all()
