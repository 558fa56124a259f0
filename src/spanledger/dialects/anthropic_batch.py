"""The results of Anthropic's batches: files whose lines hold whole messages."""

from typing import Final

from spanledger.dialects.anthropic import MESSAGES
from spanledger.dialects.dialect import Json
from spanledger.dialects.fields import section, sections, text
from spanledger.dialects.results import Batch, Page, Result, ids, seconds_of

__all__ = ["is_entry", "read_entry", "read_page"]

_KIND: Final = "message_batch"


def is_entry(line: Json) -> bool:
    """Whether a line stands for a request of a batch."""
    return "custom_id" in line and "result" in line


def read_entry(entry: Json) -> Result | None:
    """The call that a line of a batch's results stands for.

    `None` for a request that failed, expired or was canceled, which costs nothing.
    """
    result = section(entry, "result") or {}
    message = section(result, "message")
    if text(result, "type") != "succeeded" or message is None:
        return None
    return Result(
        dialect=MESSAGES,
        answer=MESSAGES.read_answer(message),
        custom_id=text(entry, "custom_id"),
    )


def read_page(document: Json) -> Page | None:
    """What the description of a batch says, or a list of such; `None` for any other document."""
    described = (document, *sections(document, "data"))
    batches = [one for one in described if text(one, "type") == _KIND]
    if not batches:
        return None
    # Without an address of its results there are none yet.
    ended = [one for one in batches if text(one, "results_url")]
    return Page(batches=tuple(_batch(one) for one in ended))


def _batch(described: Json) -> Batch:
    return Batch(sources=ids(described, "id"), created_s=seconds_of(described, "created_at"))
