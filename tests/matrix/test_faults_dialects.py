"""R15: no wire format that we fail to read costs the app its answer."""

from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

import spanledger.dialects
from tests.matrix.faults import functions, modules
from tests.matrix.scenes import Rehearsal
from tests.matrix.server import Server

pytestmark = [
    pytest.mark.filterwarnings("ignore:Inheritance class:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]


@pytest.fixture(scope="module")
def rehearsal(server: Server, one_root: Path) -> Iterator[Rehearsal]:
    """What the app sees where nothing of ours fails."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SPANLEDGER_ENDPOINTS", server.endpoints)
        patch.setenv("SPANLEDGER_CAPTURE_CONTENT", "true")
        patch.setenv("SSL_CERT_FILE", str(one_root))
        yield Rehearsal(server)


@pytest.mark.parametrize("module", modules(spanledger.dialects), ids=lambda one: one.__name__)
def test_no_fault_of_ours_reaches_the_app(rehearsal: Rehearsal, module: ModuleType) -> None:
    """R15: each function of the module raises, under real SDKs: the app cannot tell."""
    reached = [fault for one in functions(module) for fault in rehearsal.reached(one)]

    assert not reached, "\n".join(reached)


def test_the_scenes_pass_through_the_wire_formats(rehearsal: Rehearsal) -> None:
    """A fault that never happens would harm nobody either."""
    ours = [one for module in modules(spanledger.dialects) for one in functions(module)]

    assert sum(bool(rehearsal.passing(one)) for one in ours) > len(ours) / 2
