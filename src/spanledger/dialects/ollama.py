"""Ollama's own interface, whose streams are lines of JSON."""

import re
from collections.abc import Iterator
from dataclasses import replace
from itertools import chain
from typing import Final

from spanledger.dialects.contents import texts_along
from spanledger.dialects.dialect import Answer, Dialect, Json, Request
from spanledger.dialects.fields import error_name, text, texts

__all__ = ["CHAT", "EMBED", "GENERATE", "ROWS"]

_COUNTS: Final = ("prompt_eval_count", "eval_count")


def _read_request(_path: str, body: Json) -> Request:
    """An answer is streamed unless the request says otherwise."""
    return Request(model=text(body, "model"), stream=body.get("stream") is not False)


def _read_embed_request(path: str, body: Json) -> Request:
    return replace(_read_request(path, body), stream=False)


def _read_answer(body: Json) -> Answer:
    return replace(_read_line(Answer(), "", body), complete=body.get("done") is not False)


def _read_line(answer: Answer, _name: str, line: Json) -> Answer:
    """The counts stand in the last line, which says that it is the last."""
    usage = {name: line[name] for name in _COUNTS if line.get(name) is not None}
    return Answer(
        model=text(line, "model") or answer.model,
        finish_reasons=texts((line,), "done_reason") or answer.finish_reasons,
        usage=usage or answer.usage,
        error_type=error_name(line) or answer.error_type,
        complete=answer.complete or line.get("done") is True,
    )


def _read_prompt(body: Json) -> Iterator[str]:
    return chain(
        texts_along(body, "messages", "content", "thinking", "tool_calls"),
        texts_along(body, "tools"),
        texts_along(body, "system"),
        texts_along(body, "prompt"),
        texts_along(body, "suffix"),
        texts_along(body, "input"),
    )


def _read_output(body: Json) -> Iterator[str]:
    return chain(
        texts_along(body, "message", "content", "thinking", "tool_calls"),
        texts_along(body, "response"),
        texts_along(body, "thinking"),
    )


CHAT: Final = Dialect(
    name="ollama.chat",
    operation="chat",
    provider="ollama",
    path=re.compile(r"/api/chat$"),
    shared_path=True,
    read_request=_read_request,
    read_answer=_read_answer,
    read_event=_read_line,
    read_prompt=_read_prompt,
    read_output=_read_output,
)

GENERATE: Final = replace(
    CHAT,
    name="ollama.generate",
    operation="text_completion",
    path=re.compile(r"/api/generate$"),
)

EMBED: Final = replace(
    CHAT,
    name="ollama.embed",
    operation="embeddings",
    path=re.compile(r"/api/embed$"),
    read_request=_read_embed_request,
)

ROWS: Final = (CHAT, GENERATE, EMBED)
"""The rows of this module in the table of dialects."""
