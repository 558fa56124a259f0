"""The results of OpenAI's batches: files whose lines hold answers of any of its dialects."""

import re
from typing import Final

from spanledger.dialects.dialect import Answer, Dialect, Json
from spanledger.dialects.fields import section, text
from spanledger.dialects.openai import CHAT, COMPLETIONS, EMBEDDINGS, RESPONSES
from spanledger.dialects.openai_media import IMAGES

__all__ = ["is_results_path", "read_entry"]

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


def read_entry(entry: Json) -> tuple[Dialect, Answer] | None:
    """The call that a line of a batch's results stands for.

    `None` for a line of any other file, and for a request that came to nothing, which costs
    nothing: its answer has no kind.
    """
    body = section(section(entry, "response") or {}, "body")
    if body is None or "custom_id" not in entry:
        return None
    dialect = _dialect_of(body)
    return dialect and (dialect, dialect.read_answer(body))


def _dialect_of(body: Json) -> Dialect | None:
    if "created" in body and "data" in body and "object" not in body:
        return IMAGES
    return _BY_OBJECT.get(text(body, "object"))
