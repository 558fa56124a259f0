"""One POST to the collector, and what its answer means. Imported by the sender's thread only."""

import gzip
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Final, Literal

import requests

from spanledger.instrumentation.otlp import export_request, rejected_spans
from spanledger.instrumentation.records import Attributes, Record
from spanledger.settings import OtlpTarget

__all__ = ["Delivery", "Verdict"]

Meaning = Literal["accepted", "unreachable", "again", "later", "split", "refused"]

_ANSWER_BYTES_MAX: Final = 64 * 1024

_OK_MAX: Final = 299
_REDIRECT_MAX: Final = 399
_TOO_LARGE: Final = 413
_AGAIN: Final = frozenset({408, 425, 429})
_LATER: Final = frozenset({401, 403, 404, 407})
"""Somebody has to mend a key or an address; until then the spool keeps what it can."""
_SERVER_ERROR: Final = 500


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of a batch."""

    meaning: Meaning
    why: str = ""
    """For the log; it quotes no header and no address."""
    after_s: float | None = None
    """When the collector wants to be asked again."""
    rejected: int = 0
    """Spans of an accepted batch that the collector did not want."""


class Delivery:
    """A connection to the collector."""

    def __init__(self, target: OtlpTarget) -> None:
        self._target = target
        self._session = requests.Session()
        # Without it the session would look for a password in the user's .netrc.
        self._session.auth = _leave_alone
        self._session.headers.update(
            {
                "user-agent": "spanledger",
                **target.headers,
                "content-type": "application/x-protobuf",
                "content-encoding": "gzip",
            }
        )
        if target.client_certificate:
            self._session.cert = (
                (target.client_certificate, target.client_key)
                if target.client_key
                else target.client_certificate
            )

    def post(
        self, resource: Attributes, records: Iterable[Record], *, timeout_s: float | None = None
    ) -> Verdict:
        """Deliver records; `timeout_s` may shorten what the variables allow."""
        body = gzip.compress(export_request(resource, records), 1)
        try:
            return self._post(
                body, min(timeout_s or self._target.timeout_s, self._target.timeout_s)
            )
        except (requests.RequestException, OSError, ValueError) as error:
            return Verdict("unreachable", type(error).__name__)

    def ask(self, url: str) -> tuple[int, bytes]:
        """Status and body that a GET of the same collector brings.

        Raises:
            OSError, ValueError: there is no answer; what `requests` raises is one of them.
        """
        timeout_s = self._target.timeout_s
        with self._session.get(
            url,
            timeout=timeout_s,
            allow_redirects=False,
            stream=True,
            verify=self._target.certificate or True,
        ) as response:
            return response.status_code, next(response.iter_content(_ANSWER_BYTES_MAX), b"")

    def close(self) -> None:
        """Give the connection back."""
        self._session.close()

    def _post(self, body: bytes, timeout_s: float) -> Verdict:
        with self._session.post(
            self._target.url,
            data=body,
            timeout=timeout_s,
            allow_redirects=False,
            stream=True,
            verify=self._target.certificate or True,
        ) as response:
            content = next(response.iter_content(_ANSWER_BYTES_MAX), b"")
            return judge(response.status_code, response.headers, content)


def judge(status: int, headers: Mapping[str, str], content: bytes) -> Verdict:
    """What an answer means for the batch that was sent."""
    why = f"the collector answered {status}"
    if status <= _OK_MAX:
        return _accepted(headers, content)
    if status in _AGAIN or status >= _SERVER_ERROR:
        return Verdict("again", why, _retry_after(headers.get("retry-after", "")))
    if status in _LATER or status <= _REDIRECT_MAX:
        return Verdict("later", why)
    return Verdict("split" if status == _TOO_LARGE else "refused", why)


def _accepted(headers: Mapping[str, str], content: bytes) -> Verdict:
    kind = headers.get("content-type", "").lower()
    if kind.startswith("text/html"):
        return Verdict("later", "a web page answered instead of the collector")
    refused = rejected_spans(content) if "protobuf" in kind else None
    if refused is None:
        return Verdict("accepted")
    return Verdict("accepted", refused[1], rejected=refused[0])


def _retry_after(text: str) -> float | None:
    """Seconds until the instant that a `Retry-After` names, in either of its forms."""
    if text.isdecimal():
        return float(text)
    try:
        instant = parsedate_to_datetime(text)
    except ValueError:
        return None
    if instant.tzinfo is None:
        instant = instant.replace(tzinfo=UTC)
    return max((instant - datetime.now(UTC)).total_seconds(), 0.0)


def _leave_alone(request: requests.PreparedRequest) -> requests.PreparedRequest:
    return request
