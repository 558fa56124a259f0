"""What imports what: the layers, and how light an application stays."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from tests.house.source import ROOT

SERVER_PACKAGES = {
    "chdb",
    "clickhouse_connect",
    "fastapi",
    "genai_prices",
    "jinja2",
    "pydantic",
    "starlette",
    "uvicorn",
    "yaml",
}


def loaded_by(statement: str) -> set[str]:
    """The modules that a fresh interpreter has after `statement`."""
    code = f"{statement}\nimport sys\nprint(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True
    )
    return set(done.stdout.split())


ON_NEED = {"tiktoken", "tiktoken_ext", "regex"}
"""What an app has of us, and loads only when a provider states no usage."""


@pytest.mark.parametrize("statement", ["import spanledger", "import spanledger.auto"])
def test_an_application_loads_nothing_of_the_server(statement: str) -> None:
    """An app pays for OpenTelemetry and for nothing else; not even for the HTTP clients."""
    roots = {name.partition(".")[0] for name in loaded_by(statement)}

    assert roots & (SERVER_PACKAGES | ON_NEED | {"httpx", "httpx2"}) == set()


def test_importing_the_package_loads_no_sdk() -> None:
    """`import spanledger` has no effect: the SDK comes when the recording starts."""
    assert {
        name for name in loaded_by("import spanledger") if name.startswith("opentelemetry.sdk")
    } == set()


def test_imports_point_down_only() -> None:
    """The layers of pyproject hold: no import upward, none to a sibling."""
    command = [str(Path(sys.executable).parent / "lint-imports"), "--no-cache"]
    done = subprocess.run(
        [*command, "--config", "pyproject.toml"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert done.returncode == 0, done.stdout


def test_the_architecture_page_has_the_layers() -> None:
    """ARCHITECTURE.md lists the layers that are checked, top to bottom."""
    pyproject = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    layers = pyproject["tool"]["importlinter"]["contracts"][0]["layers"]
    text = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")
    _, section = text.split("## Layers\n")
    rows = re.findall(r"^\| (`.+?`) \|", section.partition("\n## ")[0], re.MULTILINE)

    # `__main__` is one line that calls the command line.
    assert [set(re.findall(r"`(\w+)`", row)) for row in rows] == [
        set(layer.split(" | ")) for layer in layers if layer != "__main__"
    ]
