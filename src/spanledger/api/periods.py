"""`/v1/periods`: months that are closed, so that nothing in them is priced anew."""

from typing import Any, Final

from starlette.responses import JSONResponse, Response

from spanledger.api.access import Asked
from spanledger.api.calls import instant_json
from spanledger.api.errors import invalid
from spanledger.api.parameters import Parameter
from spanledger.storage.history import PeriodAct
from spanledger.storage.periods import set_period

__all__ = ["PERIOD_PARAMETERS", "act_json", "change_period", "periods"]

PERIOD_PARAMETERS: Final = (
    Parameter("month", "Which month, in UTC, for instance 2026-10."),
    Parameter("closed", "`true`, the default, closes it; `false` opens it again."),
)


def periods(asked: Asked) -> Response:
    """Everything that was closed or opened again, by month and time; of a month the last counts."""
    acts = asked.store.periods(asked.project)
    return JSONResponse({"object": "list", "data": [act_json(act) for act in acts]})


def change_period(asked: Asked) -> Response:
    """Close a month, or open it again.

    Refused where it is so already, or where a repricing that touches it is unfinished.
    """
    month = asked.parameters.text("month")
    if not month:
        msg = "month is missing: say which, for instance 2026-10."
        raise invalid(msg, param="month")
    act = set_period(
        asked.store,
        asked.project,
        month,
        closed=asked.parameters.flag("closed", default=True),
        by=asked.by,
        clock=asked.house.clock,
    )
    return JSONResponse(act_json(act))


def act_json(act: PeriodAct) -> dict[str, Any]:
    """An act as our JSON has it."""
    return {
        "object": "period",
        "month": act.month,
        "closed": act.closed,
        "made_at": instant_json(act.made_at),
        "made_by": act.made_by or None,
    }
