"""R15: whatever of ours raises, the app's results and exceptions stay as they are without us."""

from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Final

import pytest

import spanledger.instrumentation
from tests.matrix.faults import functions, modules
from tests.matrix.scenes import Rehearsal
from tests.matrix.server import Server

pytestmark = [
    pytest.mark.filterwarnings("ignore:Inheritance class:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]

SHELL: Final = {
    "attribution": (
        "attribute", "read_values", "Attribution.__init__", "Attribution.__enter__",
        "Attribution.__exit__",
    ),
    "batches": (
        "Download.sending", "Download.reading", "Download.feed", "Download.end",
        "_Fetching.__init__", "_Fetching.__enter__", "_Fetching.__exit__",
    ),
    "content": ("Content.feed",),
    "exchange": (
        "Recorder.begin", "Exchange.sending", "Exchange.reading", "Exchange.feed", "Exchange.end",
        "Sending.__init__", "Sending.__enter__", "Sending.__exit__", "Reading.__init__",
        "Reading.__enter__", "Reading.__exit__",
    ),
    "guard": ("guarded.__init__", "guarded.__enter__", "guarded.__exit__"),
    "lifecycle": ("start", "stop"),
    "tee": (
        "SyncTee.__iter__", "SyncTee.close", "SyncTee.__getattr__", "AsyncTee.__aiter__",
        "AsyncTee.aclose", "AsyncTee.__getattr__", "watch",
    ),
    "transports.aiohttp": ("_watch",),
    "transports.requests": ("_follow",),
    "transports.urllib3": (
        "_begin", "_watch", "_came_whole", "BodyReading.__enter__", "BodyReading.__exit__",
        "TappedBody._spanledger_feed",
    ),
}  # fmt: skip
"""What stands in the app's own frames: the guards and what leads to them. There is no further frame
of ours that could keep a fault there, so they hold next to nothing that could fail."""

BESIDE: Final = {
    "guard": "what it does when something fails is played by every other fault",
    "delivery": "the sender has a thread of its own",
    "entry_point": "runs before the app does",
    "frames": "the sender has a thread of its own",
    "http_spans": "off unless it is asked for",
    "losses": "the sender has a thread of its own",
    "middleware": "around the app's routes, not around its calls",
    "otlp": "the sender has a thread of its own",
    "records": "the sender has a thread of its own",
    "segment": "the sender has a thread of its own",
    "sender": "the sender has a thread of its own",
    "spool": "the sender has a thread of its own",
}
"""Modules that no call of the app passes through, and why."""


def name_of(module: ModuleType) -> str:
    """How the test of a module is called."""
    return module.__name__


@pytest.fixture(scope="module")
def rehearsal(server: Server, one_root: Path) -> Iterator[Rehearsal]:
    """What the app sees where nothing of ours fails."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SPANLEDGER_ENDPOINTS", server.endpoints)
        patch.setenv("SPANLEDGER_CAPTURE_CONTENT", "true")
        patch.setenv("SSL_CERT_FILE", str(one_root))
        yield Rehearsal(server)


@pytest.mark.parametrize(
    "module", modules(spanledger.instrumentation), ids=lambda one: one.__name__
)
def test_no_fault_of_ours_reaches_the_app(rehearsal: Rehearsal, module: ModuleType) -> None:
    """R15: each function of the module raises, under real SDKs: the app cannot tell."""
    name = module.__name__.removeprefix("spanledger.instrumentation.")
    shell = SHELL.get(name, ())
    inner = [one for one in functions(module) if one.function.__qualname__ not in shell]

    reached = [fault for one in inner for fault in rehearsal.reached(one)]

    assert not reached, "\n".join(reached)
    passed = any(map(rehearsal.passing, inner))
    assert passed or not inner or name in BESIDE, "no call of the app passes through it"


def test_the_shell_is_what_there_is() -> None:
    """An exception that no function needs any more is taken back."""
    package = "spanledger.instrumentation."
    ours = modules(spanledger.instrumentation)
    known = {one.name for module in ours for one in functions(module)}
    shell = {f"{package}{module}.{name}" for module, names in SHELL.items() for name in names}

    assert shell <= known
