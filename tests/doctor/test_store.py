"""The store is looked at from outside: who has it keeps it."""

import os
from pathlib import Path

from spanledger.doctor.store import check_store
from spanledger.settings import Settings
from spanledger.storage.keys import KeyRing
from spanledger.storage.lock import lock_directory


def test_no_store(machine: Path) -> None:
    """None is needed beside an application."""
    (finding,) = check_store(Settings(data_dir=machine / "none"))
    assert finding.standing == "note"
    assert not (machine / "none").exists()


def test_a_store_that_is_served(machine: Path) -> None:
    """Its process is named; afterwards it is known that nobody has it."""
    settings = Settings(data_dir=machine / "data")
    release = lock_directory(settings.data_dir)
    (served,) = check_store(settings)
    release()
    (left,) = check_store(settings)
    lock_directory(settings.data_dir)()
    assert served.standing == "ok"
    assert str(os.getpid()) in served.says
    assert left.standing == "note"
    assert "No process serves" in left.says


def test_a_directory_that_is_none(machine: Path) -> None:
    """A file in its place cannot be served."""
    (machine / "data").write_text("")
    (finding,) = check_store(Settings(data_dir=machine / "data"))
    assert finding.standing == "attention"


def test_keys_that_others_can_read(machine: Path) -> None:
    """The key file is for its user alone."""
    settings = Settings(data_dir=machine / "data")
    KeyRing(settings.data_dir / "keys.json").create("shop", "ingest")
    assert [finding.check for finding in check_store(settings)] == ["store.owner"]
    (settings.data_dir / "keys.json").chmod(0o644)
    _, keys = check_store(settings)
    assert keys.standing == "attention"
    assert "chmod 600" in keys.advice


def test_a_store_on_a_server(machine: Path) -> None:
    """The server is named without the password, and an address that is none is found."""
    url = "clickhouse://ann:geheim@db:8123/llm"
    (fine,) = check_store(Settings(data_dir=machine / "data", clickhouse_url=url))
    (wrong,) = check_store(Settings(data_dir=machine / "data", clickhouse_url=url + "?geheim"))
    assert (fine.standing, wrong.standing) == ("ok", "attention")
    assert "clickhouse://ann@db:8123/llm" in fine.says
    assert "geheim" not in repr(fine) + repr(wrong)
