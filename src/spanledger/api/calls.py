"""`GET /v1/calls`, `GET /v1/calls/{call_id}`: the calls behind every sum, down to price lines."""

import re
from datetime import UTC, datetime
from typing import Any, Final

from starlette.responses import JSONResponse, Response

from spanledger.api.access import Asked
from spanledger.api.cursors import Cursor
from spanledger.api.errors import Refused
from spanledger.api.money import amount_json, exact
from spanledger.api.parameters import FILTERS, PAGING, RANGE
from spanledger.call import Call
from spanledger.pricing.cost import CURRENCY, Cost, PriceLine, Unpriced
from spanledger.storage.protocol import CallPosition
from spanledger.storage.row import CostRow

__all__ = ["CALLS_PARAMETERS", "call", "calls", "find_call", "instant_json", "line_json"]

CALLS_PARAMETERS: Final = (*RANGE, *FILTERS, *PAGING)

DEFAULT_LIMIT: Final = 100
LIMIT_MAX: Final = 1_000

_CALL_ID: Final = re.compile(r"([0-9a-f]{32})-([0-9a-f]{16})")

_TEXTS: Final = (
    "provider",
    "model",
    "operation",
    "user_id",
    "team",
    "department",
    "agent_id",
    "conversation_id",
    "message_id",
    "feature",
    "route",
    "service",
    "environment",
    "service_tier",
    "api_key_id",
    "error_type",
)
"""What a call says of itself in words; `null` in our JSON where it says nothing."""

_TOKENS: Final = (
    "input_tokens",
    "output_tokens",
    "cache_read_tokens",
    "cache_write_tokens",
    "reasoning_tokens",
)
"""`null` in our JSON where the provider did not report the unit."""


def calls(asked: Asked) -> Response:
    """The calls, latest first; without times, all of them."""
    parameters = asked.parameters
    limit = parameters.number("limit", default=DEFAULT_LIMIT, largest=LIMIT_MAX)
    start, end = parameters.time("start_time"), parameters.time("end_time")
    where = asked.selection(start=start, end=end, filters=parameters.filters())
    rows = asked.store.calls(where, limit=limit + 1, after=_read_position(asked.cursor()))
    shown = rows[:limit]
    position = _position(shown[-1].call) if len(rows) > limit else None
    return JSONResponse(asked.page_json([call_json(row) for row in shown], position))


def call(asked: Asked) -> Response:
    """One call with its price lines and the usage that they were computed from."""
    return JSONResponse(detail_json(find_call(asked)))


def find_call(asked: Asked) -> CostRow:
    """The call that the address names.

    Raises:
        Refused: the caller's project has no such call.
    """
    call_id = asked.path("call_id")
    if matched := _CALL_ID.fullmatch(call_id):
        span = (matched[1], matched[2])
        for row in asked.store.calls(asked.selection(span=span), limit=1):
            return row
    raise Refused(404, f"There is no call {call_id[:60]!r}.", param="call_id")


def call_json(row: CostRow) -> dict[str, Any]:
    """A call as lists have it."""
    call = row.call
    return {
        "object": "call",
        "call_id": call.call_id,
        "trace_id": call.trace_id,
        "span_id": call.span_id,
        "start_time": instant_json(call.start_time),
        "duration_us": call.duration_us,
        **{name: getattr(call, name) or None for name in _TEXTS},
        "tags": dict(call.tags),
        **{name: getattr(call.usage, name) for name in _TOKENS},
        "status": row.cost.status,
        "amount": amount_json(row.cost.amount if isinstance(row.cost, Cost) else None),
    }


def detail_json(row: CostRow) -> dict[str, Any]:
    """A call with all that explains its cost."""
    call = row.call
    return {
        **call_json(row),
        "parent_span_id": call.parent_span_id or None,
        "request_model": call.request_model or None,
        "response_model": call.response_model or None,
        "response_id": call.response_id or None,
        "stream": call.stream,
        "time_to_first_chunk_us": call.time_to_first_chunk_us,
        "attempt": call.attempt,
        "batch": call.batch,
        "skip_charge": call.skip_charge,
        "replay": call.replay,
        "usage": call.usage.reported(),
        "usage_source": call.usage_source,
        "usage_partial": call.usage_partial,
        "usage_problem": call.usage_problem or None,
        "usage_raw": call.usage_raw or None,
        "reported_amount": _reported(call),
        "cost": _cost_json(row.cost),
        "recorded_at": instant_json(row.recorded_at),
    }


def _cost_json(cost: Cost | Unpriced) -> dict[str, Any]:
    """What explains the amount; the difference is the stated amount less our own figure."""
    priced = isinstance(cost, Cost)
    return {
        "lines": [line_json(line) for line in cost.lines] if priced else [],
        "computed_amount": amount_json(cost.computed_amount if priced else None),
        "difference": amount_json(cost.difference if priced else None),
        "book_version": cost.book_version if priced else None,
        "reason": cost.reason or None,
    }


def line_json(line: PriceLine) -> dict[str, Any]:
    """A price line, which explains a part of a cost."""
    return {
        "unit": line.unit,
        "quantity": exact(line.quantity),
        "rate": {"value": exact(line.rate), "currency": CURRENCY, "per": line.per},
        "amount": amount_json(line.amount),
        "source": line.source,
        "effective_date": line.effective_date.isoformat() if line.effective_date else None,
    }


def _reported(call: Call) -> dict[str, str] | None:
    """What the provider said that the call cost, in the provider's currency."""
    if call.reported_amount is None:
        return None
    return {"value": exact(call.reported_amount), "currency": call.reported_currency.lower()}


def instant_json(instant: datetime) -> str:
    """An instant as our JSON has it: RFC 3339 in UTC, to the microsecond."""
    return instant.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def _position(call: Call) -> Cursor:
    return {"at": call.start_time.isoformat(), "call_id": call.call_id}


def _read_position(cursor: Cursor) -> CallPosition | None:
    if not cursor:
        return None
    trace_id, _, span_id = cursor["call_id"].partition("-")
    return (datetime.fromisoformat(cursor["at"]), trace_id, span_id)
