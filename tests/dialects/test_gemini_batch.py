import json
from collections.abc import Callable

import pytest

from spanledger.dialects.dialect import Json
from spanledger.dialects.gemini_batch import is_entry, read_entry, read_page
from spanledger.dialects.results import Batch
from spanledger.dialects.usage import read_usage
from spanledger.usage import Usage

Recorded = Callable[[str], bytes]


def test_a_file_of_results(recorded: Recorded) -> None:
    """S4.1: each answered line is a call; thoughts are part of its output."""
    entries = [json.loads(line) for line in recorded("gemini_batch_results.jsonl").splitlines()]
    calls = [result for entry in entries if (result := read_entry(entry))]
    assert all(map(is_entry, entries))
    assert [(call.custom_id, call.answer.model, call.answer.response_id) for call in calls] == [
        ("request-1", "gemini-2.5-flash", "b1AtaLmkHPPlz7IPvtfUqQ4"),
        ("request-3", "gemini-2.5-flash", "b3AtaLmkHPPlz7IPvtfUqQ4"),
    ]
    assert calls[0].answer.usage is not None
    assert read_usage("gcp.gemini", calls[0].answer.usage) == Usage(
        input_tokens=9, output_tokens=29, reasoning_tokens=25
    )


def test_results_in_a_batch(recorded: Recorded) -> None:
    """An operation states its results twice; they count once, with the time of the batch."""
    page = read_page(json.loads(recorded("gemini_batch.json")))
    assert page is not None
    (found,) = page.found
    assert (found.source, found.position) == ("batches/8h2k7gq1x5", 0)
    assert found.result.custom_id == "first"
    assert found.result.tags == {"chapter": "2"}
    assert found.result.created_s == 1763764812
    assert found.result.asked.model == "gemini-2.5-flash"
    assert found.result.answer.finish_reasons == ("STOP",)


def test_results_in_an_operations_answer_alone(recorded: Recorded) -> None:
    """They are found too where only the operation has them, and in a list of operations."""
    document = json.loads(recorded("gemini_batch.json"))
    metadata = {key: value for key, value in document["metadata"].items() if key != "output"}
    page = read_page({"operations": [{**document, "metadata": metadata}]})
    assert page is not None
    assert [found.result.custom_id for found in page.found] == ["first"]


def test_embeddings(recorded: Recorded) -> None:
    """Embeddings have no id and no model of their own: their place and the batch's model tell."""
    page = read_page(json.loads(recorded("gemini_batch_embed.json")))
    assert page is not None
    assert [
        (found.position, found.result.dialect.operation, found.result.asked.model)
        for found in page.found
    ] == [(0, "embeddings", "gemini-embedding-001"), (1, "embeddings", "gemini-embedding-001")]
    usage = page.found[0].result.answer.usage
    assert usage is not None
    assert read_usage("gcp.gemini", usage) == Usage(input_tokens=6)


def test_a_batch_with_a_file(recorded: Recorded) -> None:
    """Its time is remembered for the file of its results."""
    page = read_page(json.loads(recorded("gemini_batch_file.json")))
    assert page is not None
    assert page.batches == (
        Batch(
            sources=("batches/f0i1l2e", "batch-f0i1l2e"),
            created_s=1763764812,
            model="gemini-2.5-flash",
        ),
    )
    assert page.found == ()


@pytest.mark.parametrize(
    ("line", "whether"),
    [
        ({"key": "k", "error": {}}, True),
        ({"key": "k", "status": {}}, True),
        ({"key": "k", "request": {}}, False),
        ({"name": "a file of anything"}, False),
    ],
)
def test_lines_of_other_files(line: Json, *, whether: bool) -> None:
    """A file of a batch's requests is none of its results."""
    assert is_entry(line) is whether


@pytest.mark.parametrize(
    "entry", [{}, {"response": 5}, {"response": {}}, {"response": {"anything": 1}}]
)
def test_other_entries(entry: Json) -> None:
    """An answer of no known kind is no call."""
    assert read_entry(entry) is None


@pytest.mark.parametrize("document", [{}, {"name": "models/x"}, {"operations": [{"name": 1}]}])
def test_other_documents(document: Json) -> None:
    """What is no batch says nothing of one."""
    assert read_page(document) is None
