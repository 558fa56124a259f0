"""The providers of the matrix, and a recording to look at."""

import gc
from collections.abc import Iterator
from pathlib import Path

import certifi
import pytest

from tests.instrumentation.calls import Recording
from tests.matrix.server import Server, running_providers

pytest.register_assert_rewrite("tests.matrix.cells")


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    """The providers, once for all cells of this process."""
    with running_providers() as running:
        yield running


@pytest.fixture(scope="session")
def one_root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A single root certificate: to load them all costs each client more than its call here."""
    path = tmp_path_factory.mktemp("roots") / "one.pem"
    end = "-----END CERTIFICATE-----"
    path.write_text(Path(certifi.where()).read_text(encoding="utf-8").partition(end)[0] + end)
    return path


@pytest.fixture
def recording(
    server: Server, one_root: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Recording]:
    """A recording that knows which provider is behind which port; off until it is turned on."""
    gc.freeze()  # what the SDKs hold need not be searched again when a cell collects its garbage
    monkeypatch.setenv("SPANLEDGER_ENDPOINTS", server.endpoints)
    monkeypatch.setenv("SSL_CERT_FILE", str(one_root))
    recording = Recording()
    yield recording
    recording.provider.shutdown()
