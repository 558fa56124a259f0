"""From a recorded answer to the call that it stands for, read as it would be in an app."""

import json
import re
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import reduce
from numbers import Real
from typing import Final, cast
from urllib.parse import urlsplit

from spanledger.call import Call
from spanledger.dialects import bedrock
from spanledger.dialects.dialect import Answer, Dialect, Json
from spanledger.dialects.fields import section
from spanledger.dialects.hosts import provider_of
from spanledger.dialects.ndjson import LineDecoder
from spanledger.dialects.ours import COUNTED, add_to_usage
from spanledger.dialects.price_context import price_context
from spanledger.dialects.reader import follow
from spanledger.dialects.sse import Event, EventDecoder
from spanledger.dialects.stated_cost import exact_amount, stated_cost
from spanledger.dialects.table import find_dialect
from spanledger.dialects.usage import read_usage
from spanledger.errors import InvalidRecord, InvalidUsage
from spanledger.pricing.apis import APIS, PROVIDERS_APIS
from spanledger.usage import PART_OF, UNITS, Usage

__all__ = ["read_recorded"]

_NO_USAGE: Final = "the answer states no usage"
_UNKNOWN_USAGE: Final = "the usage that the answer states holds no unit that is known here"

_OUR_NAMES: Final = {
    "aws": "aws.bedrock",
    "azure": "azure.ai.openai",
    "bedrock": "aws.bedrock",
    "gemini": "gcp.gemini",
    "google": "gcp.gemini",
    "mistral": "mistral_ai",
    "mistralai": "mistral_ai",
    "moonshot": "moonshot_ai",
    "moonshotai": "moonshot_ai",
    "vertex_ai": "gcp.vertex_ai",
    "x-ai": "x_ai",
    "xai": "x_ai",
}
"""What the list prices and LiteLLM call providers, and OpenTelemetry's words, which we use."""

_INSIDE: Final = "result response.body result.message response modelOutput"
_WRAPPINGS: Final = tuple(tuple(path.split(".")) for path in _INSIDE.split())
"""Where whole answers stand in something else: at Cloudflare, and in the results of batches."""

_EVENTS: Final = re.compile(r"\s*(?:data|event|id|retry)?:")
"""How server-sent events begin."""

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)

_COUNTS: Final = frozenset(UNITS) - {"input_tokens", "output_tokens", *PART_OF}
_OTHER_COUNTS: Final = {
    "characters": "input_characters",
    "pages": "input_pages",
    "web_search_requests": "web_searches",
}
_SECONDS: Final = "audio_seconds"

_MEDIA: Final = {
    "n": "images",
    "duration": _SECONDS,
    "duration_seconds": _SECONDS,
    "seconds": _SECONDS,
    "size": "image_size",
    "quality": "image_quality",
}
"""What these words mean where images, sound or speech are made or read: elsewhere `n` is how many
answers were wanted, and `duration` how long the call took."""

_STATUS: Final = ("status", "status_code", "http_status")
_TIERS: Final = ("service_tier", "requested_service_tier")
_ALIASES: Final = {
    "aws_region": "region",
    "datazone": "data_zone",
    "deployment_sku": "deployment",
    "deployment_type": "deployment",
    "geo": "inference_geo",
    "location": "region",
    "sku": "deployment",
    "tier": "service_tier",
    "zone": "data_zone",
}
"""What people call the same."""

_FAILURES: Final = frozenset(map(str, range(400, 600)))


def read_recorded(line: Mapping[str, object]) -> Call:
    """The call that a recorded answer stands for.

    Args:
        line: `url`, `provider`, `model`, `api`, `at` (RFC 3339 with a zone, or seconds since 1970),
            `context` (what the answer does not say: `batch`, `service_tier`, a region and so on)
            and `payload`: the answer as an object, as the text of a stream, or as a list of its
            events. `at` and `payload` are needed; the format of the payload follows from the URL's
            path, else from `api`.

    Raises:
        InvalidRecord: the line is not of this form. An answer without usage, or with one that
            cannot be true, is a call with a `usage_problem`.
    """
    at = _instant(line.get("at"))
    model, api, given = (_text(line, name) for name in ("model", "api", "provider"))
    known = _OUR_NAMES.get(given.lower(), given.lower())
    host, port, path = _place(_text(line, "url"))
    dialect = find_dialect(path) or _by_api(known, api)
    provider = provider_of(
        host, replace(dialect, provider=known or dialect.provider), port=port, path=path
    )
    if "payload" not in line:
        msg = "the line has no payload"
        raise InvalidRecord(msg)
    said, answer = _read_context(line.get("context"), dialect), _answer(dialect, line["payload"])
    model = model or dialect.read_request(path, {}).model
    raw = _with_context(dialect, answer.usage, said)
    failure = said.failure or _status_of(line["payload"]) or answer.error_type
    usage, problem = _usage(provider, raw, refused=bool(failure) and not answer.model)
    amount, currency = stated_cost(provider, raw or {}) or (None, "")
    return Call(
        trace_id="0" * 32,
        span_id="0" * 16,
        start_time=at,
        duration_us=0,
        provider=provider,
        operation=dialect.operation,
        request_model=model,
        response_model=answer.model,
        response_id=answer.response_id,
        error_type=failure,
        usage=usage,
        usage_problem=problem,
        usage_source="none" if raw is None else "provider",
        usage_partial=not answer.complete,
        usage_raw=_evidence(raw),
        batch=said.batch,
        request_service_tier=said.service_tier,
        response_service_tier=answer.service_tier,
        price_context=price_context(provider, raw or {}, host=host, model=model, asked=said.rest),
        reported_amount=amount,
        reported_currency=currency,
    )


def _instant(value: object) -> datetime:
    with suppress(OverflowError, ValueError):
        at = datetime.fromisoformat(value.upper()) if isinstance(value, str) else _since_1970(value)
        if at is not None and at.utcoffset() is not None:
            return at.astimezone(UTC)
    shown = f": {value[:80]!r}" if isinstance(value, str) else ""
    msg = f"`at` is no time with a zone, and no number of seconds since 1970{shown}"
    raise InvalidRecord(msg)


def _since_1970(value: object) -> datetime | None:
    seconds = exact_amount(value)
    return None if seconds is None else _EPOCH + timedelta(microseconds=int(seconds * 10**6))


def _text(line: Mapping[str, object], name: str) -> str:
    value = line.get(name)
    if value is None:
        return ""
    if not isinstance(value, str):
        msg = f"`{name}` is a {type(value).__name__}, not a text"
        raise InvalidRecord(msg)
    return value


def _place(url: str) -> tuple[str, int | None, str]:
    """(host, port, path) of a URL; empty ones of none."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        msg = f"`url` is no address: {url[:80]!r}"
        raise InvalidRecord(msg) from error
    return parts.hostname or "", port, parts.path


def _by_api(provider: str, api: str) -> Dialect:
    name = api.lower().replace("-", "_")
    dialect = PROVIDERS_APIS.get((provider, name)) or APIS.get(name)
    if dialect is None:
        msg = f"neither `url` nor `api` {api[:80]!r} names a wire format that is known here"
        raise InvalidRecord(msg)
    return dialect


@dataclass(frozen=True, slots=True, kw_only=True)
class _Context:
    """What is known of a call besides its answer."""

    batch: bool
    service_tier: str
    """The one that was asked for; where the answer states one, that counts."""
    failure: str
    """The status of HTTP that stands for a failure."""
    headers: Mapping[str, str]
    counts: Mapping[str, object]
    """Quantities that the request determines, by unit."""
    seconds: object
    """How long the audio was."""
    rest: Mapping[str, str]
    """What may select a price."""


def _read_context(context: object, dialect: Dialect) -> _Context:
    if not isinstance(context, Mapping | None):
        msg = f"`context` is a {type(context).__name__}, not an object"
        raise InvalidRecord(msg)
    stated = cast("Json", context or {}).items()
    left = {_ALIASES.get(str(name), str(name)): value for name, value in stated}
    if left.get("processing") == "batch":
        left["batch"] = left.pop("processing")
    if dialect.operation == "generate_content":
        for name in _MEDIA.keys() & left.keys():
            left.setdefault(_MEDIA[name], left.pop(name))
    headers = left.pop("headers", None)
    named = cast("Json", headers).items() if isinstance(headers, Mapping) else ()
    status = _first(left, _STATUS)
    return _Context(
        batch=_spelled("batch", left.pop("batch", None)).lower() in {"batch", "true", "1", "yes"},
        service_tier=_spelled("service_tier", _first(left, _TIERS)),
        failure=str(status) if _is_failure(status) else "",
        headers={name.lower(): value for name, value in named if isinstance(value, str)},
        counts=_counts(left),
        seconds=left.pop(_SECONDS, None),
        rest={name: spelled for name in left if (spelled := _spelled(name, left[name]))},
    )


def _first(left: dict[str, object], names: Iterable[str]) -> object:
    """The first of `names` that says something; all of them are taken out."""
    values = [left.pop(name, None) for name in names]
    return next((value for value in values if value is not None), None)


def _counts(left: dict[str, object]) -> dict[str, object]:
    names = {**{unit: unit for unit in _COUNTS}, **_OTHER_COUNTS}
    return {unit: left.pop(name) for name, unit in names.items() if left.get(name) is not None}


def _spelled(name: str, value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if value is not None and not isinstance(value, str | Real):
        msg = f"`context.{name}` is a {type(value).__name__}, not a text, number or truth"
        raise InvalidRecord(msg)
    if isinstance(value, str):
        return value
    return "" if exact_amount(value) is None else str(value)


def _is_failure(status: object) -> bool:
    return str(status) in _FAILURES if isinstance(status, str | int) else False


def _with_context(dialect: Dialect, usage: Json | None, said: _Context) -> Json | None:
    """The usage with what the answer does not state of it."""
    if usage is None and said.headers:
        usage = dialect.read_headers(said.headers)
    counted = section(usage or {}, COUNTED) or {}
    missing = {unit: count for unit, count in said.counts.items() if unit not in counted}
    usage = add_to_usage(usage, cast("Mapping[str, int]", missing))
    if said.seconds is not None and (usage or {}).keys().isdisjoint(("duration", "seconds")):
        usage = {**(usage or {}), "duration": said.seconds}
    return usage


def _usage(provider: str, raw: Json | None, *, refused: bool) -> tuple[Usage, str]:
    """The usage, and what is wrong with it; of a request that was refused none is missing."""
    if raw is None:
        return Usage(), "" if refused else _NO_USAGE
    try:
        usage = read_usage(provider, raw)
    except InvalidUsage as error:
        return Usage(), str(error)
    stated = usage.reported() or stated_cost(provider, raw)
    return usage, "" if stated else _UNKNOWN_USAGE


def _evidence(raw: Json | None) -> str:
    """The usage as JSON; none of what is too deep, or too long, to be written."""
    with suppress(ValueError, RecursionError):
        return "" if raw is None else json.dumps(raw)
    return ""


def _status_of(payload: object) -> str:
    """The status of HTTP in an error, as Google and OpenRouter have it, or in a batch's result."""
    if not isinstance(payload, dict):
        return ""
    body = cast("Json", payload)
    error, response = section(body, "error") or {}, section(body, "response") or {}
    stated = (error.get("code"), response.get("status_code"))
    return next((str(code) for code in stated if _is_failure(code)), "")


def _answer(dialect: Dialect, payload: object) -> Answer:
    if isinstance(payload, str):
        return _streamed(dialect, payload)
    if isinstance(payload, list):
        items = cast("list[object]", payload)
        answer = reduce(lambda so_far, item: _after(dialect, so_far, item), items, Answer())
        return replace(answer, complete=True)
    if payload is None:
        return Answer(complete=True)
    if not isinstance(payload, dict):
        msg = f"`payload` is a {type(payload).__name__}, not an object, a text or a list"
        raise InvalidRecord(msg)
    body = cast("Json", payload)
    whole = dialect.read_answer(body)
    if whole.usage is not None:
        return whole
    others = (_answer_in(dialect, body, path) for path in _WRAPPINGS)
    stated = (one for one in (_answer(dialect, [body]), *others) if one.usage is not None)
    return next(stated, whole)


def _answer_in(dialect: Dialect, body: Json, path: tuple[str, ...]) -> Answer:
    """What the object at `path` says, as if it were the whole body."""
    inner = reduce(lambda outer, name: section(outer, name) or {}, path, body)
    return dialect.read_answer(inner)


def _streamed(dialect: Dialect, payload: str) -> Answer:
    """The text of a stream, or of a whole body."""
    if payload.lstrip().startswith(("{", "[")):
        try:
            return _answer(dialect, cast("object", json.loads(payload)))
        except (ValueError, RecursionError):
            pass  # lines of JSON, then, or a body that was cut
    decoder = EventDecoder() if _EVENTS.match(payload) else LineDecoder()
    events = [*decoder.feed(payload.encode("utf-8", "replace")), *decoder.flush()]
    return reduce(lambda so_far, one: follow(dialect, so_far, one), events, Answer())


def _after(dialect: Dialect, answer: Answer, item: object) -> Answer:
    """The answer after an event: its data alone, or with its name beside it, or at its name."""
    body = cast("Json", item) if isinstance(item, dict) else {"data": item}
    name, data = body.get("event", ""), body.get("data")
    if not isinstance(name, str) or not isinstance(data, str | dict):
        name, data = "", cast("object", body)
        if dialect is bedrock.CONVERSE and len(body) == 1:
            ((name, data),) = body.items()
    if isinstance(data, str):
        return follow(dialect, answer, Event(name, data))
    return (
        dialect.read_event(answer, name, cast("Json", data)) if isinstance(data, dict) else answer
    )
