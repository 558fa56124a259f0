"""Closing months on the command line."""

import json
from pathlib import Path

import pytest

from spanledger.cli import main
from spanledger.server import serve
from spanledger.settings import Settings

KEY = "sl_admin_of_the_tests"


def test_close_reopen_list(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A month is closed and opened again; repricing it is refused meanwhile."""
    where = ("--data-dir", str(tmp_path))
    october = ("--from", "2026-10-31T23:59:59.999999", "--to", "2026-11-01")

    assert main(["periods", "list", *where]) == 0
    assert main(["periods", "close", "2026-10", *where]) == 0
    assert capsys.readouterr().out == "No month has been closed.\n2026-10 is closed.\n"
    assert main(["reprice", *october, *where]) == 1
    assert "closed: 2026-10" in capsys.readouterr().err
    assert main(["periods", "close", "2026-10", *where]) == 1
    assert "closed already" in capsys.readouterr().err
    assert main(["periods", "reopen", "2026-10", *where]) == 0
    assert main(["reprice", *october, *where]) == 0
    capsys.readouterr()
    assert main(["periods", "list", *where, "--json"]) == 0
    assert [act["closed"] for act in json.loads(capsys.readouterr().out)] == [True, False]
    assert main(["periods", "list", *where]) == 0
    assert "2026-10  reopened " in capsys.readouterr().out


def test_at_a_server(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The same at a server that owns the directory."""
    settings = Settings(
        data_dir=tmp_path, port=0, otlp_http_port=0, otlp_grpc_port=0, admin_key=KEY
    )
    with serve(settings) as server:
        there = ("--url", server.api_url, "--key", KEY, "--json")
        assert main(["periods", "close", "2026-10", *there]) == 0
        closed = json.loads(capsys.readouterr().out)
        assert main(["periods", "list", *there]) == 0

    assert json.loads(capsys.readouterr().out) == [closed]
    assert (closed["month"], closed["closed"]) == ("2026-10", True)
