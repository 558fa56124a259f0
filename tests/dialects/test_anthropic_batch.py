import json
from collections.abc import Callable

import pytest

from spanledger.dialects.anthropic import MESSAGES
from spanledger.dialects.anthropic_batch import is_entry, read_entry, read_page
from spanledger.dialects.dialect import Json
from spanledger.dialects.results import Batch, Page
from spanledger.dialects.usage import read_usage
from spanledger.usage import Usage

Recorded = Callable[[str], bytes]


def test_results(recorded: Recorded) -> None:
    """S4.1: each message of a batch is a call with a usage; what failed or expired is none."""
    entries = [json.loads(line) for line in recorded("anthropic_batch_results.jsonl").splitlines()]
    calls = [result for entry in entries if (result := read_entry(entry))]
    assert all(map(is_entry, entries))
    assert [call.dialect for call in calls] == [MESSAGES, MESSAGES]
    assert [call.custom_id for call in calls] == ["first", "fifth"]
    first, second = (call.answer for call in calls)
    assert (first.response_id, second.response_id) == ("msg_01Batch1", "msg_01Batch2")
    assert {first.service_tier, second.service_tier} == {"batch"}
    assert first.usage is not None
    assert second.usage is not None
    assert read_usage("anthropic", first.usage).total_tokens == 44
    assert read_usage("anthropic", second.usage) == Usage(
        input_tokens=2011, cache_read_tokens=2000, cache_write_tokens=0, output_tokens=5
    )


@pytest.mark.parametrize(
    "entry",
    [
        {},
        {"result": 5},
        {"result": {"type": "succeeded"}},
        {"result": {"type": "canceled", "message": {}}},
    ],
)
def test_other_lines(entry: Json) -> None:
    """What is no result of a batch is no call."""
    assert read_entry(entry) is None


def test_what_a_batch_says_of_itself(recorded: Recorded) -> None:
    """Results have no time of their own; that of the batch is known as soon as it has results."""
    document = json.loads(recorded("anthropic_batch.json"))
    batch = Batch(sources=("msgbatch_013Zva2CMHLNnXjNJJKqJ2EF",), created_s=1763764812)
    assert read_page(document) == Page(batches=(batch,))
    assert read_page({"data": [document], "has_more": False}) == Page(batches=(batch,))
    assert read_page({**document, "results_url": None}) == Page()
    assert read_page({"type": "message"}) is None
