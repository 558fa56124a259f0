"""Counting by kind what nobody sees in the app: each kind is logged once, and kept for who asks."""

import logging
from collections import Counter
from typing import Final

from spanledger.instrumentation import news

__all__ = ["KINDS_MAX", "OTHER", "Tally"]

_log = logging.getLogger("spanledger")

KINDS_MAX: Final = 256
"""Kinds beyond this many are counted together."""

OTHER: Final = "other"


class Tally:
    """Counts of one sort of event; its memory is bounded."""

    __slots__ = ("_counts", "_message")

    def __init__(self, message: str) -> None:
        """`message` says with `%s` what has happened, for the log."""
        self._message = message
        self._counts: Counter[str] = Counter()

    def note(self, kind: str, count: int = 1, *, why: str = "") -> None:
        """Count; `kind` says in a few words what it was, and `why` goes to the log alone."""
        if count <= 0:
            return
        if kind not in self._counts and len(self._counts) >= KINDS_MAX:
            kind = OTHER
        before = self._counts[kind]
        self._counts[kind] = before + count
        if not before:
            _log.warning(self._message, f"{kind} ({why})" if why else kind)
        news.announce(urgent=news.is_urgent(before, before + count))

    def counts(self) -> dict[str, int]:
        """How many of each kind there have been in this process."""
        return dict(self._counts)
