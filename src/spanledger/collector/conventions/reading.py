"""A span that stands for a call of a model, as a `Call`."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from types import MappingProxyType
from typing import Final

from spanledger import attributes as names
from spanledger.call import NO_TAGS, Call, UsageSource
from spanledger.collector.conventions.genai import GENAI, OPENLIT, OURS, TRACELOOP_JS
from spanledger.collector.conventions.kinds import operation_of
from spanledger.collector.conventions.langfuse import LANGFUSE
from spanledger.collector.conventions.litellm import LITELLM
from spanledger.collector.conventions.openinference import OPENINFERENCE, asked_model, response_id
from spanledger.collector.conventions.providers import provider_name
from spanledger.collector.conventions.quantities import usage_of
from spanledger.collector.conventions.record import (
    TEXT_MAX,
    AttributeValue,
    SpanRecord,
    as_count,
    as_object,
    as_text,
)
from spanledger.collector.conventions.table import Convention, Found
from spanledger.collector.conventions.vercel import VERCEL, VERCEL_BEFORE_6, provider_metadata
from spanledger.dialects.price_context import price_context
from spanledger.dialects.stated_cost import AMOUNT_MAX, exact_amount, stated_cost
from spanledger.errors import InvalidUsage
from spanledger.usage import Usage

__all__ = ["TAGS_MAX", "convention_of", "is_ours", "to_call"]

TAGS_MAX: Final = 64
"""Tags beyond this many, in the order of the span, are left out."""

_NOTHING: Final[Mapping[str, object]] = MappingProxyType({})

EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)

_STATED: Final = frozenset({"provider", "reported"})
"""Values of `gen_ai.usage.cost.source` that mean the provider's own word."""

_MARKS: Final = (
    ("langfuse.observation.type", LANGFUSE),
    ("ai.operationId", VERCEL_BEFORE_6),
    ("openinference.span.kind", OPENINFERENCE),
    ("litellm.call_id", LITELLM),
)
"""Attributes that only one family of libraries has."""

_SINCE_6: Final = "ai.usage.inputTokenDetails."

_SCOPES: Final = (("litellm", LITELLM), ("openlit", OPENLIT), ("@traceloop/", TRACELOOP_JS))
"""How the names of libraries begin that have no such attribute."""

_CLASS: Final = re.compile(r"<class '([^']+)'>")

_SECONDS_MAX: Final = timedelta.max.total_seconds()


@dataclass(slots=True)
class _Counted:
    usage: Usage
    raw: Mapping[str, object]
    """The provider's own object; empty where there is none."""
    text: str
    """The same as JSON."""
    problem: str = ""


def convention_of(record: SpanRecord) -> Convention:
    """The table by which the span is read."""
    if is_ours(record):
        return OURS
    for mark, convention in _MARKS:
        if mark in record.attributes:
            is_new = any(name.startswith(_SINCE_6) for name in record.attributes)
            return VERCEL if convention is VERCEL_BEFORE_6 and is_new else convention
    if record.attributes.get("telemetry.sdk.name") == "openlit":
        return OPENLIT
    scope = record.scope
    return next((found for begin, found in _SCOPES if scope.startswith(begin)), GENAI)


def is_ours(record: SpanRecord) -> bool:
    """Whether the span was made by our own instrumentation."""
    return record.scope == "spanledger" or names.USAGE_SOURCE in record.attributes


def to_call(record: SpanRecord, project: str, operation: str | None = None) -> Call:
    """The call that `record` describes.

    Args:
        record: a span of a call of a model.
        project: of the key that delivered it.
        operation: of the span, where that is known already.
    """
    convention = convention_of(record)
    found = convention.find(record.attributes)
    address, request_model = _text(found, "address"), _asked_model(convention, found)
    provider = _provider(convention, found, record, address)
    counted = _counted(convention, provider, found)
    raw = counted.raw
    amount, currency = _reported(convention, found, provider, raw)
    start, duration = _times(record)
    return Call(
        project=project,
        trace_id=record.trace_id,
        span_id=record.span_id,
        parent_span_id=record.parent_span_id,
        start_time=EPOCH + timedelta(microseconds=start // 1000),
        duration_us=duration // 1000,
        time_to_first_chunk_us=_first_chunk(found),
        provider=provider,
        operation=operation_of(record) if operation is None else operation,
        request_model=request_model,
        response_model=_text(found, "response_model"),
        response_id=_unquoted(found, "response_id") or _id_in_answer(convention, record),
        stream=_is_stream(found, record),
        error_type=_error_type(found, record),
        attempt=as_count(found.get("attempt")),
        service=as_text(record.resource.get(names.SERVICE_NAME)),
        environment=_environment(record.resource),
        user_id=_text(found, "user_id"),
        team=_text(found, "team"),
        department=_text(found, "department"),
        agent_id=_text(found, "agent_id"),
        conversation_id=_text(found, "conversation_id"),
        message_id=_text(found, "message_id"),
        feature=_text(found, "feature"),
        route=_text(found, "route"),
        api_key_id=_text(found, "api_key_id"),
        tags=_tags(record.attributes),
        skip_charge=found.get("skip_charge") is True,
        replay=found.get("replay") is True,
        usage=counted.usage,
        usage_problem=counted.problem,
        usage_source=_usage_source(found, counted),
        usage_partial=found.get("usage_partial") is True,
        usage_raw=counted.text,
        batch=found.get("batch") is True,
        request_service_tier=_text(found, "request_service_tier"),
        response_service_tier=_response_tier(found),
        price_context=price_context(provider, raw, host=address, model=request_model),
        reported_amount=amount,
        reported_currency=currency,
    )


def _counted(convention: Convention, provider: str, found: Found) -> _Counted:
    """The usage and what is wrong with it. The provider's own object wins: it is the evidence."""
    stated = _text(found, "usage_raw")
    try:
        evidence = convention.evidence(provider, found)
        if evidence is not None and (stated or evidence[0].reported()):
            usage, raw = evidence
            return _Counted(usage, raw, stated or (json.dumps(raw)[:TEXT_MAX] if raw else ""))
        return _Counted(usage_of(convention, provider, found), _NOTHING, stated)
    except InvalidUsage as error:
        return _Counted(Usage(), as_object(stated) or _NOTHING, stated, str(error))


def _reported(
    convention: Convention, found: Found, provider: str, raw: Mapping[str, object]
) -> tuple[Decimal | None, str]:
    """What the provider says that the call cost, and in which currency. Estimates are not it."""
    if convention.cost_is_stated or _text(found, "cost_source").lower() in _STATED:
        amount = exact_amount(found.get("cost_amount"))
        if amount is not None and 0 <= amount < AMOUNT_MAX:
            return amount, _text(found, "cost_currency").lower()
    return (stated_cost(provider, raw) if raw else None) or (None, "")


def _usage_source(found: Found, counted: _Counted) -> UsageSource:
    if _text(found, "usage_source") == "estimated":
        return "estimated"
    return "provider" if counted.usage.reported() or counted.problem else "none"


def _text(found: Found, name: str) -> str:
    value = found.get(name)
    return "" if value is None else as_text(value)


def _unquoted(found: Found, name: str) -> str:
    """Langfuse writes metadata as JSON, a text in quotation marks."""
    return _text(found, name).strip('"')


def _times(record: SpanRecord) -> tuple[int, int]:
    """(start, duration) in nanoseconds.

    A log of Logfire's stands for a stream that is over, and says how long it took.
    """
    start, end = record.start_unix_nano, record.end_unix_nano
    if record.attributes.get("logfire.span_type") == "log":
        took = record.attributes.get("duration")
        if isinstance(took, float) and 0 <= took < start / 1e9:
            nanoseconds = round(took * 1e9)
            return start - nanoseconds, nanoseconds
    return start, max(end - start, 0)


def _first_chunk(found: Found) -> int | None:
    """From the request to the first chunk, in microseconds."""
    seconds, per_second = found.get("first_chunk_seconds"), 1_000_000
    if seconds is None:
        seconds, per_second = found.get("first_chunk_milliseconds"), 1000
    if not isinstance(seconds, int | float) or not 0 <= seconds < _SECONDS_MAX:
        return None
    return round(seconds * per_second)


def _is_stream(found: Found, record: SpanRecord) -> bool:
    stated = found.get("stream")
    if stated is not None:
        return stated is True or stated == "True"
    operation = record.attributes.get("ai.operationId")
    return isinstance(operation, str) and operation.endswith(".doStream")


def _error_type(found: Found, record: SpanRecord) -> str:
    stated = _text(found, "error_type")
    if found_class := _CLASS.fullmatch(stated):
        return found_class[1]
    failed = record.failed or _text(found, "level") == "ERROR"
    return stated or ("_OTHER" if failed else "")


def _environment(resource: Mapping[str, AttributeValue]) -> str:
    return as_text(resource.get(names.DEPLOYMENT_ENVIRONMENT)) or as_text(
        resource.get("deployment.environment")
    )


def _provider(convention: Convention, found: Found, record: SpanRecord, address: str) -> str:
    """Ours is kept as it is: it has been found by the host, or named by the user."""
    if convention is OURS:
        return _text(found, "provider")
    return provider_name(_stated_provider(found, record), address)


def _stated_provider(found: Found, record: SpanRecord) -> str:
    """As the span has it, or as the name of LiteLLM's model begins.

    Langfuse's wrapper of OpenAI's SDK names its spans after it, and has no other word for it.
    """
    stated = _unquoted(found, "provider")
    if not stated and "deployment" in found:
        stated, slash, _ = _text(found, "deployment").partition("/")
        stated = stated if slash else ""
    return stated or ("openai" if record.name.startswith("OpenAI") else "")


def _asked_model(convention: Convention, found: Found) -> str:
    stated = _text(found, "request_model")
    return stated or (asked_model(found) if convention is OPENINFERENCE else "")


def _id_in_answer(convention: Convention, record: SpanRecord) -> str:
    return response_id(record) if convention is OPENINFERENCE else ""


def _response_tier(found: Found) -> str:
    stated = _unquoted(found, "response_service_tier")
    if stated or "metadata" not in found:
        return stated
    tier = provider_metadata(found).get("openai", {}).get("serviceTier")
    return tier[:TEXT_MAX] if isinstance(tier, str) else ""


def _tags(attributes: Mapping[str, AttributeValue]) -> Mapping[str, str]:
    tagged = [name for name in attributes if name.startswith(names.TAG_PREFIX)]
    if not tagged:
        return NO_TAGS
    return {
        name.removeprefix(names.TAG_PREFIX)[:TEXT_MAX]: as_text(attributes[name])
        for name in tagged[:TAGS_MAX]
    }
