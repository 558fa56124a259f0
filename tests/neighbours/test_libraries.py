"""The libraries themselves, in processes of their own: one row for each call, by either way."""

import json
import subprocess
import sys
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import pytest

from spanledger.settings import child_environment
from tests.neighbours.replay import RECORDED
from tests.neighbours.rows import decoded, rows_of

pytestmark = pytest.mark.soak

ROOT: Final = Path(__file__).parents[2]

PYTHON: Final = Path(sys.prefix) / "neighbours" / "bin" / "python"
"""Of the environment that `make soak` sets up."""

INSTALLED: Final = (
    "anthropic", "langfuse", "logfire", "official", "openinference", "openllmetry", "pydantic-ai",
)  # fmt: skip
"""Those of `tests.neighbours.libraries` that work with the newest SDKs."""

needs_the_libraries = pytest.mark.skipif(
    not PYTHON.exists(), reason="the libraries are not installed: `make soak` does it"
)


@cache
def told_by(library: str, order: str) -> dict[str, Any]:
    """What an app with this library tells; theirs is turned on before ours, or after."""
    with TemporaryDirectory() as directory:
        file = Path(directory) / "told.json"
        path = f"{ROOT / 'src'}:{ROOT}"
        subprocess.run(
            [str(PYTHON), "-m", "tests.neighbours.app", library, order, str(file)],
            env=child_environment(PYTHONPATH=path, XDG_STATE_HOME=directory),
            cwd=directory,
            check=True,
            capture_output=True,
            timeout=110,
        )
        return json.loads(file.read_text("utf-8"))["forms"]


def figures(bodies: list[str]) -> list[str]:
    """Of each row the answer's id, and what it used."""
    return sorted(
        f"{row.call.response_id} {row.call.usage.reported()}" for row in rows_of(decoded(bodies))
    )


@needs_the_libraries
@pytest.mark.parametrize("order", ["before", "after"])
@pytest.mark.parametrize("library", INSTALLED)
def test_one_row_for_each_call(library: str, order: str) -> None:
    """S4.1: by the app's own exporter and by our sender, whoever was turned on first."""
    for name, form in told_by(library, order).items():
        own, sent = figures(form["own"]), figures(form["sent"])
        assert (name, len(own)) == (name, form["requests"])
        assert (name, sent) == (name, own)


def shape(steps: list[dict[str, Any]]) -> list[tuple[object, ...]]:
    """What the library does in which order, without attributes and times."""
    told = ("start", "parent", "scope", "name", "kind", "end", "call", "current", "suppressed")
    # Where no usage is stated ours ends in the background.
    return [
        tuple(step.get(key) for key in told)
        for step in steps
        if "set" not in step and "answered" not in step
    ]


@needs_the_libraries
@pytest.mark.parametrize("library", INSTALLED)
def test_what_is_recorded_is_what_they_do(library: str) -> None:
    """`make test` replays what they did once; where this fails, `tests.neighbours.record`."""
    for name, form in told_by(library, "before").items():
        kept = RECORDED[library]["forms"].get(name)
        others = [step for step in form["steps"] if step.get("start", "app") != "app"]
        if others and form["requests"] == 1:
            assert shape(kept["steps"]) == shape(form["steps"]), name
