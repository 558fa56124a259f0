"""Requests that are no call that we read: results are followed, unknown calls counted."""

import uuid
from pathlib import Path

import pytest
from opentelemetry.trace import NoOpTracerProvider

from spanledger.instrumentation.batch_times import BatchTimes
from spanledger.instrumentation.batches import Batches, Download
from spanledger.instrumentation.passing import looking_on
from spanledger.instrumentation.telemetry import Destination
from spanledger.instrumentation.unknown import unknown_exchanges
from spanledger.instrumentation.wire import PlainRequest


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "DELETE", "HEAD", ""])
def test_each_method_has_its_look(tmp_path: Path, method: str) -> None:
    """Only a GET may bring results, and only a POST may be a call."""
    nowhere = Destination(NoOpTracerProvider())
    batches = Batches(version="1", destination=nowhere, times=BatchTimes(tmp_path), endpoints={})
    look = looking_on(batches, {})
    host = f"{uuid.uuid4().hex}.openai.azure.com"

    followed = look(PlainRequest(method, f"https://{host}/openai/files/f/content", {}))
    unknown = look(PlainRequest(method, f"https://{host}/openai/new", {}))

    assert isinstance(followed, Download) is (method == "GET")
    assert unknown is None
    assert any(host in kind for kind in unknown_exchanges()) is (method == "POST")
