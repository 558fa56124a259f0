import json
from collections.abc import Callable

import pytest

from spanledger.dialects.dialect import Json, Request
from spanledger.dialects.openai import CHAT
from spanledger.dialects.openai_batch import is_entry, read_entry, read_page
from spanledger.dialects.results import Batch, Page

Recorded = Callable[[str], bytes]


def test_batch_results(recorded: Recorded) -> None:
    """S4.1: each line of a batch that came to something is one call with its own usage."""
    entries = [json.loads(line) for line in recorded("openai_batch_results.jsonl").splitlines()]
    calls = [result for entry in entries if (result := read_entry(entry))]
    assert all(map(is_entry, entries))
    assert [
        (call.dialect.name, call.result_id, call.answer.response_id, call.custom_id, call.created_s)
        for call in calls
    ] == [
        ("openai.chat", "batch_req_1", "chatcmpl-B1", "request-1", 1763780012),
        ("openai.responses", "batch_req_4", "resp_B4", "request-4", None),
        ("openai.embeddings", "batch_req_5", "", "request-5", None),
    ]
    assert [call.answer.usage for call in calls] == [
        {"prompt_tokens": 24, "completion_tokens": 15, "total_tokens": 39},
        {
            "input_tokens": 37,
            "input_tokens_details": {"cached_tokens": 0},
            "output_tokens": 11,
            "output_tokens_details": {"reasoning_tokens": 0},
            "total_tokens": 48,
        },
        {"prompt_tokens": 8, "total_tokens": 8},
    ]
    assert all(call.answer.complete for call in calls)


@pytest.mark.parametrize(
    ("body", "name"),
    [
        ({"object": "text_completion"}, "openai.completions"),
        ({"created": 1, "data": [{"url": "u"}]}, "openai.images"),
    ],
)
def test_other_kinds_of_answers(body: Json, name: str) -> None:
    """An answer names its own kind, images by their shape."""
    call = read_entry({"custom_id": "c", "response": {"body": body}})
    assert call is not None
    assert call.dialect.name == name


@pytest.mark.parametrize(
    "entry",
    [
        {"custom_id": "c"},
        {"custom_id": "c", "response": 3},
        {"custom_id": "c", "response": {"body": []}},
        {"custom_id": "c", "response": {"body": {"object": "moderation"}}},
    ],
)
def test_lines_without_a_call(entry: Json) -> None:
    """A line of a batch that came to nothing stands for no call."""
    assert read_entry(entry) is None


@pytest.mark.parametrize(
    ("line", "whether"),
    [
        ({"custom_id": "c", "response": None, "error": {"code": "batch_expired"}}, True),
        ({"custom_id": "c", "error": {}}, True),
        ({"custom_id": "c", "method": "POST", "url": "/v1/embeddings", "body": {}}, False),
        ({"response": {"body": {"object": "chat.completion"}}}, False),
        ({"messages": [{"role": "user", "content": "a line of a training file"}]}, False),
    ],
)
def test_lines_of_other_files(line: Json, *, whether: bool) -> None:
    """A file of a batch's requests, or any other, is told from its results by its lines."""
    assert is_entry(line) is whether


def test_a_call_of_a_batch_is_of_its_dialect() -> None:
    """The call of a line is read by the dialect that would have read it alone."""
    body: Json = {"object": "chat.completion", "id": "i", "usage": {"prompt_tokens": 1}}
    call = read_entry({"custom_id": "c", "response": {"body": body}})
    assert call is not None
    assert (call.dialect, call.answer) == (CHAT, CHAT.read_answer(body))


def test_whom_an_answer_was_for() -> None:
    """A response repeats its user, its conversation and what it goes on from."""
    body: Json = {
        "object": "response",
        "model": "gpt-5",
        "service_tier": "default",
        "user": "cora",
        "conversation": {"id": "conv_1"},
        "previous_response_id": "resp_0",
    }
    call = read_entry({"custom_id": "c", "response": {"body": body}})
    assert call is not None
    assert call.asked == Request(
        user_id="cora", conversation_id="conv_1", previous_response_id="resp_0"
    )


def test_what_a_batch_says_of_itself(recorded: Recorded) -> None:
    """Its creation is remembered for its own id and for those of its files."""
    document: dict[str, object] = json.loads(recorded("openai_batch.json"))
    batch = Batch(
        sources=("batch_67a1", "file-out", "file-err"),
        created_s=1763764812,
        model="text-embedding-3-small",
    )
    assert read_page(document) == Page(batches=(batch,))
    assert read_page({"object": "list", "data": [document, {"object": "file"}]}) == Page(
        batches=(batch,)
    )
    unfinished = {**document, "output_file_id": None, "error_file_id": None}
    assert read_page(unfinished) == Page()


def test_results_in_a_batch(recorded: Recorded) -> None:
    """Mistral answers requests that were sent with the batch in the batch."""
    page = read_page(json.loads(recorded("mistral_batch.json")))
    assert page is not None
    (found,) = page.found
    assert (found.source, found.position) == ("b9a5a3ab-4ee8-4ab1-a6f8-2ed3e2b9a1a0", None)
    assert found.result.answer.usage == {
        "prompt_tokens": 12,
        "completion_tokens": 5,
        "total_tokens": 17,
    }
    (batch,) = page.batches
    assert batch.created_s == 1763764812


@pytest.mark.parametrize("document", [{}, {"object": "list"}, {"data": [{"object": "batch"}]}])
def test_other_documents(document: Json) -> None:
    """What is no batch and no list of batches says nothing."""
    assert read_page(document) is None
