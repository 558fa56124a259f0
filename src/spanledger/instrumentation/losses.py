"""What could not be kept or delivered: counted by kind, and logged once per kind."""

import logging
from collections import Counter
from typing import Final

__all__ = ["losses", "note_loss"]

_log = logging.getLogger("spanledger")

_losses: Final[Counter[str]] = Counter()


def note_loss(kind: str, spans: int, *, why: str = "") -> None:
    """Count `spans` that are lost; `kind` says in a few words what became of them."""
    if spans <= 0:
        return
    first = kind not in _losses
    _losses[kind] += spans
    if first:
        _log.warning(
            "spans are lost: %s%s; further ones are counted and not logged",
            kind,
            f" ({why})" if why else "",
        )


def losses() -> dict[str, int]:
    """How many spans this process has lost, by kind; empty when none."""
    return dict(_losses)
