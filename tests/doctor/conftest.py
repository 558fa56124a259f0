"""A machine where nothing has been set, and a collector that can be put on it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from spanledger.settings import OtlpTarget, Settings, otlp_origins, setting_origins
from tests.instrumentation.provider import Provider, running_provider
from tests.weather import Collector, reserved


@pytest.fixture(autouse=True)
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Its own state directory and an empty working directory; no variables of ours."""
    for name in (*setting_origins(config=None).values(), *otlp_origins()):
        monkeypatch.delenv(name)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    return tmp_path


@pytest.fixture
def collector(tmp_path: Path) -> Iterator[Collector]:
    """A collector that is not up yet."""
    with reserved() as url:
        yield Collector(url, tmp_path / "keys.json")


@pytest.fixture
def provider() -> Iterator[Provider]:
    """Somebody else's server."""
    with running_provider() as running:
        yield running


@pytest.fixture
def settings(machine: Path) -> Settings:
    """An application's."""
    return Settings(spool_dir=str(machine / "spool"))


@pytest.fixture
def target() -> OtlpTarget:
    """Of a collector that is never asked."""
    return OtlpTarget(url="http://localhost:4318/v1/traces")
