"""`/v1/reprice`: stored calls priced anew, what that changes, and the way back."""

from collections.abc import Mapping
from dataclasses import asdict
from decimal import Decimal
from typing import Any, Final

from starlette.responses import JSONResponse, Response

from spanledger.api.access import Asked
from spanledger.api.calls import instant_json
from spanledger.api.errors import Refused
from spanledger.api.money import amount_json, subtract
from spanledger.api.parameters import RANGE, Parameter
from spanledger.storage.history import Difference, Repricing
from spanledger.storage.rebuild import Rebuild, rebuild
from spanledger.storage.repricing import RepricingOrder, reprice, resume
from spanledger.storage.undoing import undo

__all__ = [
    "REPRICE_PARAMETERS",
    "rebuild_json",
    "reprice_calls",
    "repricing_json",
    "repricings",
    "resume_repricing",
    "undo_repricing",
    "verify",
]

REPRICE_PARAMETERS: Final = (
    *RANGE,
    Parameter("models", "Only calls of this model, as it is grouped by.", repeatable=True),
    Parameter("dry_run", "`true`, the default, only tells; `false` changes the calls."),
)


def reprice_calls(asked: Asked) -> Response:
    """Price the calls of a range by the price book in force, and say what that changes.

    `start_time` and `end_time` are needed. What a provider stated as its cost never changes. A
    range that touches a closed period is refused, and so is a second repricing while one is at work
    or unfinished. The answer comes when all is done.
    """
    parameters = asked.parameters
    order = RepricingOrder(
        project=asked.project,
        start=parameters.needed_time("start_time"),
        end=parameters.needed_time("end_time"),
        models=parameters.texts("models"),
        by=asked.by,
    )
    done = reprice(
        asked.store,
        asked.house.book(),
        order,
        clock=asked.house.clock,
        dry_run=parameters.flag("dry_run", default=True),
    )
    return JSONResponse(repricing_json(done))


def repricings(asked: Asked) -> Response:
    """The repricings of the project, the latest first, each with what it changed."""
    found = asked.store.repricings(asked.project)
    return JSONResponse({"object": "list", "data": [repricing_json(one) for one in found]})


def undo_repricing(asked: Asked) -> Response:
    """Give the calls of a repricing the costs back that they had before.

    Refused where it is undone already, where a month of its range has been closed since, and where
    a later repricing changed some of the same calls and stands.
    """
    undone = undo(asked.store, _find(asked), clock=asked.house.clock, by=asked.by)
    return JSONResponse(repricing_json(undone))


def resume_repricing(asked: Asked) -> Response:
    """Go on with a repricing whose process ended in the middle, by the book that it began with."""
    done = resume(asked.store, _find(asked), clock=asked.house.clock)
    return JSONResponse(repricing_json(done))


def verify(asked: Asked) -> Response:
    """Compute every stored amount again from stored usage and stored price book, and compare.

    Nothing is changed. Without times, all calls of the project are computed.
    """
    start, end = asked.parameters.time("start_time"), asked.parameters.time("end_time")
    return JSONResponse(rebuild_json(rebuild(asked.store, asked.selection(start=start, end=end))))


def repricing_json(repricing: Repricing) -> dict[str, Any]:
    """A repricing as our JSON has it; a trial has no id."""
    return {
        "object": "repricing",
        "id": repricing.id or None,
        "state": repricing.state,
        "made_at": instant_json(repricing.made_at),
        "made_by": repricing.made_by or None,
        "state_at": instant_json(repricing.state_at),
        "state_by": repricing.state_by or None,
        "start_time": instant_json(repricing.start),
        "end_time": instant_json(repricing.end),
        "models": list(repricing.models),
        "book_version": repricing.book_version,
        "replaced_versions": list(repricing.replaced_versions),
        "calls": repricing.calls,
        "changed_calls": repricing.changed_calls,
        "differences": [_difference_json(one) for one in repricing.differences],
    }


def rebuild_json(result: Rebuild) -> dict[str, Any]:
    """A comparison as our JSON has it."""
    counts: Mapping[str, Any] = asdict(result)
    return {"object": "rebuild", **counts, "different": list(result.different)}


def _difference_json(one: Difference) -> dict[str, Any]:
    before, after = one.amount_before, one.amount_after
    # What was unknown added nothing to any sum.
    known = before is not None or after is not None
    moved = subtract(after or Decimal(0), [before or Decimal(0)]) if known else None
    return {
        "provider": one.provider or None,
        "model": one.model or None,
        "calls": one.calls,
        "changed_calls": one.changed_calls,
        "amount_before": amount_json(before),
        "amount_after": amount_json(after),
        "difference": amount_json(moved),
        "newly_priced_calls": one.newly_priced_calls,
        "newly_unpriced_calls": one.newly_unpriced_calls,
    }


def _find(asked: Asked) -> Repricing:
    """The repricing that the address names.

    Raises:
        Refused: the caller's project has no such repricing.
    """
    repricing_id = asked.path("repricing_id")
    for repricing in asked.store.repricings(asked.project):
        if repricing.id == repricing_id:
            return repricing
    raise Refused(404, f"There is no repricing {repricing_id[:60]!r}.", param="repricing_id")
