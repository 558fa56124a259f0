"""What we add to a provider's usage object, so that the span's raw usage is the whole evidence.

Some fees are counted nowhere in the usage: they show in the items of an answer, or follow from what
was asked. They stand under two keys of ours, which no provider uses.
"""

from collections.abc import Mapping
from typing import Final

from spanledger.dialects.dialect import Json
from spanledger.dialects.fields import section

__all__ = ["CONTEXT", "COUNTED", "add_to_usage", "settled_usage"]

COUNTED: Final = "spanledger_counted"
"""Holds quantities by the names of our units, which the dialect has counted in the answer."""

CONTEXT: Final = "spanledger_context"
"""Holds what selects a price and is no quantity, by the names that the price book matches."""


def add_to_usage(
    usage: Json | None,
    counts: Mapping[str, int] | None = None,
    context: Mapping[str, str] | None = None,
) -> Json | None:
    """The usage with what the answer says beside it.

    Args:
        usage: as the provider stated it. Without one there is nothing to add the context to.
        counts: quantities by unit; one of 0 says nothing.
        context: texts by name; an empty one says nothing.
    """
    counted = {unit: count for unit, count in (counts or {}).items() if count}
    said = {name: value for name, value in (context or {}).items() if value}
    if counted:
        usage = {**(usage or {}), COUNTED: {**(section(usage or {}, COUNTED) or {}), **counted}}
    if said and usage is not None:
        usage = {**usage, CONTEXT: {**(section(usage, CONTEXT) or {}), **said}}
    return usage


def settled_usage(asked: Json | None, stated: Json | None) -> Json | None:
    """The usage of a call of which the request says `asked`, and the answer `stated`.

    What the request alone determines counts where the answer states none. What selects a price goes
    along with either; by itself it is no usage.
    """
    if not asked:
        return stated
    if stated is None:
        return asked if asked.keys() - {CONTEXT} else None
    context = section(asked, CONTEXT)
    if not context:
        return stated
    return {**stated, CONTEXT: {**context, **(section(stated, CONTEXT) or {})}}
