"""Cohere's chat, embeddings and rerank; its rerank is spoken by Voyage, Jina and others too."""

import re
from collections.abc import Iterator
from dataclasses import replace
from itertools import chain
from typing import Final

from spanledger.dialects.contents import texts_along
from spanledger.dialects.dialect import Answer, Dialect, Json, Request
from spanledger.dialects.fields import UNNAMED_ERROR, section, text, texts

__all__ = ["CHAT", "CHAT_V1", "EMBED", "RERANK", "ROWS"]

_COUNTED: Final = ("billed_units", "tokens", "cached_tokens")
"""What is usage among the metadata; the rest are versions and warnings."""


def _read_request(_path: str, body: Json) -> Request:
    return Request(
        model=text(body, "model"),
        stream=body.get("stream") is True,
        conversation_id=text(body, "conversation_id"),
    )


def _usage(body: Json) -> Json | None:
    """Chat states its usage as such, everything else among its metadata."""
    meta = section(body, "meta") or {}
    counted = {name: meta[name] for name in _COUNTED if name in meta}
    return section(body, "usage") or counted or None


def _read_answer(body: Json) -> Answer:
    return Answer(
        model=text(body, "model"),
        response_id=text(body, "id") or text(body, "response_id"),
        finish_reasons=texts((body,), "finish_reason"),
        usage=_usage(body),
        error_type=UNNAMED_ERROR if body.get("error") else "",
        complete=True,
    )


def _read_event(answer: Answer, name: str, data: Json) -> Answer:
    match text(data, "type") or name:
        case "message-start":
            return replace(answer, response_id=text(data, "id"))
        case "message-end":
            said = _read_answer(section(data, "delta") or {})
            return replace(said, response_id=answer.response_id)
        case _:
            return answer


def _read_v1_event(answer: Answer, _name: str, data: Json) -> Answer:
    if text(data, "event_type") != "stream-end":
        return answer
    said = _read_answer(section(data, "response") or {})
    return replace(said, finish_reasons=texts((data,), "finish_reason"))


def _read_prompt(body: Json) -> Iterator[str]:
    return chain(
        texts_along(body, "messages.content", "text", "thinking", "document"),
        texts_along(body, "messages", "tool_plan", "tool_calls"),
        texts_along(body, "tools"),
        texts_along(body, "documents"),
        # The first version of the interface.
        texts_along(body, "preamble"),
        texts_along(body, "chat_history", "message"),
        texts_along(body, "message"),
    )


def _read_output(body: Json) -> Iterator[str]:
    message = section(section(body, "delta") or {}, "message") or section(body, "message") or {}
    return chain(
        texts_along(message, "content", "text", "thinking"),
        texts_along(message, "tool_plan"),
        texts_along(message, "tool_calls.function", "name", "arguments"),
        # The first version; the last event of its streams repeats the whole text.
        texts_along(body, "text"),
        texts_along(body, "tool_calls", "name", "parameters"),
    )


def _read_searched(body: Json) -> Iterator[str]:
    return chain(
        texts_along(body, "query"),
        texts_along(body, "documents", "text"),
        texts_along(body, "texts"),
        texts_along(body, "inputs.content", "text"),
    )


CHAT: Final = Dialect(
    name="cohere.chat",
    operation="chat",
    provider="cohere",
    path=re.compile(r"/v2/chat$"),
    shared_path=True,
    read_request=_read_request,
    read_answer=_read_answer,
    read_event=_read_event,
    read_prompt=_read_prompt,
    read_output=_read_output,
)

CHAT_V1: Final = replace(
    CHAT, name="cohere.chat_v1", path=re.compile(r"/v1/chat$"), read_event=_read_v1_event
)

EMBED: Final = Dialect(
    name="cohere.embed",
    operation="embeddings",
    provider="cohere",
    path=re.compile(r"/v\d/embed$"),
    shared_path=True,
    read_request=_read_request,
    read_answer=_read_answer,
    read_event=_read_event,
    read_prompt=_read_searched,
)

RERANK: Final = replace(
    EMBED, name="cohere.rerank", operation="rerank", path=re.compile(r"/rerank$")
)

ROWS: Final = (CHAT, CHAT_V1, EMBED, RERANK)
"""The rows of this module in the table of dialects."""
