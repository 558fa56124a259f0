"""What could not be kept or delivered: counted by kind, and logged once per kind."""

from typing import Final

from spanledger.instrumentation.tally import Tally

__all__ = ["losses", "note_loss"]

_losses: Final = Tally("spans are lost: %s; further ones are counted and not logged")


def note_loss(kind: str, spans: int, *, why: str = "") -> None:
    """Count `spans` that are lost; `kind` says in a few words what became of them."""
    _losses.note(kind, spans, why=why)


def losses() -> dict[str, int]:
    """How many spans this process has lost, by kind; empty when none."""
    return _losses.counts()
