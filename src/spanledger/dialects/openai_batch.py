"""The results of OpenAI's batches, which many other providers speak too.

They are files whose lines hold answers of any of its dialects. Mistral puts them into the batch's
own description as well where its requests were put there.
"""

from typing import Final

from spanledger.dialects.dialect import Dialect, Json, Request
from spanledger.dialects.fields import section, sections, text
from spanledger.dialects.openai import CHAT, COMPLETIONS, EMBEDDINGS, RESPONSES
from spanledger.dialects.openai_media import IMAGES
from spanledger.dialects.results import Batch, Found, Page, Result, ids, seconds_of

__all__ = ["dialect_of", "is_entry", "read_entry", "read_page", "result_of"]

_BY_OBJECT: Final = {
    "chat.completion": CHAT,
    "text_completion": COMPLETIONS,
    "response": RESPONSES,
    "list": EMBEDDINGS,
}
"""What an answer calls itself; the line does not say to which path its request went."""

_FILES: Final = ("output_file_id", "error_file_id", "output_file", "error_file")
"""The latter two are Mistral's."""


def is_entry(line: Json) -> bool:
    """Whether a line stands for a request of a batch. Any other file has the same path."""
    return "custom_id" in line and ("response" in line or "error" in line)


def read_entry(entry: Json) -> Result | None:
    """The call that a line of a batch's results stands for.

    `None` for a request that came to nothing, which costs nothing: its answer has no kind.
    """
    body = section(section(entry, "response") or {}, "body")
    if body is None:
        return None
    return result_of(body, text(entry, "custom_id"), text(entry, "id"))


def result_of(body: Json, custom_id: str, result_id: str) -> Result | None:
    """The call that an answer stands for, if it is one of a kind that we know."""
    dialect = dialect_of(body)
    if dialect is None:
        return None
    # Responses repeat their requests, chat completions what was said of them.
    asked = dialect.read_request("", body)
    return Result(
        dialect=dialect,
        answer=dialect.read_answer(body),
        custom_id=custom_id,
        result_id=result_id,
        created_s=seconds_of(body, "created", "created_at"),
        asked=Request(
            user_id=asked.user_id,
            conversation_id=asked.conversation_id,
            previous_response_id=asked.previous_response_id,
        ),
    )


def dialect_of(body: Json) -> Dialect | None:
    """By what kind of request an answer was asked for."""
    if "created" in body and "data" in body and "object" not in body:
        return IMAGES
    return _BY_OBJECT.get(text(body, "object"))


def read_page(document: Json) -> Page | None:
    """What the description of a batch says, or a list of such; `None` for any other document."""
    kind = text(document, "object")
    described = sections(document, "data") if kind == "list" else (document,)
    batches = [one for one in described if text(one, "object") == "batch"]
    if not batches:
        return None
    return Page(
        batches=tuple(_batch(one) for one in batches if ids(one, *_FILES) or one.get("outputs")),
        found=tuple(found for one in batches for found in _outputs(one)),
    )


def _batch(described: Json) -> Batch:
    return Batch(
        sources=ids(described, "id", *_FILES),
        created_s=seconds_of(described, "created_at"),
        model=text(described, "model"),
    )


def _outputs(described: Json) -> list[Found]:
    source = text(described, "id")
    entries = sections(described, "outputs")
    return [
        Found(source, None, result)
        for entry in entries
        if (result := read_entry(entry)) is not None
    ]
