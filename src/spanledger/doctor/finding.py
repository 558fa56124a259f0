"""One thing that was looked at, and what to say about it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

__all__ = ["Finding", "Standing", "attention", "fine", "note", "plural"]

Standing = Literal["ok", "note", "attention"]
"""In order, worth knowing, or in need of somebody."""

Value = str | int | float | bool | list[str] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """A clear sentence about one thing, and what to do where something is wrong."""

    check: str
    """What was looked at, as `part.thing`; scripts go by it."""
    standing: Standing
    says: str
    advice: str = ""
    """What to do, in a sentence; empty where nothing has to be done."""
    facts: Mapping[str, Value] = field(default_factory=dict[str, Value])
    """The same for scripts."""


def fine(check: str, says: str, **facts: Value) -> Finding:
    """Something that is in order."""
    return Finding(check=check, standing="ok", says=says, facts=facts)


def note(check: str, says: str, advice: str = "", **facts: Value) -> Finding:
    """Something worth knowing that is no fault."""
    return Finding(check=check, standing="note", says=says, advice=advice, facts=facts)


def attention(check: str, says: str, advice: str, **facts: Value) -> Finding:
    """Something that somebody has to see to."""
    return Finding(check=check, standing="attention", says=says, advice=advice, facts=facts)


def plural(count: int, thing: str) -> str:
    """`1 span`, `2 spans`."""
    return f"{count:,} {thing}{'' if count == 1 else 's'}"
