"""The dashboard: the same answers as the API's, drawn on the server without a script."""

from decimal import Decimal
from typing import Final
from zoneinfo import ZoneInfo

from starlette.responses import Response

from spanledger.api.access import Asked
from spanledger.api.calls import find_call
from spanledger.api.figures import NOTHING, RANGES, Window, bars, left_out, shares, window
from spanledger.api.money import exact
from spanledger.api.parameters import ZONE, Parameter
from spanledger.api.render import render
from spanledger.call import Call
from spanledger.pricing.cost import Cost
from spanledger.storage.query import CostQuery, CostResult, CostTable

__all__ = ["CALL_PAGE_PARAMETERS", "DASHBOARD_PARAMETERS", "call_page", "dashboard"]

DASHBOARD_PARAMETERS: Final = (
    Parameter("range", f"One of {', '.join(RANGES)}."),
    ZONE,
)

CALL_PAGE_PARAMETERS: Final = (ZONE,)

TOP: Final = 8
"""Lines of a table that splits the total; the rest is summed up in one more."""

RECENT: Final = 15

ZONES: Final = (
    "UTC",
    "America/Los_Angeles",
    "America/Denver",
    "America/Chicago",
    "America/New_York",
    "America/Sao_Paulo",
    "Europe/London",
    "Europe/Berlin",
    "Africa/Lagos",
    "Africa/Johannesburg",
    "Europe/Istanbul",
    "Asia/Dubai",
    "Asia/Kolkata",
    "Asia/Singapore",
    "Asia/Shanghai",
    "Asia/Hong_Kong",
    "Asia/Taipei",
    "Asia/Tokyo",
    "Asia/Seoul",
    "Australia/Sydney",
    "Pacific/Auckland",
)
"""What the page offers; the address takes any IANA name."""


def dashboard(asked: Asked) -> Response:
    """Total, trend, shares and recent calls of a range."""
    name = asked.parameters.choice("range", RANGES, "7d")
    zone = asked.parameters.zone()
    shown = window(name, asked.house.clock(), zone)
    total = _total(asked, shown)
    where = asked.selection(start=shown.start, end=shown.end)
    return render(
        "dashboard.html",
        key=asked.key,
        ranges=RANGES,
        range=name,
        shown=shown,
        zones=dict.fromkeys((*ZONES, zone.key)),
        total=total,
        left_out=left_out(total),
        trend=bars(_trend(asked, shown), shown),
        splits={
            title: shares(_split(asked, shown, dimension), total)
            for title, dimension in (("Model", "model"), ("User", "user"))
        },
        recent=asked.store.calls(where, limit=RECENT),
        is_new=not asked.store.calls(asked.selection(), limit=1),
    )


def call_page(asked: Asked) -> Response:
    """One call, with the lines that its amount is made of."""
    row = find_call(asked)
    return render(
        "call.html",
        key=asked.key,
        call=row.call,
        cost=row.cost,
        amount=row.cost.amount if isinstance(row.cost, Cost) else None,
        lines=row.cost.lines if isinstance(row.cost, Cost) else (),
        facts=_facts(row.call, asked.parameters.zone()),
    )


def _total(asked: Asked, shown: Window) -> CostResult:
    where = asked.selection(start=shown.start, end=shown.end)
    results = asked.store.costs(CostQuery(where=where)).results
    return results[0] if results else NOTHING


def _trend(asked: Asked, shown: Window) -> CostTable:
    where = asked.selection(start=shown.edges[0], end=shown.edges[-1])
    return asked.store.costs(CostQuery(where=where, edges=shown.edges))


def _split(asked: Asked, shown: Window, dimension: str) -> CostTable:
    where = asked.selection(start=shown.start, end=shown.end)
    return asked.store.costs(CostQuery(where=where, group_by=(dimension,), limit=TOP))


def _facts(call: Call, zone: ZoneInfo) -> dict[str, str]:
    """What is known of a call beside its usage and cost, as a person reads it."""
    return {
        f"time ({zone.key})": f"{call.start_time.astimezone(zone):%Y-%m-%d %H:%M:%S.%f}",
        "duration": f"{exact(Decimal(call.duration_us) / 1_000_000)} s",
        "provider": call.provider,
        "operation": call.operation,
        "asked for": call.request_model,
        "answered by": call.response_model,
        "user": call.user_id,
        "team": call.team,
        "department": call.department,
        "agent": call.agent_id,
        "conversation": call.conversation_id,
        "message": call.message_id,
        "feature": call.feature,
        "service": call.service,
        "environment": call.environment,
        **{f"tag {name}": value for name, value in call.tags.items()},
        "call": call.call_id,
    }
