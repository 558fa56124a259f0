"""From the bytes of an exchange to what they say: the three calls that the HTTP hook makes."""

import json
from dataclasses import replace
from functools import reduce
from typing import Final, cast

from spanledger.dialects.dialect import Answer, Dialect, Json, Request
from spanledger.dialects.form import is_form, read_form
from spanledger.dialects.sse import Event

__all__ = ["follow", "read_answer", "read_request"]

_decode: Final = json.JSONDecoder().decode

_END: Final = "[DONE]"
"""The data of the event that ends a stream of OpenAI's; it is no JSON."""


def read_request(dialect: Dialect, path: str, body: bytes) -> Request:
    """What the request asks for; its path alone where the body is no JSON object and no form."""
    parsed = read_form(body) if is_form(body) else _parse(body)
    return dialect.read_request(path, cast("Json", parsed) if isinstance(parsed, dict) else {})


def read_answer(dialect: Dialect, body: bytes) -> Answer | None:
    """What a whole body says; `None` where it is not JSON, as when it was cut.

    Gemini streams an array of chunks to those who do not ask for events.
    """
    parsed = _parse(body)
    if isinstance(parsed, dict):
        return dialect.read_answer(cast("Json", parsed))
    if isinstance(parsed, list):
        chunks = cast("list[object]", parsed)
        said = (cast("Json", chunk) for chunk in chunks if isinstance(chunk, dict))
        answer = reduce(lambda so_far, chunk: dialect.read_event(so_far, "", chunk), said, Answer())
        return replace(answer, complete=True)
    return None


def follow(dialect: Dialect, answer: Answer, event: Event) -> Answer:
    """The answer after `event`; an event that is no JSON object says nothing."""
    if event.name in dialect.silent_events:
        return answer
    if event.data.startswith(_END):
        return replace(answer, complete=True)
    parsed = _parse(event.data)
    if not isinstance(parsed, dict):
        return answer
    return dialect.read_event(answer, event.name, cast("Json", parsed))


def _parse(body: bytes | str) -> object:
    try:
        # What `json.loads` would find out first: nearly always it is UTF-8 without a mark.
        return _decode(body if isinstance(body, str) else body.decode())
    except ValueError:
        return _parse_other(body)
    except RecursionError:
        return None


def _parse_other(body: bytes | str) -> object:
    """JSON in UTF-16 or with a mark of its byte order, which is JSON as well."""
    try:
        return json.loads(body) if isinstance(body, bytes) else None
    except (ValueError, RecursionError):
        return None
