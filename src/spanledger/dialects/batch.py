"""Where the results of batches lie, and how they are read as their bytes pass.

Each result holds one whole answer, and so stands for one call. Results lie in files of lines, or in
JSON documents together with what is said of the batch. Those that lie in somebody's buckets
(Bedrock, Vertex AI) are out of reach here.
"""

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final, Protocol, cast

from spanledger.dialects import anthropic_batch, gemini_batch, openai_batch, xai_batch
from spanledger.dialects.dialect import Json
from spanledger.dialects.ndjson import LineDecoder
from spanledger.dialects.results import Batch, Found, Page, ReadEntry

__all__ = [
    "DOCUMENT_BYTES_MAX",
    "LINE_BYTES_MAX",
    "DocumentReader",
    "LinesReader",
    "ResultsReader",
    "find_results",
    "may_hold_results",
]

LINE_BYTES_MAX: Final = 1024 * 1024
"""A longer line is passed over, and counted."""

DOCUMENT_BYTES_MAX: Final = 32 * 1024 * 1024
"""The most that is kept of a document; of a longer one nothing is read."""

_MARKS: Final = (b'"custom_id"', b'"key"')
"""What stands in every result, mostly in front."""

_BOM: Final = b"\xef\xbb\xbf"


class ResultsReader(Protocol):
    """Reads results out of a body, in pieces of any size."""

    over: bool
    """The body holds no results: there is no use in feeding more of it."""
    batches: list[Batch]
    """What was said of batches so far."""

    @property
    def skipped(self) -> int:
        """Lines, or documents, that were too long."""
        ...

    def feed(self, data: bytes) -> Iterator[Found]:
        """The results that `data`, the next piece, completes."""
        ...

    def flush(self) -> Iterator[Found]:
        """What the end of the body completes, to be asked for once."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class _Lines:
    """A kind of file whose lines are results."""

    path: re.Pattern[str]
    """Its group is the id of the file or the batch."""
    is_entry: Callable[[Json], bool]
    read_entry: ReadEntry
    in_order: bool = False
    """The order is that of the requests, whenever it is fetched."""


_LINES: Final = (
    _Lines(
        path=re.compile(r"/files/([^/]+)/content$"),
        is_entry=openai_batch.is_entry,
        read_entry=openai_batch.read_entry,
    ),
    _Lines(
        path=re.compile(r"/messages/batches/([^/]+)/results$"),
        is_entry=anthropic_batch.is_entry,
        read_entry=anthropic_batch.read_entry,
    ),
    _Lines(
        path=re.compile(r"/files/([^/:]+):download$"),
        is_entry=gemini_batch.is_entry,
        read_entry=gemini_batch.read_entry,
        in_order=True,
    ),
)

_DOCUMENT: Final = re.compile(
    r"/(?:v\d\w*|openai|messages)/batch(?:es|/jobs)(?:/(?P<id>[^/:]+)(?:/results)?)?$"
)
"""Descriptions of batches, lists of such, and xAI's results."""


def may_hold_results(url: str) -> bool:
    """Whether there is any use in looking closer at a GET of `url`, or of its path.

    It spares all other requests of the app the patterns.
    """
    return "/batch" in url or "/content" in url or ":download" in url


def find_results(path: str) -> ResultsReader | None:
    """What reads the body that a GET of `path` brings, if it may hold results of a batch."""
    if not may_hold_results(path):
        return None
    for lines in _LINES:
        if match := lines.path.search(path):
            return LinesReader(lines, match[1])
    document = _DOCUMENT.search(path)
    return DocumentReader(document["id"] or "") if document else None


class LinesReader:
    """Reads a file of lines. Nothing more of it is kept than the line that is not yet whole."""

    __slots__ = (
        "_begun",
        "_decoder",
        "_lines",
        "_plausible",
        "_position",
        "_source",
        "batches",
        "over",
    )

    def __init__(self, lines: _Lines, source: str) -> None:
        self.over = False
        self.batches: list[Batch] = []
        self._lines = lines
        self._source = source
        self._decoder = LineDecoder(limit=LINE_BYTES_MAX)
        self._position = 0
        self._begun = False
        self._plausible = False

    @property
    def skipped(self) -> int:
        """Lines that were too long, where the others are results, or the file begins like them."""
        return self._decoder.dropped if self._plausible and not self.over else 0

    def feed(self, data: bytes) -> Iterator[Found]:
        """The results whose lines `data` completes."""
        if not self._begun and (data := _begin(data)):
            self._begun = True
            self.over = not data.startswith(b"{")
            self._plausible = any(mark in data for mark in _MARKS)
        if not self.over:
            for event in self._decoder.feed(data):
                yield from self._read(event.data)

    def flush(self) -> Iterator[Found]:
        """The result on a last line without an end; a line that was cut is none."""
        if not self.over:
            for event in self._decoder.flush():
                yield from self._read(event.data)

    def _read(self, line: str) -> Iterator[Found]:
        if self.over:
            return
        position, self._position = self._position, self._position + 1
        entry = _object(line)
        if entry is None or not self._lines.is_entry(entry):
            # Of a file whose first line is no result no other one is.
            self.over = position == 0
            return
        self._plausible = True
        if (result := self._lines.read_entry(entry)) is not None:
            yield Found(self._source, position if self._lines.in_order else None, result)


class DocumentReader:
    """Reads a JSON document, which has to be kept until it is whole."""

    __slots__ = ("_body", "_source", "_too_long", "batches", "over")

    def __init__(self, source: str) -> None:
        self.over = False
        self.batches: list[Batch] = []
        self._source = source
        self._body = bytearray()
        self._too_long = False

    @property
    def skipped(self) -> int:
        """1 where the document was too long."""
        return int(self._too_long)

    def feed(self, data: bytes) -> Iterator[Found]:
        """Nothing yet."""
        if not self._body:
            data = _begin(data)
            self.over = self.over or not data.startswith(b"{"[: len(data)])
        if not self.over:
            self._body += data
        if len(self._body) > DOCUMENT_BYTES_MAX:
            self.over = self._too_long = True
            self._body.clear()
        return iter(())

    def flush(self) -> Iterator[Found]:
        """All results that the document holds."""
        document = None if self.over else _object(self._body)
        page = None if document is None else _read_page(document, self._source)
        if page is not None:
            self.batches.extend(page.batches)
            yield from page.found


def _begin(data: bytes) -> bytes:
    """The start of a body without what may stand before it."""
    return data.removeprefix(_BOM).lstrip()


def _read_page(document: Json, source: str) -> Page | None:
    return (
        openai_batch.read_page(document)
        or anthropic_batch.read_page(document)
        or gemini_batch.read_page(document)
        or xai_batch.read_page(document, source)
    )


def _object(data: str | bytes | bytearray) -> Json | None:
    try:
        value = cast("object", json.loads(data))
    except (ValueError, RecursionError):
        return None
    return cast("Json", value) if isinstance(value, dict) else None
