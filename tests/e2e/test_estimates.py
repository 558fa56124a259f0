"""A call whose provider states no usage, from the SDK to the page that shows what it cost."""

import subprocess
import sys
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import httpx
import pytest

from spanledger.demo.server import serve_provider
from spanledger.settings import child_environment
from tests.counting import chat_tokens, tokens
from tests.running import ADMIN_KEY, spanledger_up

PROMPT = "Was kostet das 今天? 👩🏽‍🚀"

APP = f"""
import spanledger.auto
from openai import OpenAI
from opentelemetry import trace
asked = {{"model": "gpt-4o", "messages": [{{"role": "user", "content": {PROMPT!r}}}]}}
with OpenAI() as client:
    for chunk in client.chat.completions.create(**asked, stream=True):
        for choice in chunk.choices:
            print(choice.delta.content or "", end="")
    with client.chat.completions.create(**asked, stream=True, user="cut") as stream:
        for chunk in stream:
            if chunk.choices[0].delta.content:
                break
# The end of a process does not wait long, and a busy machine may count slowly.
trace.get_tracer_provider().force_flush(60_000)
"""

EACH = {"input": Decimal("2.50") / 10**6, "output": Decimal(10) / 10**6}
"""The list price of a token of gpt-4o, in dollars."""


class Ledger:
    """What is on record of the app's two calls."""

    def __init__(self, api: httpx.Client, said: str) -> None:
        self.api = api
        self.said = said
        """What the model said in the first one."""

    def call(self, user: str) -> Any:
        """The call for a user, in detail."""
        (listed,) = self.api.get("/v1/calls", params={"user_ids": user}).json()["data"]
        return self.api.get(f"/v1/calls/{listed['call_id']}").json()


@pytest.fixture(scope="module")
def ledger(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ledger]:
    """The app in a process, the provider here, the server in a third process."""
    folder = tmp_path_factory.mktemp("estimates")
    headers = {"Authorization": f"Bearer {ADMIN_KEY}"}
    with (
        serve_provider() as provider_url,
        spanledger_up(folder) as up,
        httpx.Client(base_url=up.api_url, headers=headers, trust_env=False) as api,
    ):
        environment = child_environment(
            OPENAI_API_KEY="sk-not-a-real-key",
            OPENAI_BASE_URL=f"{provider_url}/openai/v1",
            OTEL_EXPORTER_OTLP_ENDPOINT=up.otlp_url,
            NO_PROXY="127.0.0.1,localhost",
            PYTHONIOENCODING="utf-8",
        )
        ran = subprocess.run(
            [sys.executable, "-c", APP],
            cwd=folder,
            env=environment,
            check=True,
            timeout=100,
            capture_output=True,
            encoding="utf-8",
        )
        up.settle()
        yield Ledger(api, ran.stdout)


def test_a_silent_stream_costs_what_its_tokens_cost(ledger: Ledger) -> None:
    """S4.3, S1.8: estimated by tiktoken, priced, and said to be an estimate."""
    call = ledger.call("")
    counted = {"input": chat_tokens(PROMPT), "output": tokens(ledger.said)}
    amount = sum(count * EACH[direction] for direction, count in counted.items())

    assert ledger.said
    assert (call["status"], call["usage_source"]) == ("estimated", "estimated")
    assert call["usage"] == {f"{name}_tokens": count for name, count in counted.items()}
    assert Decimal(call["amount"]["value"]) == amount


def test_a_stream_that_was_left_is_estimated_and_partial(ledger: Ledger) -> None:
    """What was seen has its price, and the call says that this is not all."""
    call = ledger.call("cut")

    assert (call["status"], call["usage_source"]) == ("partial", "estimated")
    assert call["usage_partial"] is True
    assert "estimate" in call["cost"]["reason"]
    assert call["usage"]["input_tokens"] == chat_tokens(PROMPT)


def test_sums_say_how_many_are_estimates(ledger: Ledger) -> None:
    """Promise 3: a total that holds an estimate says so, as JSON and on the page."""
    (bucket,) = ledger.api.get("/v1/costs", params={"bucket_width": "total"}).json()["data"]
    (result,) = bucket["results"]
    ledger.api.post("/login", data={"key": ADMIN_KEY})
    page = ledger.api.get("/", headers={"Authorization": "", "Accept": "text/html"}).text

    assert result["quality"]["estimated_calls"] == 1
    assert result["quality"]["partial_calls"] == 1
    assert "1 estimated, 1 partial" in page
