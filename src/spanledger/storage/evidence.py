"""What the price of a stored call rests on, and when two costs say the same."""

import json
from dataclasses import fields, replace
from typing import Final, cast

from spanledger.call import Call
from spanledger.dialects.usage import read_usage
from spanledger.errors import InvalidUsage
from spanledger.pricing.cost import Cost, Unpriced
from spanledger.storage.columns import round_money
from spanledger.storage.row import CostRow

__all__ = ["same_evidence", "same_figures", "with_cost", "with_evidence"]

_NO_EVIDENCE: Final = frozenset(
    {
        *("user_id", "team", "department", "agent_id", "conversation_id", "message_id"),
        *("feature", "route", "service", "environment", "api_key_id", "tags", "skip_charge"),
        *("parent_span_id", "response_id", "attempt", "time_to_first_chunk_us"),
        "reported_amount",  # compared as it is stored
    }
)
"""What a call says that no price depends on. A field that a call gets later is evidence."""

_EVIDENCE: Final = tuple(field.name for field in fields(Call) if field.name not in _NO_EVIDENCE)


def with_evidence(call: Call) -> Call:
    """`call`; where none of its usage could be read, with what can now be read in `usage_raw`.

    A later program may read an object that an earlier one could not.
    """
    if call.usage.reported() or not call.usage_raw:
        return call
    try:
        raw = cast("object", json.loads(call.usage_raw))
        stated = cast("dict[str, object]", raw) if isinstance(raw, dict) else {}
        usage = read_usage(call.provider, stated)
    except (ValueError, InvalidUsage) as error:
        known = call.usage_problem or not isinstance(error, InvalidUsage)
        return call if known else replace(call, usage_problem=str(error))
    if not usage.reported():
        return call
    source = "provider" if call.usage_source == "none" else call.usage_source
    return replace(call, usage=usage, usage_problem="", usage_source=source)


def same_evidence(one: Call, other: Call) -> bool:
    """Whether two deliveries of a call say the same of all that a price may depend on."""
    one, other = with_evidence(one), with_evidence(other)
    amounts = [
        None if call.reported_amount is None else round_money(call.reported_amount)
        for call in (one, other)
    ]
    same = all(getattr(one, name) == getattr(other, name) for name in _EVIDENCE)
    return same and amounts[0] == amounts[1]


def same_figures(one: Cost | Unpriced, other: Cost | Unpriced) -> bool:
    """Whether two costs state the same money in the same way.

    The book, the words of the reason and the source of a line name a version: they may differ.
    """
    return _figures(one) == _figures(other)


def with_cost(row: CostRow, source: CostRow) -> CostRow:
    """`row` with the cost of `source`, and with the usage that this cost was computed from."""
    call = replace(
        row.call,
        usage=source.call.usage,
        usage_problem=source.call.usage_problem,
        usage_source=source.call.usage_source,
    )
    return replace(row, call=call, cost=source.cost)


def _figures(cost: Cost | Unpriced) -> tuple[object, ...]:
    if isinstance(cost, Unpriced):
        return (cost.status,)
    computed = cost.computed_amount
    return (
        cost.status,
        round_money(cost.amount),
        None if computed is None else round_money(computed),
        *(
            (line.unit, line.per, *map(round_money, (line.quantity, line.rate, line.amount)))
            for line in cost.lines
        ),
    )
