"""Files of a batch's results: each line holds one whole answer, and so stands for one call."""

import json
from collections.abc import Callable, Iterator
from typing import Final, TypeAlias, cast

from spanledger.dialects import anthropic_batch, openai_batch
from spanledger.dialects.dialect import Answer, Dialect, Json

__all__ = ["ReadEntry", "find_batch", "read_line", "read_results"]

ReadEntry: TypeAlias = Callable[[Json], tuple[Dialect, Answer] | None]
"""The object on a line -> the call that it stands for; `None` for one that came to nothing."""

_BATCHES: Final[tuple[tuple[Callable[[str], bool], ReadEntry], ...]] = (
    (openai_batch.is_results_path, openai_batch.read_entry),
    (anthropic_batch.is_results_path, anthropic_batch.read_entry),
)


def find_batch(path: str) -> ReadEntry | None:
    """How to read the lines that a GET of `path` brings, if they may be a batch's results."""
    return next((read_entry for is_path, read_entry in _BATCHES if is_path(path)), None)


def read_line(read_entry: ReadEntry, line: bytes | str) -> tuple[Dialect, Answer] | None:
    """The call that one line stands for; `None` too where it is no JSON object."""
    try:
        entry = cast("object", json.loads(line))
    except (ValueError, RecursionError):
        return None
    return read_entry(cast("Json", entry)) if isinstance(entry, dict) else None


def read_results(read_entry: ReadEntry, body: bytes) -> Iterator[tuple[Dialect, Answer]]:
    """The calls that a file of results stands for, one by one; none if it is another file."""
    start = 0
    while start < len(body):
        end = body.find(b"\n", start)
        end = len(body) if end < 0 else end
        if call := read_line(read_entry, body[start:end]):
            yield call
        start = end + 1
