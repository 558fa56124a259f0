"""OpenAI's batches: a file of lines, each of which holds one whole answer with its own usage."""

import json
import re
from collections.abc import Iterator
from typing import Final, cast

from spanledger.dialects.dialect import Answer, Dialect, Json
from spanledger.dialects.fields import section, text
from spanledger.dialects.openai import CHAT, COMPLETIONS, EMBEDDINGS, RESPONSES
from spanledger.dialects.openai_media import IMAGES

__all__ = ["is_results_path", "read_batch_line", "read_batch_results"]

_RESULTS: Final = re.compile(r"/files/[^/]+/content$")

_BY_OBJECT: Final = {
    "chat.completion": CHAT,
    "text_completion": COMPLETIONS,
    "response": RESPONSES,
    "list": EMBEDDINGS,
}
"""What an answer calls itself; the line does not say to which path its request went."""


def is_results_path(path: str) -> bool:
    """Whether a GET of `path` may bring a file of results. Any other file has the same path."""
    return path.endswith("/content") and _RESULTS.search(path) is not None


def read_batch_line(line: bytes | str) -> tuple[Dialect, Answer] | None:
    """The call that a line of a batch's results stands for.

    `None` for a line of any other file, and for a request that came to nothing, which costs
    nothing: its answer has no kind.
    """
    try:
        parsed = cast("object", json.loads(line))
    except (ValueError, RecursionError):
        return None
    if not isinstance(parsed, dict):
        return None
    entry = cast("Json", parsed)
    body = section(section(entry, "response") or {}, "body")
    dialect = None if body is None or "custom_id" not in entry else _dialect_of(body)
    return None if body is None or dialect is None else (dialect, dialect.read_answer(body))


def read_batch_results(body: bytes) -> Iterator[tuple[Dialect, Answer]]:
    """The calls that a file of results stands for, one by one; none if it is another file."""
    start = 0
    while start < len(body):
        end = body.find(b"\n", start)
        end = len(body) if end < 0 else end
        if call := read_batch_line(body[start:end]):
            yield call
        start = end + 1


def _dialect_of(body: Json) -> Dialect | None:
    if "created" in body and "data" in body and "object" not in body:
        return IMAGES
    return _BY_OBJECT.get(text(body, "object"))
