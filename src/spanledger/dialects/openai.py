"""OpenAI's wire formats, which many other providers speak too."""

import re
from dataclasses import replace
from typing import Final

from spanledger.dialects.dialect import Answer, Dialect, Json, Request
from spanledger.dialects.fields import UNNAMED_ERROR, error_name, section, sections, text, texts

__all__ = ["CHAT", "EMBEDDINGS", "RESPONSES", "ROWS"]

_DEPLOYMENT: Final = re.compile(r"/deployments/([^/]+)/")
"""Where Azure's paths name the model; the body need not repeat it."""

_PENDING: Final = frozenset({"queued", "in_progress"})
_LAST_EVENTS: Final = frozenset({"response.completed", "response.incomplete", "response.failed"})


def _read_request(path: str, body: Json) -> Request:
    deployment = _DEPLOYMENT.search(path)
    conversation = section(body, "conversation")
    return Request(
        model=text(body, "model") or (deployment[1] if deployment else ""),
        stream=body.get("stream") is True,
        service_tier=text(body, "service_tier"),
        conversation_id=text(conversation, "id") if conversation else text(body, "conversation"),
    )


def _read_chat(body: Json) -> Answer:
    return replace(_read_chunk(Answer(), "", body), complete=True)


def _read_chunk(answer: Answer, _name: str, chunk: Json) -> Answer:
    """A chunk looks like the whole body; only the end, `[DONE]`, is no JSON and not seen here."""
    usage = section(chunk, "usage")
    return Answer(
        model=text(chunk, "model") or answer.model,
        response_id=text(chunk, "id") or answer.response_id,
        finish_reasons=answer.finish_reasons + texts(sections(chunk, "choices"), "finish_reason"),
        service_tier=text(chunk, "service_tier") or answer.service_tier,
        usage=answer.usage if usage is None else usage,
        error_type=error_name(chunk) or answer.error_type,
        complete=answer.complete,
    )


def _read_response(body: Json) -> Answer:
    status = text(body, "status")
    reason = text(section(body, "incomplete_details") or {}, "reason") or status
    pending = status in _PENDING
    return Answer(
        model=text(body, "model"),
        response_id=text(body, "id"),
        finish_reasons=(reason,) if reason and not pending else (),
        service_tier=text(body, "service_tier"),
        usage=section(body, "usage"),
        error_type=error_name(body),
        complete=not pending,
    )


def _read_response_event(answer: Answer, name: str, data: Json) -> Answer:
    kind = text(data, "type") or name
    if kind == "error":
        # The error stands in the event itself, or in an object within it.
        error = error_name(data) or text(data, "code") or UNNAMED_ERROR
        return replace(answer, error_type=error)
    response = section(data, "response")
    if response is None:
        return answer
    said = _read_response(response)
    return Answer(
        model=said.model or answer.model,
        response_id=said.response_id or answer.response_id,
        finish_reasons=said.finish_reasons or answer.finish_reasons,
        service_tier=said.service_tier or answer.service_tier,
        usage=answer.usage if said.usage is None else said.usage,
        error_type=said.error_type or answer.error_type,
        complete=answer.complete or kind in _LAST_EVENTS,
    )


CHAT: Final = Dialect(
    name="openai.chat",
    operation="chat",
    provider="openai",
    path=re.compile(r"/chat/completions$"),
    read_request=_read_request,
    read_answer=_read_chat,
    read_event=_read_chunk,
)

RESPONSES: Final = Dialect(
    name="openai.responses",
    operation="chat",
    provider="openai",
    path=re.compile(r"/responses$"),
    read_request=_read_request,
    read_answer=_read_response,
    read_event=_read_response_event,
)

EMBEDDINGS: Final = Dialect(
    name="openai.embeddings",
    operation="embeddings",
    provider="openai",
    path=re.compile(r"/embeddings$"),
    read_request=_read_request,
    read_answer=_read_chat,
    read_event=_read_chunk,
)

ROWS: Final = (CHAT, RESPONSES, EMBEDDINGS)
"""The rows of this module in the table of dialects."""
