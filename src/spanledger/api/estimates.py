"""`POST /v1/estimate`: what a call would cost, before it is made."""

from datetime import datetime
from decimal import Decimal
from typing import Any, Final, cast

from starlette.responses import JSONResponse, Response

from spanledger.api.access import Asked
from spanledger.api.calls import line_json
from spanledger.api.errors import invalid
from spanledger.api.money import exact
from spanledger.api.parameters import Parameters
from spanledger.pricing.cost import CURRENCY, Cost, Unpriced
from spanledger.pricing.estimate import Estimate, estimate

__all__ = ["ESTIMATE_BYTES_MAX", "estimate_json", "estimates"]

ESTIMATE_BYTES_MAX: Final = 8 * 1024 * 1024
"""A million tokens are about half of it. To count that takes a second or two, and seconds more
where scripts alternate; it is done in a thread."""


def estimates(asked: Asked) -> Response:
    """Count the tokens of a request that has not been made, and say what it would cost.

    The body is that of the request, as its provider wants it: `model` with one of `messages` (and
    `system`, `tools`), `input`, `contents`, `prompt`, or just `text`. `max_output_tokens`, or the
    provider's own word for it, is the most that may be written. Three fields are ours: `provider`
    (default: who makes the model), `expected_output_tokens`, and `at`, for the prices of another
    day. All else in it is read by nobody, and nothing of it is kept.

    `method` is `exact` (the model's own vocabulary), `heuristic` (weighed by what texts are to the
    model's own tokenizer, measured) or `nearest vocabulary` (no tokenizer is known);
    `error_percent` is how far `input_tokens` may be off, `null` where nobody knows. `cost.high` is
    `null` where nothing limits the output, both are where no price is known; `reason` says so.
    """
    body = asked.json()
    for name in ("model", "provider"):
        if not isinstance(body.get(name, ""), str):
            message = f"{name} is no text: use a name."
            raise invalid(message, param=name)
    found = estimate(
        body,
        asked.house.book(),
        expected_output_tokens=cast("int | None", body.get("expected_output_tokens")),
        at=_at(body.get("at")) or asked.house.clock(),
    )
    return JSONResponse(estimate_json(found))


def estimate_json(found: Estimate) -> dict[str, Any]:
    """An estimate as our JSON has it."""
    counted = found.input
    return {
        "object": "estimate",
        "provider": found.provider or None,
        "model": found.model,
        "input_tokens": counted.tokens,
        "output_tokens": {"low": found.output_tokens_low, "high": found.output_tokens_high},
        "cost": {
            "low": _exact_or_none(found.cost_low),
            "high": _exact_or_none(found.cost_high),
            "currency": CURRENCY,
        },
        "method": counted.method,
        "vocabulary": counted.vocabulary,
        "family": counted.family or None,
        "error_percent": counted.error_percent,
        "partial": counted.partial,
        "status": found.status,
        "reason": found.reason or None,
        "lines": {"low": _lines(found.low), "high": _lines(found.high)},
    }


def _exact_or_none(amount: Decimal | None) -> str | None:
    return None if amount is None else exact(amount)


def _lines(cost: Cost | Unpriced | None) -> list[dict[str, Any]]:
    return [line_json(line) for line in cost.lines] if isinstance(cost, Cost) else []


def _at(value: object) -> datetime | None:
    """Read like a time in an address; unix seconds may be a number here."""
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | str):
        message = "at is no time: use unix seconds, a date, or RFC 3339."
        raise invalid(message, param="at")
    return Parameters({"at": (str(value),)}).time("at")
