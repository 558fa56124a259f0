"""The providers of the matrix, and a recording to look at."""

import gc
from collections.abc import Iterator

import pytest

from tests.instrumentation.calls import Recording
from tests.matrix.server import Server, running_providers

pytest.register_assert_rewrite("tests.matrix.cells")


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    """The providers, once for all cells of this process."""
    with running_providers() as running:
        yield running


@pytest.fixture
def recording(server: Server, monkeypatch: pytest.MonkeyPatch) -> Iterator[Recording]:
    """A recording that knows which provider is behind which port; off until it is turned on."""
    gc.freeze()  # what the SDKs hold need not be searched again when a cell collects its garbage
    monkeypatch.setenv("SPANLEDGER_ENDPOINTS", server.endpoints)
    recording = Recording()
    yield recording
    recording.provider.shutdown()
