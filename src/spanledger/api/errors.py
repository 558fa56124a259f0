"""Refusals: whoever gets no answer gets one readable sentence, always in the same shape.

`{"error": {"type": ..., "message": ..., "param": ...}}`, or a page for a browser.
"""

import logging
from collections.abc import Mapping
from typing import Final

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response

from spanledger.api.headers import SECURITY_HEADERS
from spanledger.api.render import render
from spanledger.errors import HistoryRefused, InvalidQuery, SpanledgerError, StoreError

__all__ = ["ERROR_TYPES", "Refused", "SignInNeeded", "add_error_handlers", "invalid"]

RETRY_AFTER_S: Final = 5
"""How long a caller is asked to wait for a store that cannot answer, in seconds."""

ERROR_TYPES: Final[Mapping[int, str]] = {
    401: "unauthorized",
    403: "forbidden",
    404: "not_found",
    405: "method_not_allowed",
    409: "conflict",
    413: "too_large",
    422: "invalid_request",
    500: "internal",
    503: "unavailable",
}
"""The `type` of an error for each status that we answer."""

_MESSAGES: Final[Mapping[int, str]] = {
    404: "There is nothing at this address.",
    405: "This address does not answer that method.",
}

_FAULT: Final = "Something went wrong here. The server's log has the details."

_log = logging.getLogger(__name__)


class Refused(SpanledgerError):
    """A request that gets no answer: the status, one sentence, and the parameter to mend."""

    def __init__(
        self,
        status: int,
        message: str,
        *,
        param: str = "",
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.param = param
        self.headers = dict(headers or {})


class SignInNeeded(SpanledgerError):
    """A page was asked for by somebody who has not signed in, or whose session has ended."""


def invalid(message: str, *, param: str) -> Refused:
    """The parameter `param` makes no sense: `message` says why, and what would."""
    return Refused(422, message, param=param)


def add_error_handlers(app: FastAPI) -> None:
    """Let `app` answer every error in our shape, expected or not."""
    for kind in (SpanledgerError, RequestValidationError, HTTPException, Exception):
        app.add_exception_handler(kind, _answer)


async def _answer(request: Request, error: Exception) -> Response:
    if isinstance(error, SignInNeeded):
        return RedirectResponse("/login", 303)
    refused = _refusal(error)
    # The answer to an unexpected error is sent from outside our middleware, so it brings its own.
    headers = {**SECURITY_HEADERS, **refused.headers}
    answer = _page(refused) if _wants_page(request) else _json(refused)
    answer.headers.update(headers)
    return answer


def _refusal(error: Exception) -> Refused:
    """What `error` means to the caller; our own faults stay in the log."""
    match error:
        case Refused():
            return error
        case InvalidQuery():
            return Refused(422, str(error))
        case HistoryRefused():
            return Refused(409, str(error))
        case RequestValidationError():
            return _unreadable(error)
        case HTTPException():
            message = _MESSAGES.get(error.status_code, error.detail)
            return Refused(error.status_code, message, headers=error.headers)
        case _:
            return _our_fault(error)


def _our_fault(error: Exception) -> Refused:
    match error:
        case StoreError():
            _log.warning("the store cannot answer: %s", error)
            message = "The store cannot answer now. Nothing is lost: try again in a few seconds."
            return Refused(503, message, headers={"Retry-After": str(RETRY_AFTER_S)})
        case SpanledgerError():
            # A damaged key file, for one: it lets nobody in.
            _log.error("a request cannot be answered: %s", error)
            return Refused(500, _FAULT)
        case _:
            # Starlette raises it again, so the server logs it with its traceback.
            return Refused(500, _FAULT)


def _unreadable(error: RequestValidationError) -> Refused:
    """The first complaint of FastAPI's validation, as a sentence."""
    first = error.errors()[0]
    param = str(first["loc"][-1])
    return Refused(422, f"{param}: {first['msg']}", param=param)


def _wants_page(request: Request) -> bool:
    is_api = request.url.path.startswith("/v1/")
    return not is_api and "text/html" in request.headers.get("accept", "")


def _json(refused: Refused) -> Response:
    error = {"type": ERROR_TYPES.get(refused.status, "error"), "message": str(refused)}
    if refused.param:
        error["param"] = refused.param
    return JSONResponse({"error": error}, refused.status)


def _page(refused: Refused) -> Response:
    return render("error.html", status=refused.status, code=refused.status, message=str(refused))
