from collections.abc import Callable

import pytest

from spanledger.dialects.batch import read_results
from spanledger.dialects.dialect import Json
from spanledger.dialects.openai import CHAT
from spanledger.dialects.openai_batch import is_results_path, read_entry


def test_batch_results(recorded: Callable[[str], bytes]) -> None:
    """S4.1: each line of a batch that came to something is one call with its own usage."""
    calls = list(read_results(read_entry, recorded("openai_batch_results.jsonl")))
    assert [(dialect.name, answer.response_id, answer.usage) for dialect, answer in calls] == [
        (
            "openai.chat",
            "chatcmpl-B1",
            {"prompt_tokens": 24, "completion_tokens": 15, "total_tokens": 39},
        ),
        (
            "openai.responses",
            "resp_B4",
            {
                "input_tokens": 37,
                "input_tokens_details": {"cached_tokens": 0},
                "output_tokens": 11,
                "output_tokens_details": {"reasoning_tokens": 0},
                "total_tokens": 48,
            },
        ),
        ("openai.embeddings", "", {"prompt_tokens": 8, "total_tokens": 8}),
    ]
    assert all(answer.complete for _, answer in calls)


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
    assert call[0].name == name


@pytest.mark.parametrize(
    "entry",
    [
        {"custom_id": "c"},
        {"custom_id": "c", "response": 3},
        {"custom_id": "c", "response": {"body": []}},
        {"custom_id": "c", "response": {"body": {"object": "moderation"}}},
        {"response": {"body": {"object": "chat.completion"}}},
        {"messages": [{"role": "user", "content": "a line of a training file"}]},
    ],
)
def test_lines_of_other_files(entry: Json) -> None:
    """A file that is no batch's results stands for no call, whatever is in it."""
    assert read_entry(entry) is None


@pytest.mark.parametrize(
    "path", ["/v1/files/file-abc/content", "/openai/v1/files/file-abc/content"]
)
def test_paths_of_results(path: str) -> None:
    """Results come as the content of a file."""
    assert is_results_path(path)


@pytest.mark.parametrize("path", ["/v1/files/f", "/v1/files/f/content/", "/content", "/p/content"])
def test_other_paths(path: str) -> None:
    """No other path can bring results."""
    assert not is_results_path(path)


def test_a_call_of_a_batch_is_of_its_dialect() -> None:
    """The call of a line is read by the dialect that would have read it alone."""
    body: Json = {"object": "chat.completion", "id": "i", "usage": {"prompt_tokens": 1}}
    entry: Json = {"custom_id": "c", "response": {"body": body}}
    assert read_entry(entry) == (CHAT, CHAT.read_answer(body))
