"""Anthropic's messages."""

import re
from dataclasses import replace
from typing import Final

from spanledger.dialects.dialect import Answer, Dialect, Json, Request
from spanledger.dialects.fields import UNNAMED_ERROR, error_name, section, text

__all__ = ["MESSAGES"]


def _read_request(_path: str, body: Json) -> Request:
    return Request(
        model=text(body, "model"),
        stream=body.get("stream") is True,
        service_tier=text(body, "service_tier"),
    )


def _read_message(body: Json) -> Answer:
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


def _read_event(answer: Answer, name: str, data: Json) -> Answer:
    match text(data, "type") or name:
        case "message_start":
            return replace(_read_message(section(data, "message") or {}), complete=False)
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


MESSAGES: Final = Dialect(
    name="anthropic.messages",
    operation="chat",
    provider="anthropic",
    path=re.compile(r"/v1/messages$"),
    read_request=_read_request,
    read_answer=_read_message,
    read_event=_read_event,
)
