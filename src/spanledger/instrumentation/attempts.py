"""Which exchanges are attempts of one call: an SDK sends it again when it was refused.

Amazon's SDK names the call in a header, and so does an app that sends an idempotency key. The
others say at most how often they have tried (OpenAI, Anthropic, Groq) or nothing (Google, Mistral,
Cohere, LiteLLM): there an exchange belongs to the one before it in the same context if that one
failed in a way that is worth another try, and went to the same place with the same body.
"""

import os
import time
from collections.abc import Mapping
from contextvars import ContextVar
from dataclasses import dataclass
from hashlib import blake2b, sha256
from typing import Final

from opentelemetry.util.types import AttributeValue

from spanledger import attributes as names
from spanledger.instrumentation.forms import known_body
from spanledger.instrumentation.wire import HttpRequest

__all__ = ["Attempt"]

_KEY_HEADERS: Final = ("amz-sdk-invocation-id", "idempotency-key", "x-idempotency-key")

_WORTH_ANOTHER_TRY: Final = frozenset({408, 409, 425, 429})
"""As is every status from 500."""

_PATIENCE_S: Final = 600
"""SDKs wait a minute or so between attempts."""


@dataclass(frozen=True, slots=True)
class _Failed:
    """An exchange that may be tried again."""

    retry_id: str
    attempt: int
    signature: bytes
    at_s: float
    """By the monotonic clock."""


_failed: Final[ContextVar[_Failed | None]] = ContextVar("spanledger_failed_attempt", default=None)
"""The last exchange of this context, if it failed."""


class Attempt:
    """An exchange as one attempt of a call, begun in the present context."""

    __slots__ = ("_before", "_request")

    def __init__(self, request: HttpRequest) -> None:
        self._request = request
        self._before = _failed.get()
        if self._before is not None:
            _failed.set(None)

    def over(
        self,
        asked: Mapping[str, AttributeValue],
        told: Mapping[str, AttributeValue],
        error: BaseException | None,
    ) -> dict[str, AttributeValue]:
        """What ties this attempt to the others; nothing where there can be no others.

        Args:
            asked: the facts of the request.
            told: those of the answer.
            error: what came instead of it.
        """
        failed = _is_worth_another_try(told.get(names.HTTP_RESPONSE_STATUS_CODE), error)
        counted = asked.get(names.ATTEMPT)
        if not failed and self._before is None and counted in {None, 1}:
            return {}
        signature = _signature(self._request)
        before = self._before
        if before is not None and not _is_again(before, signature):
            before = None
        named = _named_id(self._request)
        if not (named or before or failed):
            return {}
        retry_id = named or (before.retry_id if before else os.urandom(8).hex())
        attempt = counted if isinstance(counted, int) else before.attempt + 1 if before else 1
        if failed and signature:
            _failed.set(_Failed(retry_id, attempt, signature, time.monotonic()))
        if named and before is None:
            # The attempts before it may have been made elsewhere.
            return {names.RETRY_ID: retry_id}
        return {names.RETRY_ID: retry_id, names.ATTEMPT: attempt}


def _is_worth_another_try(status: AttributeValue | None, error: BaseException | None) -> bool:
    if isinstance(status, int):
        return status in _WORTH_ANOTHER_TRY or status >= 500
    return isinstance(error, Exception)  # a cancelled call is not tried again


def _is_again(before: _Failed, signature: bytes) -> bool:
    return before.signature == signature and time.monotonic() - before.at_s < _PATIENCE_S


def _named_id(request: HttpRequest) -> str:
    """From the header that names the call, where there is one: a hash, as the app may choose it."""
    headers = {name.lower(): value for name, value in request.headers.items()}
    key = next((headers[name] for name in _KEY_HEADERS if headers.get(name)), "")
    return sha256(key.encode("utf-8", "replace")).hexdigest()[:16] if key else ""


def _signature(request: HttpRequest) -> bytes:
    """The same for the same request; empty where the body is a stream, which nobody can compare."""
    body = known_body(request)
    if not body:
        return b""
    digest = blake2b(body, digest_size=16)
    digest.update(repr((request.url.host, request.url.port, request.url.path)).encode())
    return digest.digest()
