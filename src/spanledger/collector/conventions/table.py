"""What a table of a convention is: which name stands for which field, and how counts are meant."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

from spanledger.collector.conventions.record import AttributeValue
from spanledger.dialects.dialect import Json
from spanledger.usage import Usage

__all__ = ["NOBODY", "Convention", "Evidence", "Found", "Names"]

Names = Mapping[str, tuple[str, ...]]
"""Of each field the attributes that state it; the first that a span has stands."""

Found = Mapping[str, AttributeValue]
"""The fields that a span states, by our names."""

Evidence = Callable[[str, Found], tuple[Usage, Json] | None]
"""Of the provider's name and the fields: the usage that an object on the span states, and that
object where it is the provider's own, else an empty one. `None` where there is no such object.
Raises `InvalidUsage` where the numbers cannot be true."""

NOBODY: Final[frozenset[str]] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Convention:
    """How one family of libraries writes a call of a model on a span."""

    title: str
    """As the docs call it."""
    names: Names
    evidence: Evidence
    cache_apart: frozenset[str] = NOBODY
    """Providers of which it states the cached input beside the input, not inside."""
    thoughts_apart: frozenset[str] = NOBODY
    """Providers of which it states the reasoning beside the output, not inside."""
    cost_is_stated: bool = False
    """What it gives as the cost is what the provider said."""
    _slots: Mapping[str, tuple[str, int]] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Turn the table round: spans are read by one pass over what is on them."""
        slots = {
            name: (unit, rank)
            for unit, names in self.names.items()
            for rank, name in enumerate(names)
        }
        object.__setattr__(self, "_slots", slots)

    def find(self, attributes: Mapping[str, AttributeValue]) -> dict[str, AttributeValue]:
        """The fields that `attributes` state; empty texts and nulls state nothing."""
        slots = self._slots
        found: dict[str, AttributeValue] = {}
        ranks: dict[str, int] = {}
        for name, value in attributes.items():
            slot = slots.get(name)
            if slot is None or value is None or value == "":
                continue
            unit, rank = slot
            if unit not in found or rank < ranks[unit]:
                found[unit], ranks[unit] = value, rank
        return found
