"""One POST to the collector, and what its answer means. Imported by the sender's thread only."""

import gzip
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any, Final, Literal, cast

import requests
import urllib3
from requests.adapters import DEFAULT_CA_BUNDLE_PATH
from requests.utils import get_auth_from_url, select_proxy

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
    status: int | None = None
    """Of the answer, where there was one."""


class Delivery:
    """A connection to the collector.

    requests says which proxy and which certificates the environment wants, and urllib3 posts:
    requests would find them out anew for every batch, which takes longer than all the rest.
    """

    def __init__(self, target: OtlpTarget) -> None:
        self._target = target
        self._pool: urllib3.PoolManager | None = None
        self._headers = {
            "user-agent": "spanledger",
            **target.headers,
            "content-type": "application/x-protobuf",
            "content-encoding": "gzip",
        }

    def post(
        self, resource: Attributes, records: Iterable[Record], *, timeout_s: float | None = None
    ) -> Verdict:
        """Deliver records; `timeout_s` may shorten what the variables allow."""
        body = gzip.compress(export_request(resource, records), 1)
        try:
            return self._post(
                body, min(timeout_s or self._target.timeout_s, self._target.timeout_s)
            )
        except (urllib3.exceptions.HTTPError, OSError, ValueError) as error:
            return Verdict("unreachable", type(error).__name__)

    def ask(self, url: str) -> tuple[int, bytes]:
        """Status and body that a GET of the same collector brings.

        Raises:
            OSError, ValueError: there is no answer.
        """
        try:
            response, content = self._request("GET", url, self._target.timeout_s)
        except urllib3.exceptions.HTTPError as error:
            if isinstance(error, ValueError):
                raise
            raise ConnectionError from error
        return response.status, content

    def close(self) -> None:
        """Give the connection back."""
        if self._pool is not None:
            self._pool.clear()

    def _post(self, body: bytes, timeout_s: float) -> Verdict:
        response, content = self._request("POST", self._target.url, timeout_s, body)
        verdict = judge(response.status, response.headers, content)
        return replace(verdict, status=response.status)

    def _request(
        self, method: str, url: str, timeout_s: float, body: bytes | None = None
    ) -> tuple[urllib3.BaseHTTPResponse, bytes]:
        self._pool = self._pool or _connected(self._target)
        response = self._pool.request(
            method,
            url,
            body=body,
            headers=self._headers if body is not None else self._target.headers,
            timeout=timeout_s,
            retries=False,
            redirect=False,
            preload_content=False,
        )
        content = response.read(_ANSWER_BYTES_MAX, decode_content=True)
        if response.read(1):
            # What is left of it would be taken for the next answer.
            response.close()
        response.release_conn()
        return response, content


def _connected(target: OtlpTarget) -> urllib3.PoolManager:
    if not target.url.lower().startswith(("http://", "https://")):
        raise ValueError
    found = cast(
        "Mapping[str, Any]",
        requests.Session().merge_environment_settings(
            target.url, {}, None, target.certificate or None, None
        ),
    )
    verify: object = found["verify"]
    trusted = verify if isinstance(verify, str) else DEFAULT_CA_BUNDLE_PATH
    options: dict[str, Any] = {
        "ca_cert_dir" if Path(trusted).is_dir() else "ca_certs": trusted,
        "cert_file": target.client_certificate or None,
        "key_file": target.client_key or None,
    }
    proxy = select_proxy(target.url, found["proxies"])
    return _proxied(proxy, options) if proxy else urllib3.PoolManager(**options)


def _proxied(proxy: str, options: Mapping[str, Any]) -> urllib3.PoolManager:
    if proxy.lower().startswith("socks"):
        from urllib3.contrib.socks import SOCKSProxyManager  # noqa: PLC0415 - needs PySocks

        return SOCKSProxyManager(proxy, **options)
    user, password = get_auth_from_url(proxy)
    headers = urllib3.make_headers(proxy_basic_auth=f"{user}:{password}") if user else None
    address = proxy if "://" in proxy else f"http://{proxy}"
    return urllib3.ProxyManager(address, proxy_headers=headers, **options)


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
