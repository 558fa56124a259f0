"""`GET /v1/prices/unpriced`: the models that nobody knows a price for."""

from typing import Any, Final

from starlette.responses import JSONResponse, Response

from spanledger.api.access import Asked
from spanledger.api.calls import instant_json
from spanledger.api.parameters import RANGE, Parameter
from spanledger.storage.query import RESULTS_MAX
from spanledger.storage.unpriced import UnpricedModel, unpriced_models

__all__ = ["UNPRICED_PARAMETERS", "unpriced", "unpriced_json"]

DEFAULT_LIMIT: Final = 1_000

UNPRICED_PARAMETERS: Final = (*RANGE, Parameter("limit", "How many models at most."))


def unpriced(asked: Asked) -> Response:
    """Models whose calls have no amount: how much they are used, since when, and why.

    Those with most calls come first; without times, all calls count. A price for them goes into the
    overlay, and into the calls that there are by a repricing.
    """
    models = unpriced_models(
        asked.store,
        asked.project,
        start=asked.parameters.time("start_time"),
        end=asked.parameters.time("end_time"),
        limit=asked.parameters.number("limit", default=DEFAULT_LIMIT, largest=RESULTS_MAX),
    )
    return JSONResponse({"object": "list", "data": [unpriced_json(model) for model in models]})


def unpriced_json(model: UnpricedModel) -> dict[str, Any]:
    """A model as our JSON has it."""
    return {
        "object": "unpriced_model",
        "provider": model.provider or None,
        "model": model.model or None,
        "reason": model.reason,
        "calls": model.calls,
        "input_tokens": model.input_tokens,
        "output_tokens": model.output_tokens,
        "first_seen": instant_json(model.first_seen),
        "last_seen": instant_json(model.last_seen),
    }
