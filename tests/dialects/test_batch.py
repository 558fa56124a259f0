from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spanledger.dialects import anthropic_batch, openai_batch
from spanledger.dialects.batch import ReadEntry, find_batch, read_line, read_results

Recorded = Callable[[str], bytes]

READERS = [openai_batch.read_entry, anthropic_batch.read_entry]


@pytest.mark.parametrize(
    ("path", "read_entry"),
    [
        ("/v1/files/file-abc/content", openai_batch.read_entry),
        ("/v1/messages/batches/msgbatch_01/results", anthropic_batch.read_entry),
        ("/v1/files", None),
        ("/", None),
    ],
)
def test_paths(path: str, read_entry: ReadEntry | None) -> None:
    """S4.1: the path of a download says whose results it may bring."""
    assert find_batch(path) is read_entry


@pytest.mark.parametrize(
    ("file", "read_entry", "whole", "cut"),
    [
        ("openai_batch_results.jsonl", openai_batch.read_entry, 3, 2),
        ("anthropic_batch_results.jsonl", anthropic_batch.read_entry, 2, 1),
    ],
)
def test_last_line(
    recorded: Recorded, file: str, read_entry: ReadEntry, whole: int, cut: int
) -> None:
    """A file whose last line has no line feed is read to its end; one that was cut, to the cut."""
    body = recorded(file)
    assert len(list(read_results(read_entry, body))) == whole
    assert len(list(read_results(read_entry, body.rstrip(b"\n")))) == whole
    assert len(list(read_results(read_entry, body[:-20]))) == cut


@pytest.mark.parametrize("read_entry", READERS)
@pytest.mark.parametrize(
    "line", [b"", b"{", b"[]", b"null", b"\xff\xfe", b"[" * 100_000, b"{}", "{}", "\ud800"]
)
def test_other_lines(read_entry: ReadEntry, line: bytes | str) -> None:
    """A line that is no JSON object, or none that we know, is no call."""
    assert read_line(read_entry, line) is None


@pytest.mark.parametrize("read_entry", READERS)
@given(body=st.binary(max_size=200))
def test_any_bytes(read_entry: ReadEntry, body: bytes) -> None:
    """Any file at all is read without raising."""
    assert list(read_results(read_entry, body)) == []
