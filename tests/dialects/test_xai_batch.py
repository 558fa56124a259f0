import json
from collections.abc import Callable

import pytest

from spanledger.dialects.dialect import Json
from spanledger.dialects.usage import read_usage
from spanledger.dialects.xai_batch import read_entry, read_page


def test_a_page_of_results(recorded: Callable[[str], bytes]) -> None:
    """S4.1: an entry holds the answer of its kind of request; one that failed is no call."""
    page = read_page(json.loads(recorded("xai_batch_results.json")), "batch_1")
    assert page is not None
    (found,) = page.found
    assert (found.source, found.result.custom_id) == ("batch_1", "req-1")
    assert found.result.created_s == 1763768050
    assert found.result.answer.usage is not None
    assert read_usage("x_ai", found.result.answer.usage).output_tokens == 103


@pytest.mark.parametrize(
    "entry",
    [
        {},
        {"batch_result": {"response": {}}},
        {"batch_result": {"response": {"chat_get_completion": 1}}},
    ],
)
def test_other_entries(entry: Json) -> None:
    """What holds no answer is no call."""
    assert read_entry(entry) is None


@pytest.mark.parametrize("document", [{}, {"results": [{"flagged": False}]}])
def test_other_documents(document: Json) -> None:
    """What has results of another kind is no page of a batch."""
    assert read_page(document, "b") is None
