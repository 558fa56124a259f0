"""What OpenInference has no attribute for."""

import pytest

from spanledger.collector.conventions import AttributeValue
from spanledger.collector.conventions.openinference import asked_model, response_id
from tests.collector.span_records import build_span_record


@pytest.mark.parametrize(
    ("output", "found"),
    [
        ('{"id":"chatcmpl-CbK2vQmTz8Hn4","choices":[]}', "chatcmpl-CbK2vQmTz8Hn4"),
        ('{"choices": [], "id": "msg_01XFDUDYJgAACzvnptvVoYEL"}', "msg_01XFDUDYJgAACzvnptvVoYEL"),
        ('{"id":["langchain","schema"],"x":{"id":"resp_68f0c2a91c"}}', "resp_68f0c2a91c"),
        ('{"content": "she said \\"id\\": \\"msg_01XFDUDYJ\\""}', ""),
        ('{"id":"lc_run--01"}', ""),
        ("x" * 5000 + '{"id":"resp_68f0c2a91c"}', ""),
        (7, ""),
        (None, ""),
    ],
)
def test_the_id_is_in_the_answer(output: AttributeValue, found: str) -> None:
    """It is what tells two spans of one call; what a model writes is not taken for it."""
    assert response_id(build_span_record({"output.value": output})) == found


@pytest.mark.parametrize(
    ("asked_with", "model"),
    [('{"model": "gpt-4o"}', "gpt-4o"), ('{"model_name": "m"}', "m"), ('{"model": 1}', ""),
     ("{", ""), (None, "")],
)  # fmt: skip
def test_the_model_is_in_the_parameters(asked_with: AttributeValue, model: str) -> None:
    """Where the call has failed."""
    assert asked_model({"asked_with": asked_with}) == model
