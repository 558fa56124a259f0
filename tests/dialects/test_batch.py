from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spanledger.dialects.batch import (
    DOCUMENT_BYTES_MAX,
    LINE_BYTES_MAX,
    ResultsReader,
    find_results,
    may_hold_results,
)
from spanledger.dialects.results import Found

Recorded = Callable[[str], bytes]

OPENAI = "/v1/files/file-abc/content"
ANTHROPIC = "/v1/messages/batches/msgbatch_01/results"
GEMINI = "/v1beta/files/batch-abc:download"
FILES = {
    OPENAI: ("openai_batch_results.jsonl", 3),
    ANTHROPIC: ("anthropic_batch_results.jsonl", 2),
    GEMINI: ("gemini_batch_results.jsonl", 2),
    "/v1beta/batches/8h2k7gq1x5": ("gemini_batch.json", 1),
    "/v1/batch/jobs/b9a5": ("mistral_batch.json", 1),
    "/v1/batches/batch_1/results": ("xai_batch_results.json", 1),
}


def reader_of(path: str) -> ResultsReader:
    """What reads a body from there."""
    reader = find_results(path)
    assert reader is not None
    return reader


def read(path: str, *pieces: bytes) -> list[Found]:
    """All that is found in a body that comes in these pieces."""
    reader = reader_of(path)
    found = [one for piece in pieces for one in reader.feed(piece)]
    return [*found, *reader.flush()]


@pytest.mark.parametrize(
    ("path", "source"),
    [
        (OPENAI, "file-abc"),
        ("/openai/v1/files/file-abc/content", "file-abc"),
        ("/openai/files/file-abc/content", "file-abc"),
        (ANTHROPIC, "msgbatch_01"),
        (GEMINI, "batch-abc"),
        ("/download/v1beta/files/batch-abc:download", "batch-abc"),
    ],
)
def test_files(path: str, source: str) -> None:
    """S4.1: the path of a download says which file it is, and whose form it may have."""
    lines = {
        OPENAI: b'{"custom_id":"c","response":{"body":{"object":"list"}}}',
        ANTHROPIC: b'{"custom_id":"c","result":{"type":"succeeded","message":{}}}',
        GEMINI: b'{"key":"c","response":{"candidates":[]}}',
    }
    (line,) = (line for kind, line in lines.items() if kind[-8:] == path[-8:])
    (found,) = read(path, line)
    assert (found.source, found.result.custom_id) == (source, "c")


@pytest.mark.parametrize(
    "path",
    [
        "/v1/batches/batch_1",
        "/v1/batches",
        "/openai/batches/batch_1",
        "/openai/v1/batches/batch_1",
        "/v1/messages/batches/msgbatch_01",
        "/v1beta/batches/abc",
        "/v1/batch/jobs/b9a5",
        "/v1/batches/batch_1/results",
    ],
)
def test_documents(path: str) -> None:
    """What is said of batches, and may hold their results, is read as a whole."""
    assert may_hold_results(path)
    assert find_results(path) is not None


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/v1/files",
        "/v1/files/f",
        "/v1/files/f/content/",
        "/content",
        "/p/content",
        "/v1/messages/batches/results/x",
        "/searches/1/results",
        "/batches/5",
        "/shop/batches/5",
        "/v1/batches/b/cancel",
        "/v1beta/files/f:upload",
        "/v1/batching/5",
    ],
)
def test_other_paths(path: str) -> None:
    """No other GET can bring results."""
    assert find_results(path) is None


@pytest.mark.parametrize("path", FILES)
@given(data=st.data())
def test_any_chunking(recorded: Recorded, path: str, data: st.DataObject) -> None:
    """However the network cuts a body, the same is found in it."""
    file, count = FILES[path]
    body = recorded(file)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(body)), max_size=20)))
    pieces = [body[a:b] for a, b in zip([0, *cuts], [*cuts, len(body)], strict=True)]
    found = read(path, *pieces)
    assert found == read(path, body)
    assert len(found) == count


@pytest.mark.parametrize("path", [OPENAI, ANTHROPIC, GEMINI])
def test_last_line(recorded: Recorded, path: str) -> None:
    """A file whose last line has no line feed is read to its end; one that was cut, to the cut."""
    file, count = FILES[path]
    body = recorded(file)
    assert len(read(path, body.rstrip(b"\n"))) == count
    assert len(read(path, body[:-20])) == count - 1


def test_results_are_read_as_they_come(recorded: Recorded) -> None:
    """The first line is a call before the second has arrived."""
    body = recorded("openai_batch_results.jsonl")
    reader = reader_of(OPENAI)
    assert len(list(reader.feed(body[: body.index(b"\n") + 1]))) == 1


@pytest.mark.parametrize("path", [OPENAI, ANTHROPIC, GEMINI])
@pytest.mark.parametrize(
    "body",
    [
        b"%PDF-1.7 ...",
        b"\x89PNG\r\n",
        b"[1]\n",
        b'{"messages":[{"role":"user","content":"a training file"}]}\n{}\n',
        b'{\n"pretty": 1\n}\n',
        b'{"custom_id":"c","method":"POST","body":{}}\n',
    ],
)
def test_other_files_are_not_read_further(path: str, body: bytes) -> None:
    """Any file has such a path; one look at its first line spares the rest."""
    reader = reader_of(path)
    assert list(reader.feed(body)) == []
    assert reader.over
    assert list(reader.feed(b'{"custom_id":"c","response":{"body":{"object":"list"}}}\n')) == []
    assert list(reader.flush()) == []


def test_a_line_that_is_too_long_is_counted(recorded: Recorded) -> None:
    """The lines around it are read, and its memory is bounded."""
    first, *rest = recorded("openai_batch_results.jsonl").splitlines(keepends=True)
    long = b'{"custom_id":"long","response":"' + b"x" * LINE_BYTES_MAX + b'"}\n'
    reader = reader_of(OPENAI)
    found = [one for piece in (long, first, long, *rest) for one in reader.feed(piece)]
    assert len(found) == 3
    assert reader.skipped == 2


def test_long_lines_of_other_files_are_not_counted() -> None:
    """A file that holds no results has lost none; one of long results alone has lost them all."""
    long = b'"x":"' + b"x" * LINE_BYTES_MAX + b'"}\n'
    other = reader_of(OPENAI)
    assert list(other.feed(b"{" + long)) == []
    assert list(other.feed(b'{"messages":[]}\n')) == []
    results = reader_of(OPENAI)
    for piece in (b'{"custom_id":"c",', long, b'{"custom_id":"d",', long):
        assert list(results.feed(piece)) == []
    assert (other.skipped, results.skipped) == (0, 2)


def test_a_document_that_is_too_long_is_counted() -> None:
    """Nothing of it is kept."""
    reader = reader_of("/v1beta/batches/b")
    assert list(reader.feed(b'{"name":"batches/b","x":"')) == []
    for _ in range(DOCUMENT_BYTES_MAX // (8 * 1024 * 1024)):
        assert list(reader.feed(b"x" * 8 * 1024 * 1024)) == []
    assert reader.over
    assert reader.skipped == 1
    assert list(reader.flush()) == []


def test_places_are_told_where_the_order_is_certain(recorded: Recorded) -> None:
    """Google writes results in the order of the requests; lines that failed have their place."""
    found = read(GEMINI, recorded("gemini_batch_results.jsonl"))
    assert [one.position for one in found] == [0, 2]
    found = read(OPENAI, recorded("openai_batch_results.jsonl"))
    assert {one.position for one in found} == {None}


@pytest.mark.parametrize("path", [*FILES, "/v1/batches"])
@given(body=st.binary(max_size=200))
def test_any_bytes(path: str, body: bytes) -> None:
    """Any file at all is read without raising."""
    assert read(path, body) == []


@pytest.mark.parametrize("path", [*FILES, "/v1/batches"])
@pytest.mark.parametrize("line", [b"", b"{", b"[]", b"null", b"\xff\xfe", b"{" * 100_000, b"{}"])
def test_other_lines(path: str, line: bytes) -> None:
    """A line that is no JSON object, or none that we know, is no call."""
    assert read(path, line) == []
