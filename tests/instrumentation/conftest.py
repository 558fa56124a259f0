"""A provider to call, and a recording to look at."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.instrumentation.calls import LIBRARIES, MODES, Recording
from tests.instrumentation.provider import Provider, running_provider


@pytest.fixture
def provider() -> Iterator[Provider]:
    """A provider on loopback."""
    with running_provider() as running:
        yield running


@pytest.fixture
def recording() -> Iterator[Recording]:
    """A recording, off until it is turned on."""
    recording = Recording()
    yield recording
    recording.provider.shutdown()


@pytest.fixture(params=LIBRARIES, ids=lambda library: library.__name__)
def library(request: pytest.FixtureRequest) -> Any:
    """Httpx and httpx2."""
    return request.param


@pytest.fixture(params=MODES)
def mode(request: pytest.FixtureRequest) -> str:
    """Synchronous or not, whole or streamed."""
    return request.param
