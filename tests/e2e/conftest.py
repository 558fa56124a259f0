"""The demo as a newcomer runs it, once for all tests of this folder."""

import json
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from spanledger.demo.server import serve_provider
from spanledger.settings import child_environment
from tests.running import ADMIN_KEY, spanledger_up

Json = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Demo:
    """What the simulated providers stated, and an API that tells what was recorded."""

    api_url: str
    api: httpx.Client
    statements: Sequence[Json]
    """`provider`, `model`, `response_id`, `usage` of every answered call."""

    def all_calls(self) -> list[Json]:
        """Every call of the store in detail, by way of the cursor."""
        listed: list[Json] = []
        page: dict[str, str] = {}
        while True:
            answer = self.get("/v1/calls", limit="7", **page)
            listed += answer["data"]
            if not answer["has_more"]:
                return [self.get(f"/v1/calls/{call['call_id']}") for call in listed]
            page = {"page": answer["next_page"]}

    def get(self, path: str, **parameters: str | Sequence[str]) -> Any:
        """The JSON answer of the API, which must be a success."""
        answer = self.api.get(path, params=parameters)
        assert answer.status_code == 200, answer.text
        return json.loads(answer.text)


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    """Real SDKs in one process, the providers here, Spanledger in a third; nothing is shared."""
    headers = {"Authorization": f"Bearer {ADMIN_KEY}"}
    with (
        serve_provider() as provider_url,
        spanledger_up(tmp_path_factory.mktemp("demo")) as up,
        httpx.Client(base_url=up.api_url, headers=headers, trust_env=False) as api,
    ):
        command = [sys.executable, "-m", "spanledger.demo.traffic", "--provider-url", provider_url]
        environment = child_environment(OTEL_EXPORTER_OTLP_ENDPOINT=up.otlp_url)
        subprocess.run(command, env=environment, check=True, capture_output=True, timeout=100)
        up.settle()
        statements = httpx.get(f"{provider_url}/statements", trust_env=False).json()
        yield Demo(up.api_url, api, statements["data"])
