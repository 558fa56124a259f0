"""From an exchange to the attributes of its span: pure functions, and no secret among the facts."""

import re
from collections.abc import Callable, Mapping
from functools import lru_cache
from operator import attrgetter
from types import MappingProxyType
from typing import Final

from opentelemetry.util.types import AttributeValue

from spanledger import attributes as names
from spanledger.dialects.dialect import Answer, Dialect, Json, Request
from spanledger.dialects.hosts import provider_of
from spanledger.dialects.reader import read_request
from spanledger.dialects.table import DIALECTS
from spanledger.dialects.usage import read_usage
from spanledger.errors import InvalidUsage
from spanledger.instrumentation.api_key import hash_of_key, key_of
from spanledger.instrumentation.forms import known_body
from spanledger.instrumentation.gateways import gateway_facts
from spanledger.instrumentation.text import bounded, encode_json
from spanledger.instrumentation.wire import HttpRequest, telling_headers
from spanledger.usage import Usage

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

_DIALECTS: Final = {dialect.name: dialect for dialect in DIALECTS}

_DEFAULT_PORTS: Final = {"http": 80, "https": 443}

_conventional: Final[Callable[[Usage], tuple[int | None, ...]]] = attrgetter(*names.USAGE)


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
    url = request.url
    place, gateway = _place_facts(
        (url.scheme, url.host, url.port, url.path, url.query),
        dialect.name,
        tuple(telling_headers(request.headers).items()),
        tuple(endpoints.items()),
    )
    facts = place.copy()
    facts[names.REQUEST_STREAM] = asked.stream
    if asked.model:
        facts[names.REQUEST_MODEL] = bounded(asked.model)
    if asked.service_tier:
        facts[names.REQUEST_SERVICE_TIER] = bounded(asked.service_tier)
    if asked.conversation_id:
        facts[names.CONVERSATION_ID] = bounded(asked.conversation_id)
    if asked.previous_response_id:
        facts[names.PREVIOUS_RESPONSE_ID] = bounded(asked.previous_response_id)
    if asked.user_id:
        facts[names.USER_ID] = bounded(asked.user_id)
    if asked.batch:
        facts[names.REQUEST_BATCH] = True
    facts.update(gateway)
    facts.update(attribution)
    return facts


@lru_cache(maxsize=256)
def _place_facts(
    url: tuple[str, str, int | None, str, bytes],
    dialect_name: str,
    headers: tuple[tuple[str, str], ...],
    endpoints: tuple[tuple[str, str], ...],
) -> tuple[dict[str, AttributeValue], dict[str, str]]:
    """What an app's calls have in common: where they go, by whose key, and at which attempt.

    With it, what the headers tell a gateway.
    """
    scheme, host, given_port, path, query = url
    dialect = _DIALECTS[dialect_name]
    stated = dict(headers)
    port = _DEFAULT_PORTS.get(scheme) if given_port is None else given_port
    facts: dict[str, AttributeValue] = {
        names.OPERATION_NAME: dialect.operation,
        names.PROVIDER_NAME: provider_of(
            host, dialect, port=port, path=path, endpoints=dict(endpoints)
        ),
    }
    if host:
        facts[names.SERVER_ADDRESS] = bounded(host)
    if port is not None:
        facts[names.SERVER_PORT] = port
    if key_hash := hash_of_key(key_of(stated, query)):
        facts[names.API_KEY_HASH] = key_hash
    if (attempt := _attempt(stated)) is not None:
        facts[names.ATTEMPT] = attempt
    return facts, gateway_facts(stated)


def answer_facts(answer: Answer) -> dict[str, AttributeValue]:
    """What the answer says of itself; what it used is told apart."""
    facts: dict[str, AttributeValue] = {}
    for name, value in (
        (names.RESPONSE_MODEL, answer.model),
        (names.RESPONSE_ID, answer.response_id),
        (names.RESPONSE_SERVICE_TIER, answer.service_tier),
    ):
        if value:
            facts[name] = bounded(value)
    if answer.finish_reasons:
        facts[names.RESPONSE_FINISH_REASONS] = [bounded(one) for one in answer.finish_reasons]
    return facts


def usage_facts(provider: str, raw: Json | None) -> dict[str, AttributeValue]:
    """The usage as the provider stated it, and in the names of the conventions where it can be.

    A usage that cannot be true goes on raw: it is for the collector to say what is wrong with it.
    """
    if raw is None:
        return {names.USAGE_SOURCE: "none"}
    facts: dict[str, AttributeValue] = {names.USAGE_SOURCE: "provider"}
    evidence = encode_json(raw)
    if len(evidence) <= names.USAGE_RAW_BYTES_MAX:
        facts[names.USAGE_RAW] = evidence
    try:
        usage = read_usage(provider, raw)
    except InvalidUsage as error:
        facts[names.ANSWER_PROBLEM] = bounded(f"usage: {error}")
        return facts
    counts = zip(names.USAGE.values(), _conventional(usage), strict=True)
    facts.update({name: count for name, count in counts if count is not None})
    return facts


def error_name(error: BaseException) -> str:
    """The class of `error` as `error.type` wants it: with its module, unless it is a built-in."""
    kind = type(error)
    if kind.__module__ == "builtins":
        return kind.__qualname__
    return f"{kind.__module__}.{kind.__qualname__}"


def _attempt(headers: Mapping[str, str]) -> int | None:
    if amazon := _AMAZON_ATTEMPT.search(headers.get(_AMAZON_ATTEMPT_HEADER, "")):
        return int(amazon[1])
    retries = headers.get(_ATTEMPT_HEADER, "")
    # More digits than these are no count of tries.
    return int(retries) + 1 if retries.isdecimal() and len(retries) <= 4 else None
