"""Modules are hooked when they come, and bear no trace of having been waited for."""

import importlib
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

from spanledger.instrumentation.arrival import call_when_imported

NAME = "spanledger_test_arrival"


@pytest.fixture
def module_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A module that can be imported, and is forgotten afterwards."""
    path = tmp_path / f"{NAME}.py"
    path.write_text("VALUE = 1\n")
    monkeypatch.syspath_prepend(tmp_path)
    yield path
    sys.modules.pop(NAME, None)


def test_it_is_called_when_the_module_is_ready(module_path: Path) -> None:
    """On arrival the module is whole, and its loader is its own."""
    arrived: list[ModuleType] = []
    finder = call_when_imported([NAME], arrived.append)
    module = importlib.import_module(NAME)
    finder.remove()

    assert arrived == [module]
    assert module.VALUE == 1
    assert module.__spec__ is not None
    assert type(module.__spec__.loader).__name__ == "SourceFileLoader"
    assert module.__loader__ is module.__spec__.loader
    assert module.__file__ == str(module_path)


@pytest.mark.usefixtures("module_path")
def test_a_reload_counts_and_removal_ends_it() -> None:
    """A reload makes new classes; after the removal nobody is told, and nothing is left behind."""
    arrived: list[str] = []
    before = list(sys.meta_path)
    finder = call_when_imported([NAME], lambda module: arrived.append(module.__name__))
    importlib.reload(importlib.import_module(NAME))
    finder.remove()
    finder.remove()
    importlib.reload(importlib.import_module(NAME))

    assert arrived == [NAME, NAME]
    assert sys.meta_path == before


@pytest.mark.usefixtures("module_path")
def test_what_is_there_already_counts_at_once() -> None:
    """No need to wait for it."""
    module = importlib.import_module(NAME)
    arrived: list[ModuleType] = []
    call_when_imported([NAME], arrived.append).remove()
    assert arrived == [module]


def test_what_does_not_exist_is_still_not_found() -> None:
    """The finder finds nothing by itself, and leaves other names alone."""
    finder = call_when_imported(["spanledger_no_such_module"], lambda _: None)
    with pytest.raises(ModuleNotFoundError):
        importlib.import_module("spanledger_no_such_module")
    assert finder.find_spec("json", None) is None
    finder.remove()
    assert finder not in sys.meta_path


LATER = """
import sys
import spanledger
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
exporter, provider = InMemorySpanExporter(), TracerProvider()
provider.add_span_processor(SimpleSpanProcessor(exporter))
spanledger.instrument(tracer_provider=provider)
assert "httpx" not in sys.modules and "httpx2" not in sys.modules
IMPORTS
transport = httpx.MockTransport(lambda request: httpx.Response(200, json={}))
with httpx.Client(transport=transport) as client:
    client.post("http://provider/v1/chat/completions", json={})
print(len(exporter.get_finished_spans()), httpx.Client.__module__)
spanledger.uninstrument()
print("_spanledger_patch" in vars(httpx.Client), sys.meta_path[0].__class__.__name__)
"""


@pytest.mark.parametrize(
    ("imports", "module"),
    [
        ("import httpx", "httpx"),
        ("import httpx2 as httpx", "httpx2"),
        ("import openai, httpx2 as httpx", "httpx2"),
        ("from httpx._client import Client; import httpx", "httpx"),
        ("import importlib, httpx; importlib.reload(httpx)", "httpx"),
        ("import httpx2; httpx2.alias_httpx(); import httpx", "httpx2"),
    ],
)
def test_an_app_may_import_its_http_library_later(imports: str, module: str) -> None:
    """`import spanledger.auto` may stand first: the library is hooked as it comes, and once."""
    ran = subprocess.run(
        [sys.executable, "-c", LATER.replace("IMPORTS", imports)],
        capture_output=True,
        text=True,
        check=True,
    )
    first, second = ran.stdout.splitlines()
    assert first == f"1 {module}"
    assert second.startswith("False ")
    assert "ArrivalFinder" not in second
    assert ran.stderr == ""


@pytest.mark.usefixtures("module_path")
def test_two_may_wait_for_one_module() -> None:
    """Each is told once, whoever was first."""
    arrived: list[str] = []
    finders = [
        call_when_imported([NAME], lambda _, who=who: arrived.append(who)) for who in ("a", "b")
    ]
    module = importlib.import_module(NAME)
    for finder in finders:
        finder.remove()

    assert sorted(arrived) == ["a", "b"]
    assert type(module.__loader__).__name__ == "SourceFileLoader"
