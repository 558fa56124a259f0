from collections.abc import Callable

import pytest

from spanledger.dialects.anthropic import MESSAGES
from spanledger.dialects.anthropic_batch import is_results_path, read_entry
from spanledger.dialects.batch import read_results
from spanledger.dialects.dialect import Json
from spanledger.dialects.usage import read_usage
from spanledger.usage import Usage


def test_results(recorded: Callable[[str], bytes]) -> None:
    """S4.1: each message of a batch is a call with a usage; what failed or expired is none."""
    calls = list(read_results(read_entry, recorded("anthropic_batch_results.jsonl")))
    assert [dialect for dialect, _ in calls] == [MESSAGES, MESSAGES]
    first, second = (answer for _, answer in calls)
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


def test_paths() -> None:
    """The results of a batch are known by their path."""
    assert is_results_path("/v1/messages/batches/msgbatch_01/results")
    assert not is_results_path("/v1/messages/batches/msgbatch_01")
    assert not is_results_path("/v1/messages/batches/results")
    assert not is_results_path("/searches/1/results")
