"""The models without a price, on the command line."""

import json
from pathlib import Path

import pytest

from spanledger.cli import main
from spanledger.server import serve
from spanledger.settings import Settings
from spanledger.storage.clickhouse import open_embedded
from tests.storage.priced import a_call, unknown

KEY = "sl_admin_of_the_tests"


def run(*words: str) -> None:
    """Run the command."""
    assert main(["prices", "unpriced", *words]) == 0


def test_here_and_at_a_server(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Each model with its calls, tokens, days and reason; nothing to tell is told as well."""
    where = ("--data-dir", str(tmp_path))
    open_embedded(tmp_path).close()
    run(*where)
    assert capsys.readouterr().out == "Every call has a price.\n"
    store = open_embedded(tmp_path)
    store.write([unknown(a_call("default", request_model="acme-1"))])
    store.close()

    run(*where)
    assert capsys.readouterr().out == (
        "openai acme-1\n"
        "    1 calls, 1,000,000 input, 0 output tokens, 2026-10-10 to 2026-10-10: "
        "no price was known\n"
    )
    run(*where, "--json")
    here = json.loads(capsys.readouterr().out)
    with serve(
        Settings(data_dir=tmp_path, port=0, otlp_http_port=0, otlp_grpc_port=0, admin_key=KEY)
    ) as server:
        run("--url", server.api_url, "--key", KEY, "--json")
    assert json.loads(capsys.readouterr().out) == here
    assert here[0]["model"] == "acme-1"
