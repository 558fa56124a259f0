"""What becomes of requests that are no model call that we can read."""

from collections.abc import Callable, Mapping

from spanledger.instrumentation.batches import Batches
from spanledger.instrumentation.exchange import Exchange
from spanledger.instrumentation.unknown import note_unknown
from spanledger.instrumentation.wire import HttpRequest

__all__ = ["looking_on"]


def looking_on(
    batches: Batches, endpoints: Mapping[str, str]
) -> Callable[[HttpRequest], Exchange | None]:
    """A look at each of them: a GET may bring the results of a batch, a POST may be a model call.

    Nearly all are neither, so it is a short look.
    """

    def look(request: HttpRequest) -> Exchange | None:
        method = request.method
        if method == "GET":
            return batches.begin(request)
        if method == "POST":
            note_unknown(request.url, endpoints)
        return None

    return look
