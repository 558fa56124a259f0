"""OTLP over JSON: bytes to span records.

Not protobuf's own JSON: ids are hex, and both spellings of a name are read. Unknown fields are
ignored. Wire format: https://opentelemetry.io/docs/specs/otlp/#json-protobuf-encoding
"""

import base64
import binascii
import json
import math
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Final, cast

from spanledger.collector.conventions import AttributeValue
from spanledger.collector.records import Export, MalformedBody, SpanFields, Spans

__all__ = ["parse_json"]

INT64: Final = (-(2**63), 2**63 - 1)
UINT64: Final = (0, 2**64 - 1)
NO_NUMBERS: Final = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}
"""Doubles that JSON has no literal for."""
WHOLE: Final = re.compile(r"-?[0-9]{1,20}")
DECIMAL: Final = re.compile(r"-?[0-9]{1,400}(\.[0-9]{1,400})?([eE][-+]?[0-9]{1,4})?")
"""Python itself reads more as a number: underscores, spaces, other scripts' digits."""
ERROR_CODES: Final = frozenset({2, "2", "STATUS_CODE_ERROR"})

Object = Mapping[str, object]


def parse_json(body: bytes) -> Export:
    """The spans of an export request.

    Raises:
        MalformedBody: `body` is not JSON of an `ExportTraceServiceRequest`.
        TooManySpans: it holds more than a request may.
    """
    spans = Spans()
    for resource_spans in _objects(_document(body), "resourceSpans", "resource_spans"):
        described = _object(_field(resource_spans, "resource") or {}, "resource")
        resource = spans.attributes(_attributes(described))
        for scope_spans in _objects(resource_spans, "scopeSpans", "scope_spans"):
            scope = _named(_object(_field(scope_spans, "scope") or {}, "scope"))
            for span in _objects(scope_spans, "spans"):
                spans.add(_fields(span, scope), _attributes(span), resource)
    return spans.export()


def _document(body: bytes) -> Object:
    try:
        return _object(json.loads(body, parse_constant=_refuse_constant), "the request")
    except MalformedBody:
        raise
    except (ValueError, RecursionError) as error:
        msg = "the body is not an OTLP trace export request in JSON"
        raise MalformedBody(msg) from error


def _refuse_constant(name: str) -> object:
    msg = f"{name} is no JSON"
    raise ValueError(msg)


def _named(described: Object) -> str:
    name = _field(described, "name")
    return name if isinstance(name, str) else ""


def _fields(span: Object, scope: str) -> SpanFields:
    status = _object(_field(span, "status") or {}, "status")
    code = _field(status, "code")
    return SpanFields(
        trace_id=_id(span, "traceId", "trace_id"),
        span_id=_id(span, "spanId", "span_id"),
        parent_span_id=_id(span, "parentSpanId", "parent_span_id"),
        start_unix_nano=_integer(
            _field(span, "startTimeUnixNano", "start_time_unix_nano") or 0, UINT64
        ),
        end_unix_nano=_integer(_field(span, "endTimeUnixNano", "end_time_unix_nano") or 0, UINT64),
        failed=isinstance(code, str | int) and code in ERROR_CODES,
        name=_named(span),
        scope=scope,
    )


def _id(span: Object, *names: str) -> bytes:
    """The id in hex; one that is none is a broken id of that span alone."""
    text = _field(span, *names)
    if text is None:
        return b""
    if not isinstance(text, str):
        raise _malformed(names[0], "text in hex")
    try:
        return binascii.unhexlify(text)
    except ValueError:
        return b"?"


def _attributes(owner: Object) -> Iterator[tuple[str, AttributeValue]]:
    for pair in _objects(owner, "attributes"):
        key = _field(pair, "key") or ""
        if not isinstance(key, str):
            raise _malformed(name="key", kind="text")
        yield _sound_text(key), _value(_object(_field(pair, "value") or {}, "value"))


def _value(value: Object) -> AttributeValue:
    """Scalars and lists of them; nested objects carry nothing that a call needs."""
    array = _field(value, "arrayValue", "array_value")
    if array is None:
        return _scalar(value)
    return [_scalar(item) for item in _objects(_object(array, "arrayValue"), "values")]


def _scalar(value: Object) -> AttributeValue:
    for names, read in _SCALARS:
        if (raw := _field(value, *names)) is not None:
            return read(raw)
    return None


def _text(raw: object) -> str:
    if not isinstance(raw, str):
        raise _malformed(name="stringValue", kind="text")
    return _sound_text(raw)


def _sound_text(text: str) -> str:
    """JSON can spell half a surrogate pair, which no store can hold."""
    return text.encode("utf-8", "replace").decode()


def _flag(raw: object) -> bool:
    if not isinstance(raw, bool):
        raise _malformed(name="boolValue", kind="true or false")
    return raw


def _int64(raw: object) -> int:
    return _integer(raw, INT64)


def _integer(raw: object, bounds: tuple[int, int]) -> int:
    """A whole number, as one or as text."""
    low, high = bounds
    number = int(raw) if isinstance(raw, str) and WHOLE.fullmatch(raw) else raw
    if isinstance(number, float) and number.is_integer():
        number = int(number)
    if not isinstance(number, int) or isinstance(number, bool) or not low <= number <= high:
        msg = f"a field holds {str(raw)[:40]!r}: it must be a whole number of 64 bits"
        raise MalformedBody(msg)
    return number


def _double(raw: object) -> float:
    if isinstance(raw, str):
        return NO_NUMBERS[raw] if raw in NO_NUMBERS else _double_of(raw)
    return _double_of(raw)


def _double_of(raw: object) -> float:
    try:
        if isinstance(raw, int | float) and not isinstance(raw, bool):
            return float(raw)
        if isinstance(raw, str) and DECIMAL.fullmatch(raw):
            return float(raw)
    except OverflowError:
        pass
    raise _malformed(name="doubleValue", kind="a number")


def _bytes(raw: object) -> bytes:
    """Base64 in either alphabet, with or without its padding."""
    try:
        text = _text(raw).replace("-", "+").replace("_", "/").rstrip("=")
        return base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
    except ValueError as error:
        raise _malformed(name="bytesValue", kind="base64") from error


_SCALARS: Final[Sequence[tuple[tuple[str, ...], Callable[[object], AttributeValue]]]] = (
    (("stringValue", "string_value"), _text),
    (("intValue", "int_value"), _int64),
    (("doubleValue", "double_value"), _double),
    (("boolValue", "bool_value"), _flag),
    (("bytesValue", "bytes_value"), _bytes),
)


def _field(owner: Object, *names: str) -> object:
    """The field by any of its names; null is the same as absent."""
    for name in names:
        if (value := owner.get(name)) is not None:
            return value
    return None


def _objects(owner: Object, *names: str) -> Iterator[Object]:
    items = _field(owner, *names)
    if items is None:
        return
    if not isinstance(items, list):
        raise _malformed(names[0], "a list")
    for item in cast("list[object]", items):
        yield _object(item, names[0])


def _object(value: object, name: str) -> Object:
    if not isinstance(value, dict):
        raise _malformed(name, "an object")
    return cast("Object", value)


def _malformed(name: str, kind: str) -> MalformedBody:
    return MalformedBody(f"the body is not an OTLP trace export request: {name} must be {kind}")
