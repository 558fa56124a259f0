"""The row that stands for one call, and the order in which calls are listed."""

from dataclasses import dataclass
from datetime import datetime

from spanledger.call import Call
from spanledger.pricing.cost import Cost, Unpriced

__all__ = ["CostRow"]


@dataclass(frozen=True, slots=True)
class CostRow:
    """A call with its cost, as stored.

    Identity is (project, trace_id, span_id). Of two rows with the same identity the one that was
    recorded later stands.
    """

    call: Call
    cost: Cost | Unpriced
    recorded_at: datetime
    """When the collector priced the call, in UTC, to the microsecond."""
