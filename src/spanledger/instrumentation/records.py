"""A span as a line of JSON: what is spooled, and what is billed from; nothing else of it is kept.

JSON is read by every version of Python, so a later one delivers what an earlier one has left.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple, cast

from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.trace import StatusCode

from spanledger import attributes as names
from spanledger.dialects.dialect import Json
from spanledger.instrumentation.facts import usage_facts
from spanledger.instrumentation.text import encode_json

__all__ = [
    "RECORD_BYTES_MAX",
    "SCOPE",
    "Head",
    "Record",
    "read_record",
    "read_resource",
    "record_payload",
    "resource_payload",
    "span_payload",
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
        "embedding.model_name",
        "gen_ai.system",
        "langfuse.observation.model.name",
        "langfuse.observation.type",
        "langfuse.observation.usage_details",
        "llm.model_name",
        "llm.provider",
        "llm.system",
        "logfire.span_type",
        "openinference.span.kind",
        "session.id",
        "traceloop.span.kind",
    }
)

Attributes = Mapping[str, object]


class Record(NamedTuple):
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
    scope, context, parent = span.instrumentation_scope, span.get_span_context(), span.parent
    # A mapping of the SDK's that gives its items one by one, each with a lock.
    whole: Any = span.attributes or {}
    attributes: dict[str, object] = whole.copy() if hasattr(whole, "copy") else dict(whole)
    if scope is None or scope.name != SCOPE:
        attributes = {name: value for name, value in attributes.items() if _billable(name)}
    return span_payload(
        (
            context.trace_id if context else 0,
            context.span_id if context else 0,
            parent.span_id if parent else 0,
            span.name,
            span.kind.value,
            span.start_time or 0,
            span.end_time or 0,
            int(span.status.status_code is StatusCode.ERROR),
            scope.name if scope else "",
            (scope.version or "") if scope else "",
        ),
        attributes,
    )


Head = tuple[int, int, int, str, int, int, int, int, str, str]
"""Of a span: the ids of its trace, itself and its parent (0 where there is none), name, kind as the
SDK counts it, start and end in nanoseconds since 1970, 1 where it failed, name and version of what
recorded it."""


def span_payload(head: Head, attributes: Attributes) -> bytes:
    """A span, of which there need be no object, as JSON in ASCII.

    The raw usage among its attributes may still be an object: who reads the record spells it.
    """
    payload = encode_json((*head, attributes)).encode("ascii")
    if len(payload) <= RECORD_BYTES_MAX:
        return payload
    short = {name: value for name, value in attributes.items() if _short(value)}
    return encode_json((*head, short)).encode("ascii")


def _billable(name: str) -> bool:
    """Prompts and answers stand under many names in other people's spans; these are none."""
    return name in _BILLABLE_NAMES or name.startswith(_BILLABLE_PREFIXES)


def _short(value: object) -> bool:
    return (
        not isinstance(value, str | tuple | list | dict)
        or len(encode_json(value)) <= _LONG_TEXT_CHARS
    )


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
            attributes=_with_usage(_object(attributes)),
        )
    except (ValueError, TypeError, OverflowError, RecursionError):
        return None


def _with_usage(attributes: dict[str, object]) -> Attributes:
    """The attributes, with a usage that was kept as an object in the names of the conventions."""
    raw = attributes.get(names.USAGE_RAW)
    if isinstance(raw, dict):
        del attributes[names.USAGE_RAW]
        provider = str(attributes.get(names.PROVIDER_NAME, ""))
        attributes.update(usage_facts(provider, cast("Json", raw)))
    return attributes


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


def _object(value: object) -> dict[str, object]:
    if not isinstance(value, dict):
        msg = "an object is expected"
        raise TypeError(msg)
    return cast("dict[str, object]", value)
