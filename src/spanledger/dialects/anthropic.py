"""Anthropic's messages, at home and at Vertex AI."""

import re
from collections.abc import Iterator
from dataclasses import replace
from itertools import chain
from typing import Final

from spanledger.dialects.contents import texts_along
from spanledger.dialects.dialect import Answer, Dialect, Json, Request
from spanledger.dialects.fields import UNNAMED_ERROR, error_name, section, text

__all__ = ["MESSAGES", "ROWS", "VERTEX", "read_event", "read_message"]

_VERTEX_PATH: Final = re.compile(
    r"/publishers/anthropic/models/(?!count-tokens:)([^/:]+):(rawPredict|streamRawPredict)$"
)
"""(the model, the method); what only counts tokens costs nothing."""


def _read_request(_path: str, body: Json) -> Request:
    return Request(
        model=text(body, "model"),
        stream=body.get("stream") is True,
        service_tier=text(body, "service_tier"),
        user_id=text(section(body, "metadata") or {}, "user_id"),
    )


def _read_vertex_request(path: str, body: Json) -> Request:
    match = _VERTEX_PATH.search(path)
    model, method = match.groups() if match else ("", "")
    asked = _read_request(path, body)
    return replace(asked, model=model, stream=asked.stream or method == "streamRawPredict")


def read_message(body: Json) -> Answer:
    """What a whole message says."""
    usage = section(body, "usage")
    reason = text(body, "stop_reason")
    return Answer(
        model=text(body, "model"),
        response_id=text(body, "id"),
        finish_reasons=(reason,) if reason else (),
        service_tier=text(usage or {}, "service_tier"),
        usage=usage,
        error_type=error_name(body),
        complete=True,
    )


def read_event(answer: Answer, name: str, data: Json) -> Answer:
    """The answer after an event of a message's stream."""
    match text(data, "type") or name:
        case "message_start":
            return replace(read_message(section(data, "message") or {}), complete=False)
        case "message_delta":
            return _read_delta(answer, data)
        case "message_stop":
            return replace(answer, complete=True)
        case "error":
            return replace(answer, error_type=error_name(data) or UNNAMED_ERROR)
        case _:
            return answer


def _read_delta(answer: Answer, data: Json) -> Answer:
    """The delta's usage is cumulative, and silent about what it does not change."""
    usage = section(data, "usage")
    reason = text(section(data, "delta") or {}, "stop_reason")
    return replace(
        answer,
        finish_reasons=(reason,) if reason else answer.finish_reasons,
        service_tier=text(usage or {}, "service_tier") or answer.service_tier,
        usage=answer.usage if usage is None else _merge(answer.usage or {}, usage),
    )


def _merge(earlier: Json, later: Json) -> Json:
    """What was stated last of each field; null states nothing, and 0 does."""
    return {**earlier, **{key: value for key, value in later.items() if value is not None}}


def _read_prompt(body: Json) -> Iterator[str]:
    return chain(
        texts_along(body, "system", "text"),
        texts_along(body, "messages.content", "text", "thinking", "input"),
        texts_along(body, "messages.content.content", "text"),
        texts_along(body, "tools"),
    )


def _read_output(body: Json) -> Iterator[str]:
    """Of a message, or of an event: a block's start holds a tool's name, its deltas the rest."""
    return chain(
        texts_along(body, "content", "text", "thinking", "name", "input"),
        texts_along(body, "content_block", "text", "thinking", "name", "input"),
        texts_along(body, "delta", "text", "thinking", "partial_json"),
    )


MESSAGES: Final = Dialect(
    name="anthropic.messages",
    operation="chat",
    provider="anthropic",
    path=re.compile(r"/v1/messages$"),
    read_request=_read_request,
    read_answer=read_message,
    read_event=read_event,
    read_prompt=_read_prompt,
    read_output=_read_output,
)

VERTEX: Final = replace(
    MESSAGES,
    name="anthropic.vertex",
    provider="gcp.vertex_ai",
    path=_VERTEX_PATH,
    read_request=_read_vertex_request,
)

ROWS: Final = (MESSAGES, VERTEX)
"""The rows of this module in the table of dialects."""
