"""What all tests share: nothing of theirs is left in the user's home, and no luck is involved."""

import gc
import sys
from collections.abc import Iterator
from pathlib import Path

import certifi
import pytest
from hypothesis import HealthCheck, settings

from spanledger.instrumentation.arrival import ArrivalFinder

# How long an example takes depends on what else the machine does, so no time is asserted.
# `make test` tries the same examples everywhere; `make soak` looks for new ones.
settings.register_profile(
    "same", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow]
)
settings.register_profile("new", settings.get_profile("same"), derandomize=False)
settings.load_profile("same")


def pytest_collection_finish() -> None:
    """What all modules hold need not be searched again whenever garbage is collected."""
    gc.collect()
    gc.freeze()


@pytest.fixture(autouse=True, scope="session")
def state_of_the_tests(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Programs that tests start spool below a directory of the session.

    And they trust a single root certificate: to load all that there are costs each client of an SDK
    more than its call does here, and nothing is called but loopback.
    """
    state = tmp_path_factory.mktemp("state")
    end = "-----END CERTIFICATE-----"
    first, _, _ = Path(certifi.where()).read_text(encoding="utf-8").partition(end)
    root = state / "root.pem"
    root.write_text(first + end, encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_STATE_HOME", str(state))
        patch.setenv("SSL_CERT_FILE", str(root))
        yield


@pytest.fixture(autouse=True)
def nothing_stays_hooked() -> Iterator[None]:
    """A recording that a test leaves on would be a riddle of another test."""
    before = waiting_for_imports()
    yield
    assert waiting_for_imports() == before, "a test must end the recording that it starts"


def waiting_for_imports() -> list[ArrivalFinder]:
    """The recordings that are on."""
    return [finder for finder in sys.meta_path if isinstance(finder, ArrivalFinder)]
