"""From an exchange to the attributes of its span: pure functions, and no secret among the facts."""

import json
import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from opentelemetry.util.types import AttributeValue

from spanledger import attributes as names
from spanledger.dialects.dialect import Answer, Dialect, Json, Request
from spanledger.dialects.hosts import provider_of
from spanledger.dialects.reader import read_request
from spanledger.dialects.usage import read_usage
from spanledger.errors import InvalidUsage
from spanledger.instrumentation.api_key import hash_of_key, key_of
from spanledger.instrumentation.forms import known_body
from spanledger.instrumentation.gateways import gateway_facts
from spanledger.instrumentation.text import bounded
from spanledger.instrumentation.wire import HttpRequest, HttpUrl

__all__ = [
    "answer_facts",
    "error_name",
    "read_asked",
    "request_facts",
    "span_name",
    "usage_facts",
]

_ATTEMPT_HEADER: Final = "x-stainless-retry-count"
"""Sent by the SDKs of OpenAI and Anthropic: 0 on the first try."""

_AMAZON_ATTEMPT_HEADER: Final = "amz-sdk-request"

_AMAZON_ATTEMPT: Final = re.compile(r"\battempt=([1-9]\d{0,3})\b", re.ASCII)
"""As in `attempt=1; max=5`: botocore counts from one."""

_DEFAULT_PORTS: Final = {"http": 80, "https": 443}

_COMPACT: Final = json.JSONEncoder(separators=(",", ":"))


def read_asked(request: HttpRequest, dialect: Dialect) -> Request:
    """What the request asks for; its path alone where the body is a stream, which is not ours."""
    return read_request(dialect, request.url.path, known_body(request))


def span_name(dialect: Dialect, asked: Request) -> str:
    """`{operation} {model}`, as the conventions have it."""
    return f"{dialect.operation} {bounded(asked.model)}".rstrip()


def request_facts(
    request: HttpRequest,
    dialect: Dialect,
    asked: Request,
    attribution: Mapping[str, str | bool],
    endpoints: Mapping[str, str] = MappingProxyType({}),
) -> dict[str, AttributeValue]:
    """All that is known before the request leaves.

    Of two that say whom it is for the nearer to the app wins: its attribution, then the headers
    meant for a gateway, then the body. `endpoints` are the user's own hosts.
    """
    headers = {name.lower(): value for name, value in request.headers.items()}
    facts: dict[str, AttributeValue] = {
        names.OPERATION_NAME: dialect.operation,
        names.PROVIDER_NAME: provider_of(
            request.url.host,
            dialect,
            port=_port(request.url),
            path=request.url.path,
            endpoints=endpoints,
        ),
        names.REQUEST_STREAM: asked.stream,
        names.SERVER_ADDRESS: bounded(request.url.host),
        names.REQUEST_MODEL: bounded(asked.model),
        names.REQUEST_SERVICE_TIER: bounded(asked.service_tier),
        names.CONVERSATION_ID: bounded(asked.conversation_id),
        names.PREVIOUS_RESPONSE_ID: bounded(asked.previous_response_id),
        names.USER_ID: bounded(asked.user_id),
        names.API_KEY_HASH: hash_of_key(key_of(headers, request.url.query)),
    }
    if asked.batch:
        facts[names.REQUEST_BATCH] = True
    if (port := _port(request.url)) is not None:
        facts[names.SERVER_PORT] = port
    if (attempt := _attempt(headers)) is not None:
        facts[names.ATTEMPT] = attempt
    facts.update(gateway_facts(headers))
    facts.update(attribution)
    return _stated(facts)


def answer_facts(provider: str, answer: Answer) -> dict[str, AttributeValue]:
    """What the answer says of itself, and what it used."""
    facts: dict[str, AttributeValue] = {
        names.RESPONSE_MODEL: bounded(answer.model),
        names.RESPONSE_ID: bounded(answer.response_id),
        names.RESPONSE_SERVICE_TIER: bounded(answer.service_tier),
        names.RESPONSE_FINISH_REASONS: [bounded(reason) for reason in answer.finish_reasons],
    }
    return _stated(facts) | usage_facts(provider, answer.usage)


def usage_facts(provider: str, raw: Json | None) -> dict[str, AttributeValue]:
    """The usage as the provider stated it, and in the names of the conventions where it can be.

    A usage that cannot be true goes on raw: it is for the collector to say what is wrong with it.
    """
    if raw is None:
        return {names.USAGE_SOURCE: "none"}
    facts: dict[str, AttributeValue] = {names.USAGE_SOURCE: "provider"}
    evidence = _COMPACT.encode(raw)
    if len(evidence) <= names.USAGE_RAW_BYTES_MAX:
        facts[names.USAGE_RAW] = evidence
    try:
        reported = read_usage(provider, raw).reported()
    except InvalidUsage:
        return facts
    return facts | {
        names.USAGE[unit]: count for unit, count in reported.items() if unit in names.USAGE
    }


def error_name(error: BaseException) -> str:
    """The class of `error` as `error.type` wants it: with its module, unless it is a built-in."""
    kind = type(error)
    if kind.__module__ == "builtins":
        return kind.__qualname__
    return f"{kind.__module__}.{kind.__qualname__}"


def _stated(facts: Mapping[str, AttributeValue]) -> dict[str, AttributeValue]:
    """The facts without empty texts and lists: nothing was said is not the same as ''."""
    return {name: value for name, value in facts.items() if value not in ("", [])}


def _port(url: HttpUrl) -> int | None:
    return _DEFAULT_PORTS.get(url.scheme) if url.port is None else url.port


def _attempt(headers: Mapping[str, str]) -> int | None:
    if amazon := _AMAZON_ATTEMPT.search(headers.get(_AMAZON_ATTEMPT_HEADER, "")):
        return int(amazon[1])
    retries = headers.get(_ATTEMPT_HEADER, "")
    # More digits than these are no count of tries.
    return int(retries) + 1 if retries.isdecimal() and len(retries) <= 4 else None
