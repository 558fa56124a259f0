"""Anthropic's batches: a file of lines, each of which holds one whole message with its usage."""

import json
import re
from collections.abc import Iterator
from typing import Final, cast

from spanledger.dialects.anthropic import MESSAGES
from spanledger.dialects.dialect import Answer, Dialect, Json
from spanledger.dialects.fields import section, text

__all__ = ["is_results_path", "read_batch_line", "read_batch_results"]

_RESULTS: Final = re.compile(r"/messages/batches/[^/]+/results$")


def is_results_path(path: str) -> bool:
    """Whether a GET of `path` brings a file of results."""
    return path.endswith("/results") and _RESULTS.search(path) is not None


def read_batch_line(line: bytes | str) -> tuple[Dialect, Answer] | None:
    """The call that a line of a batch's results stands for.

    `None` for a request that failed, expired or was canceled, which costs nothing.
    """
    try:
        parsed = cast("object", json.loads(line))
    except (ValueError, RecursionError):
        return None
    if not isinstance(parsed, dict):
        return None
    result = section(cast("Json", parsed), "result") or {}
    message = section(result, "message")
    if text(result, "type") != "succeeded" or message is None:
        return None
    return MESSAGES, MESSAGES.read_answer(message)


def read_batch_results(body: bytes) -> Iterator[tuple[Dialect, Answer]]:
    """The calls that a file of results stands for, one by one."""
    start = 0
    while start < len(body):
        end = body.find(b"\n", start)
        end = len(body) if end < 0 else end
        if call := read_batch_line(body[start:end]):
            yield call
        start = end + 1
