"""R15: whatever of ours raises, the app's results and exceptions stay as they are without us."""

from collections.abc import Iterator
from types import ModuleType
from typing import Final

import pytest

import spanledger.dialects
import spanledger.instrumentation
from tests.instrumentation.calls import Recording
from tests.matrix.faults import Ours, functions, modules
from tests.matrix.scenes import Rehearsal
from tests.matrix.server import Server

pytestmark = [
    pytest.mark.filterwarnings("ignore:Inheritance class:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]

SHELL: Final = {
    "answer": ("AnswerReader.hold",),
    "attribution": (
        "attribute", "read_values", "Attribution.__init__", "Attribution.__enter__",
        "Attribution.__exit__",
    ),
    "batches": (
        "Download.sending", "Download.reading", "Download.feed", "Download.end",
        "_Fetching.__init__", "_Fetching.__enter__", "_Fetching.__exit__",
    ),
    "content": ("Content.feed",),
    "estimation": ("Estimator._run",),
    "exchange": (
        "Recorder.begin", "Exchange.sending", "Exchange.reading", "Exchange.feed", "Exchange.end",
        "Reading.__init__", "Reading.__enter__", "Reading.__exit__",
    ),
    "late_span": (
        "LateSpan.get_span_context", "LateSpan.is_recording", "LateSpan.set_attributes",
        "LateSpan.set_attribute", "LateSpan.add_event", "LateSpan.add_link", "LateSpan.update_name",
        "LateSpan.set_status", "LateSpan.record_exception", "LateSpan.end", "LateSpan.__getattr__",
    ),
    "guard": ("guarded.__init__", "guarded.__enter__", "guarded.__exit__"),
    "lifecycle": ("start", "stop"),
    "sifting": ("Changed.__enter__", "Changed.__exit__"),
    "sending": ("Sending.__init__", "Sending.__enter__", "Sending.__exit__"),
    "tee": (
        "SyncTee.__iter__", "SyncTee.close", "SyncTee.__getattr__", "AsyncTee.__aiter__",
        "AsyncTee.aclose", "AsyncTee.__getattr__", "watch",
    ),
    "transports.aiohttp": ("_ask", "_give_back", "_watch"),
    "transports.httpx": ("_asking",),
    "transports.requests": ("_follow",),
    "transports.urllib3": (
        "_asking", "_begin", "_watch", "_came_whole", "BodyReading.__enter__",
        "BodyReading.__exit__", "TappedBody._spanledger_feed",
    ),
}  # fmt: skip
"""What stands in the app's own frames: the guards and what leads to them. There is no further frame
of ours that could keep a fault there, so they hold next to nothing that could fail."""

BESIDE: Final = {
    "asking": "off unless it is asked for; test_sifting has its faults",
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


INSTRUMENTATION: Final = modules(spanledger.instrumentation)
DIALECTS: Final = modules(spanledger.dialects)


def name_of(module: ModuleType) -> str:
    """How the test of a module is called."""
    return module.__name__


def short_name(module: ModuleType) -> str:
    """As `SHELL` and `BESIDE` call it."""
    return module.__name__.removeprefix("spanledger.instrumentation.")


def inner_functions(module: ModuleType) -> list[Ours]:
    """Its functions, those apart that no frame of ours stands around."""
    shell = SHELL.get(short_name(module), ())
    return [one for one in functions(module) if one.function.__qualname__ not in shell]


@pytest.fixture(scope="module")
def rehearsal(server: Server) -> Iterator[Rehearsal]:
    """What the app sees where nothing of ours fails."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SPANLEDGER_ENDPOINTS", server.endpoints)
        patch.setenv("SPANLEDGER_CAPTURE_CONTENT", "true")
        yield Rehearsal(server)
        with Recording().on():
            """It takes out what the last fault has left."""


@pytest.mark.parametrize(
    "each_scene",
    [False, pytest.param(True, marks=[pytest.mark.soak, pytest.mark.timeout(600)])],
    ids=["few", "each"],
)
@pytest.mark.parametrize("module", [*INSTRUMENTATION, *DIALECTS], ids=name_of)
def test_no_fault_of_ours_reaches_the_app(
    rehearsal: Rehearsal, module: ModuleType, *, each_scene: bool
) -> None:
    """R15: each function of the module raises, under real SDKs: the app cannot tell."""
    inner = inner_functions(module)

    reached = [fault for one in inner for fault in rehearsal.reached(one, each_scene=each_scene)]

    assert not reached, "\n".join(reached)


@pytest.mark.parametrize("module", INSTRUMENTATION, ids=name_of)
def test_the_scenes_pass_through_the_module(rehearsal: Rehearsal, module: ModuleType) -> None:
    """A fault that never happens would harm nobody either."""
    inner = inner_functions(module)

    passed = any(map(rehearsal.passing, inner))
    assert passed or not inner or short_name(module) in BESIDE, "no call of the app passes it"


def test_the_scenes_pass_through_the_wire_formats(rehearsal: Rehearsal) -> None:
    """The same of the dialects: a format has functions that only a rare answer needs."""
    ours = [one for module in DIALECTS for one in functions(module)]

    assert sum(bool(rehearsal.passing(one)) for one in ours) > len(ours) / 2


def test_the_shell_is_what_there_is() -> None:
    """An exception that no function needs any more is taken back."""
    package = "spanledger.instrumentation."
    known = {one.name for module in INSTRUMENTATION for one in functions(module)}
    shell = {f"{package}{module}.{name}" for module, names in SHELL.items() for name in names}

    assert shell <= known
