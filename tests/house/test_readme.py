"""What a newcomer copies from the README works."""

import re
import subprocess
import sys
from decimal import Decimal
from pathlib import Path

import httpx
import pytest

from spanledger.demo.provider import Statement, create_provider
from spanledger.demo.server import serve_provider
from spanledger.settings import child_environment
from tests.house.source import ROOT
from tests.running import ADMIN_KEY, spanledger_up

README = (ROOT / "README.md").read_text(encoding="utf-8")
SNIPPETS = re.findall(r"^```python\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("snippet", SNIPPETS)
def test_python_in_the_readme_compiles(snippet: str) -> None:
    """Nothing in the README is almost Python."""
    compile(snippet, "README.md", "exec")


def test_the_quick_start_leaves_one_priced_row(tmp_path: Path) -> None:
    """The snippet, run as it stands: what it costs is asked for as the README asks."""
    provider = create_provider()
    with serve_provider(provider) as provider_url, spanledger_up(tmp_path) as up:
        environment = child_environment(
            OPENAI_API_KEY="sk-not-a-real-key",
            OPENAI_BASE_URL=f"{provider_url}/openai/v1",
            OTEL_EXPORTER_OTLP_ENDPOINT=up.otlp_url,
            OTEL_SERVICE_NAME="help-desk",
            NO_PROXY="127.0.0.1,localhost",
        )
        command = [sys.executable, "-c", SNIPPETS[0]]
        subprocess.run(command, cwd=tmp_path, env=environment, check=True, timeout=100)
        up.settle()
        answer = httpx.get(
            f"{up.api_url}/v1/costs?bucket_width=total&group_by=user",
            headers={"Authorization": f"Bearer {ADMIN_KEY}"},
            trust_env=False,
        )
    (statement,) = provider.state.statements
    (result,) = answer.json()["data"][0]["results"]

    assert result["user_id"] == "cora"
    assert result["calls"] == result["quality"]["priced_calls"] == 1
    assert Decimal(result["amount"]["value"]) == list_price_of_gpt_4o(statement)


def list_price_of_gpt_4o(statement: Statement) -> Decimal:
    """By hand: 2.50 dollars for a million tokens in, 10 dollars for a million out."""
    usage = statement.usage
    assert usage is not None
    tokens_in, tokens_out = str(usage["prompt_tokens"]), str(usage["completion_tokens"])
    return (Decimal(tokens_in) * Decimal("2.50") + Decimal(tokens_out) * 10) / 10**6
