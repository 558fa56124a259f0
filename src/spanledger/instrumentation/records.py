"""A span as a line of JSON: what is spooled, and what is billed from; nothing else of it is kept.

JSON is read by every version of Python, so a later one delivers what an earlier one has left.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, cast

from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.trace import INVALID_SPAN_CONTEXT, SpanContext, StatusCode

from spanledger import attributes as names
from spanledger.instrumentation.text import encode_json

__all__ = [
    "RECORD_BYTES_MAX",
    "SCOPE",
    "Record",
    "call_payload",
    "read_record",
    "read_resource",
    "record_payload",
    "resource_payload",
]

SCOPE: Final = "spanledger"
"""The instrumentation scope of our own spans."""

RECORD_BYTES_MAX: Final = 1024 * 1024
"""A longer record goes without its long texts."""

_LONG_TEXT_CHARS: Final = 4096

_BILLABLE_PREFIXES: Final = (
    "gen_ai.usage.",
    "gen_ai.request.",
    "gen_ai.response.",
    "gen_ai.token.",
    "llm.usage.",
    "llm.token_count.",
    "llm.request.",
    "llm.response.",
    "spanledger.",
    "server.",
)
_BILLABLE_NAMES: Final = frozenset(
    {
        names.OPERATION_NAME,
        names.PROVIDER_NAME,
        names.CONVERSATION_ID,
        names.AGENT_ID,
        names.AGENT_NAME,
        names.ERROR_TYPE,
        names.USER_ID,
        "gen_ai.system",
        "llm.model_name",
        "llm.provider",
        "llm.system",
        "openinference.span.kind",
        "session.id",
    }
)

Attributes = Mapping[str, object]


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """A span that waits to be sent."""

    trace_id: bytes
    span_id: bytes
    parent_span_id: bytes
    name: str
    kind: int
    start_unix_nano: int
    end_unix_nano: int
    failed: bool
    scope: tuple[str, str]
    """Name and version of what made it."""
    attributes: Attributes


def record_payload(span: ReadableSpan) -> bytes:
    """The span as JSON in ASCII. Of a span that is not ours only what a bill needs is kept."""
    scope = span.instrumentation_scope
    # A mapping of the SDK's that gives its items one by one, each with a lock.
    whole: Any = span.attributes or {}
    attributes: dict[str, object] = whole.copy() if hasattr(whole, "copy") else dict(whole)
    if scope is None or scope.name != SCOPE:
        attributes = {name: value for name, value in attributes.items() if _billable(name)}
    return call_payload(
        span.get_span_context() or INVALID_SPAN_CONTEXT,
        span.parent,
        (span.name, span.kind.value, span.start_time or 0, span.end_time or 0),
        (scope.name, scope.version or "") if scope else ("", ""),
        attributes,
        failed=span.status.status_code is StatusCode.ERROR,
    )


def call_payload(  # noqa: PLR0913 - what a span consists of
    context: SpanContext,
    parent: SpanContext | None,
    event: tuple[str, int, int, int],
    scope: tuple[str, str],
    attributes: Attributes,
    *,
    failed: bool,
) -> bytes:
    """A span, of which there may be no object, as JSON in ASCII.

    Args:
        context: its ids.
        parent: of the span around it.
        event: name, kind as the SDK counts it, start and end in nanoseconds since 1970.
        scope: name and version of what recorded it.
        attributes: all of its attributes.
        failed: its status is an error.
    """
    parent_id = parent.span_id if parent is not None else 0
    head = (context.trace_id, context.span_id, parent_id, *event, int(failed), *scope)
    payload = encode_json((*head, attributes)).encode("ascii")
    if len(payload) <= RECORD_BYTES_MAX:
        return payload
    short = {name: value for name, value in attributes.items() if _short(value)}
    return encode_json((*head, short)).encode("ascii")


def _billable(name: str) -> bool:
    """Prompts and answers stand under many names in other people's spans; these are none."""
    return name in _BILLABLE_NAMES or name.startswith(_BILLABLE_PREFIXES)


def _short(value: object) -> bool:
    return not isinstance(value, str | tuple | list) or len(encode_json(value)) <= _LONG_TEXT_CHARS


def read_record(payload: bytes) -> Record | None:
    """The record of a payload; `None` where it is none of ours."""
    try:
        fields = cast("Sequence[object]", json.loads(payload))
        trace_id, span_id, parent_id, name, kind, start, end, failed, *rest = fields
        scope, version, attributes = rest
        return Record(
            trace_id=_integer(trace_id).to_bytes(16, "big"),
            span_id=_integer(span_id).to_bytes(8, "big"),
            parent_span_id=_integer(parent_id).to_bytes(8, "big") if parent_id else b"",
            name=str(name),
            # The SDK's kinds lie one below those of the wire.
            kind=_integer(kind) + 1,
            start_unix_nano=_integer(start),
            end_unix_nano=_integer(end),
            failed=bool(failed),
            scope=(str(scope), str(version)),
            attributes=_object(attributes),
        )
    except (ValueError, TypeError, OverflowError, RecursionError):
        return None


def resource_payload(resource: Resource) -> bytes:
    """The attributes of a resource, as JSON in ASCII."""
    return encode_json(dict(resource.attributes)).encode("ascii")


def read_resource(payload: bytes) -> Attributes | None:
    """The attributes of a resource; `None` where the payload is something else."""
    try:
        return _object(json.loads(payload))
    except (ValueError, TypeError, RecursionError):
        return None


def _integer(value: object) -> int:
    if not isinstance(value, int):
        msg = "an integer is expected"
        raise TypeError(msg)
    return value


def _object(value: object) -> Attributes:
    if not isinstance(value, dict):
        msg = "an object is expected"
        raise TypeError(msg)
    return cast("Attributes", value)
