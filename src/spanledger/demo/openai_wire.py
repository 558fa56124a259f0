"""OpenAI's wire format: its endpoints, headers and errors."""

from collections.abc import Mapping
from typing import Final

from spanledger.demo.openai_chat import answer_chat
from spanledger.demo.openai_embeddings import answer_embeddings
from spanledger.demo.openai_responses import answer_response
from spanledger.demo.wire import Endpoint, Habits, indented

__all__ = ["ENDPOINTS", "HABITS"]


def _headers(request_id: str, status: int) -> Mapping[str, str]:
    limited = {"retry-after-ms": "20", "retry-after": "1"} if status == 429 else {}
    return {
        "server": "cloudflare",
        "openai-organization": "spanledger-demo",
        "openai-processing-ms": "7",
        "openai-version": "2020-10-01",
        "x-ratelimit-limit-requests": "10000",
        "x-ratelimit-limit-tokens": "2000000",
        "x-ratelimit-remaining-requests": "9999",
        "x-ratelimit-remaining-tokens": "1999900",
        "x-ratelimit-reset-requests": "6ms",
        "x-ratelimit-reset-tokens": "3ms",
        "x-request-id": request_id,
        "strict-transport-security": "max-age=31536000; includeSubDomains; preload",
        **limited,
    }


_ERRORS: Final = {
    400: ("invalid_request_error", None, "We could not parse the JSON body of your request."),
    401: ("invalid_request_error", "invalid_api_key", "Incorrect API key provided."),
    404: ("invalid_request_error", None, "Invalid URL"),
    429: ("requests", "rate_limit_exceeded", "Rate limit reached for requests per min (RPM)."),
    500: ("server_error", None, "The server had an error while processing your request."),
}


def _error(status: int, request_id: str, detail: str) -> bytes:
    del request_id  # OpenAI states it in the headers only
    kind, code, message = _ERRORS[status]
    body = {"message": detail or message, "type": kind, "param": None, "code": code}
    return indented({"error": body})


HABITS: Final = Habits(
    provider="openai",
    prefix="/openai",
    key_headers=("authorization",),
    gzip_streams=False,
    headers=_headers,
    error=_error,
)

ENDPOINTS: Final = (
    Endpoint(path="/openai/v1/chat/completions", answer=answer_chat),
    Endpoint(path="/openai/v1/responses", answer=answer_response),
    Endpoint(path="/openai/v1/embeddings", answer=answer_embeddings, stream=False),
)
