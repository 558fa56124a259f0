"""The results of Anthropic's batches: files whose lines hold whole messages."""

import re
from typing import Final

from spanledger.dialects.anthropic import MESSAGES
from spanledger.dialects.dialect import Answer, Dialect, Json
from spanledger.dialects.fields import section, text

__all__ = ["is_results_path", "read_entry"]

_RESULTS: Final = re.compile(r"/messages/batches/[^/]+/results$")


def is_results_path(path: str) -> bool:
    """Whether a GET of `path` brings a file of results."""
    return path.endswith("/results") and _RESULTS.search(path) is not None


def read_entry(entry: Json) -> tuple[Dialect, Answer] | None:
    """The call that a line of a batch's results stands for.

    `None` for a request that failed, expired or was canceled, which costs nothing.
    """
    result = section(entry, "result") or {}
    message = section(result, "message")
    if text(result, "type") != "succeeded" or message is None:
        return None
    return MESSAGES, MESSAGES.read_answer(message)
