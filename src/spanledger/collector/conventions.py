"""From a span's attributes to a `Call`: what each name means is settled here and nowhere after."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Final, cast

from spanledger import attributes as names
from spanledger.call import NO_TAGS, Call, UsageSource
from spanledger.dialects.price_context import price_context
from spanledger.dialects.stated_cost import AMOUNT_MAX, exact_amount, stated_cost
from spanledger.dialects.usage import read_usage
from spanledger.errors import InvalidUsage
from spanledger.usage import Usage

__all__ = ["TEXT_MAX", "AttributeValue", "SpanRecord", "is_model_call", "to_call"]

AttributeValue = str | bool | int | float | bytes | Sequence["AttributeValue"] | None

TEXT_MAX: Final = 4096
"""Longer attribute texts are cut: nobody names a user with more than this."""

TAGS_MAX: Final = 64
"""Tags beyond this many, in the order of the span, are left out."""

EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class SpanRecord:
    """A span as OTLP delivers it, decoded but not yet understood."""

    trace_id: str
    span_id: str
    parent_span_id: str
    start_unix_nano: int
    end_unix_nano: int
    attributes: Mapping[str, AttributeValue]
    resource: Mapping[str, AttributeValue]
    failed: bool
    """The span's status is an error."""


def is_model_call(record: SpanRecord) -> bool:
    """Whether the span stands for a call of a model that nobody else stands for."""
    operation = _text(record.attributes, names.OPERATION_NAME)
    return operation in names.INFERENCE_OPERATIONS and not record.attributes.get(names.COVERED)


def to_call(record: SpanRecord, project: str) -> Call:
    """The call that `record` describes, in the project of the key that delivered it."""
    attrs, resource = record.attributes, record.resource
    provider, raw = _text(attrs, names.PROVIDER_NAME), _json_object(_text(attrs, names.USAGE_RAW))
    request_model = _text(attrs, names.REQUEST_MODEL)
    usage, problem = _usage(attrs, provider, raw)
    amount, currency = _reported(attrs, provider, raw)
    first_chunk = attrs.get(names.RESPONSE_TIME_TO_FIRST_CHUNK)
    return Call(
        project=project,
        trace_id=record.trace_id,
        span_id=record.span_id,
        parent_span_id=record.parent_span_id,
        start_time=EPOCH + timedelta(microseconds=record.start_unix_nano // 1000),
        duration_us=max(record.end_unix_nano - record.start_unix_nano, 0) // 1000,
        time_to_first_chunk_us=_microseconds(first_chunk),
        provider=provider,
        operation=_text(attrs, names.OPERATION_NAME),
        request_model=request_model,
        response_model=_text(attrs, names.RESPONSE_MODEL),
        response_id=_text(attrs, names.RESPONSE_ID),
        stream=attrs.get(names.REQUEST_STREAM) is True,
        error_type=_text(attrs, names.ERROR_TYPE) or ("_OTHER" if record.failed else ""),
        attempt=_count(attrs.get(names.ATTEMPT)),
        service=_text(resource, names.SERVICE_NAME),
        environment=_text(resource, names.DEPLOYMENT_ENVIRONMENT),
        user_id=_text(attrs, names.USER_ID),
        team=_text(attrs, names.TEAM),
        department=_text(attrs, names.DEPARTMENT),
        agent_id=_text(attrs, names.AGENT_ID) or _text(attrs, names.AGENT_NAME),
        conversation_id=_text(attrs, names.CONVERSATION_ID),
        message_id=_text(attrs, names.MESSAGE_ID),
        feature=_text(attrs, names.FEATURE),
        route=_text(attrs, names.ROUTE),
        api_key_id=_text(attrs, names.API_KEY_HASH),
        tags=_tags(attrs),
        skip_charge=attrs.get(names.SKIP_CHARGE) is True,
        replay=attrs.get(names.REPLAY) is True,
        usage=usage,
        usage_problem=problem,
        usage_source=_usage_source(attrs, usage, problem),
        usage_partial=attrs.get(names.USAGE_PARTIAL) is True,
        usage_raw=_text(attrs, names.USAGE_RAW),
        batch=attrs.get(names.REQUEST_BATCH) is True,
        request_service_tier=_text(attrs, names.REQUEST_SERVICE_TIER),
        response_service_tier=_text(attrs, names.RESPONSE_SERVICE_TIER),
        price_context=price_context(
            provider, raw or {}, host=_text(attrs, names.SERVER_ADDRESS), model=request_model
        ),
        reported_amount=amount,
        reported_currency=currency,
    )


def _usage(
    attrs: Mapping[str, AttributeValue], provider: str, raw: Mapping[str, object] | None
) -> tuple[Usage, str]:
    """The usage and what is wrong with it. The provider's own object wins: it is the evidence."""
    try:
        if raw is not None:
            return read_usage(provider, raw), ""
        stated = {unit: attrs.get(name) for unit, name in names.USAGE.items()}
        return Usage(**cast("Mapping[str, int]", stated)), ""
    except InvalidUsage as error:
        return Usage(), str(error)


def _reported(
    attrs: Mapping[str, AttributeValue], provider: str, raw: Mapping[str, object] | None
) -> tuple[Decimal | None, str]:
    """What the provider says that the call cost, and in which currency."""
    amount = exact_amount(attrs.get(names.COST_AMOUNT))
    if amount is not None and 0 <= amount < AMOUNT_MAX:
        return amount, _text(attrs, names.COST_CURRENCY).lower()
    return (stated_cost(provider, raw) if raw else None) or (None, "")


def _json_object(text: str) -> Mapping[str, object] | None:
    try:
        value = cast("object", json.loads(text)) if text else None
    except ValueError:
        return None
    return cast("Mapping[str, object]", value) if isinstance(value, dict) else None


def _usage_source(attrs: Mapping[str, AttributeValue], usage: Usage, problem: str) -> UsageSource:
    if _text(attrs, names.USAGE_SOURCE) == "estimated":
        return "estimated"
    return "provider" if usage.reported() or problem else "none"


def _text(attrs: Mapping[str, AttributeValue], name: str) -> str:
    """The attribute as text; numbers are spelled out, anything else counts as absent."""
    value = attrs.get(name)
    if isinstance(value, str):
        return value.replace("\x00", "")[:TEXT_MAX]
    return "" if (count := _count(value)) is None else str(count)


def _count(value: AttributeValue) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _tags(attrs: Mapping[str, AttributeValue]) -> Mapping[str, str]:
    tags = {
        name.removeprefix(names.TAG_PREFIX)[:TEXT_MAX]: _text(attrs, name)
        for name in attrs
        if name.startswith(names.TAG_PREFIX)
    }
    return dict(list(tags.items())[:TAGS_MAX]) if tags else NO_TAGS


def _microseconds(seconds: AttributeValue) -> int | None:
    if not isinstance(seconds, int | float) or not 0 <= seconds < timedelta.max.total_seconds():
        return None
    return round(seconds * 1_000_000)
