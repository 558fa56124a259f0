"""Keys on the command line."""

import stat
from pathlib import Path

import pytest

from spanledger.cli import main


def test_keys_speak_to_people_too(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Without --json the output is text, and an empty list says what to do."""
    where = ("--data-dir", str(tmp_path))

    assert main(["keys", "list", *where]) == 0
    assert "There are no keys yet" in capsys.readouterr().out
    assert main(["keys", "create", "shop", "--role", "ingest", *where]) == 0
    assert capsys.readouterr().out.startswith("sl_ingest_")
    assert main(["keys", "list", *where]) == 0
    listed = capsys.readouterr().out
    assert "live" in listed
    assert main(["keys", "revoke", listed.split()[0], *where]) == 0
    assert "is revoked" in capsys.readouterr().out
    assert main(["keys", "revoke", "key_none", *where]) == 1
    assert "key_none" in capsys.readouterr().err
    assert stat.S_IMODE((tmp_path / "keys.json").stat().st_mode) == 0o600
