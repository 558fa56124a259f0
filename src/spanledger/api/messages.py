"""`GET /v1/messages/{message_id}/cost`: what a chat message cost, as metadata for the chat."""

from decimal import Decimal
from typing import Final

from starlette.responses import JSONResponse, Response

from spanledger.api.access import Asked
from spanledger.api.costs import result_json
from spanledger.api.errors import Refused
from spanledger.api.money import exact
from spanledger.api.parameters import Parameter
from spanledger.storage.query import CostQuery, CostResult

__all__ = ["MESSAGE_PARAMETERS", "librechat_json", "message_cost"]

MESSAGE_PARAMETERS: Final = (
    Parameter("shape", "`librechat` for the usage object of a LibreChat message."),
)


def message_cost(asked: Asked) -> Response:
    """What all calls of one message cost together.

    With `shape=librechat`: `{input, output, cacheWrite, cacheRead, cost?}` in tokens and dollars,
    where `input` leaves out cached tokens, and `cost` is absent unless every call is priced.
    """
    message_id = asked.path("message_id")
    shape = asked.parameters.choice("shape", ["spanledger", "librechat"], "spanledger")
    where = asked.selection(filters={"message": (message_id,)})
    results = asked.store.costs(CostQuery(where=where)).results
    if not results:
        raise Refused(404, f"No call has the message id {message_id[:60]!r}.", param="message_id")
    if shape == "librechat":
        return Response(librechat_json(results[0]), media_type="application/json")
    answer = {"object": "message_cost", "message_id": message_id, **result_json(results[0])}
    return JSONResponse(answer)


def librechat_json(result: CostResult) -> str:
    """The `usage` of a LibreChat message; its cost is a number there, so it is written by digits.

    Python's JSON has no decimal numbers, and a float would change the amount.
    """
    cached = result.cache_read_tokens + result.cache_write_tokens
    numbers = {
        "input": Decimal(max(result.input_tokens - cached, 0)),
        "output": Decimal(result.output_tokens),
        "cacheWrite": Decimal(result.cache_write_tokens),
        "cacheRead": Decimal(result.cache_read_tokens),
    }
    is_certain = result.quality.priced_calls + result.quality.reported_calls == result.calls
    if is_certain and result.amount is not None:
        numbers["cost"] = result.amount
    return "{" + ",".join(f'"{name}":{exact(number)}' for name, number in numbers.items()) + "}"
