"""The results of a batch cost once, however often and by whomever they are fetched."""

import subprocess
import sys
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx

from spanledger.settings import child_environment
from tests.instrumentation.provider import recorded, running_provider
from tests.running import ADMIN_KEY, spanledger_up

APP = """
import sys
import spanledger.auto
import httpx2
for url in sys.argv[1:]:
    httpx2.get(url, trust_env=False)
"""
"""An app that fetches results."""


def test_results_cost_once(tmp_path: Path) -> None:
    """S0.2, S4.1: three processes fetch the same results; the store has each call once, priced."""
    with running_provider() as provider, spanledger_up(tmp_path) as up:
        results = recorded("openai_batch_results.jsonl")
        # The list prices know rates for batches since October 2026.
        body = results.body.replace(b'"created": 1763780012', b'"created": 1793430000')
        provider.answer_with(replace(results, body=body))
        url = f"{provider.url}/v1/files/file-out/content"
        environment = child_environment(OTEL_EXPORTER_OTLP_ENDPOINT=up.otlp_url)
        for _ in range(3):
            command = [sys.executable, "-c", APP, url, url]
            subprocess.run(command, env=environment, check=True, timeout=100)
        up.settle()
        headers = {"Authorization": f"Bearer {ADMIN_KEY}"}
        with httpx.Client(base_url=up.api_url, headers=headers, trust_env=False) as api:
            calls: list[dict[str, Any]] = api.get("/v1/calls").json()["data"]
            detail = [api.get(f"/v1/calls/{call['call_id']}").json() for call in calls]

    chat = next(call for call in detail if call["response_id"] == "chatcmpl-B1")
    assert len(calls) == 3
    assert {call["batch"] for call in detail} == {True}
    assert chat["start_time"].startswith("2026-10-31T07:00:00")
    assert chat["tags"] == {"custom_id": "request-1"}
    # Half of 0.15 and 0.60 dollars for a million tokens.
    assert Decimal(chat["amount"]["value"]) == Decimal("0.0000063")
