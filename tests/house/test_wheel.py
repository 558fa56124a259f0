"""What is installed is what stands in the source tree."""

import subprocess
import sys
from pathlib import Path
from zipfile import ZipFile

import pytest

from tests.house.source import ROOT, SRC


@pytest.fixture(scope="module")
def wheel_files(tmp_path_factory: pytest.TempPathFactory) -> set[str]:
    """The names in a freshly built wheel."""
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True, timeout=100)
    (wheel,) = folder.glob("*.whl")
    with ZipFile(wheel) as archive:
        return set(archive.namelist())


@pytest.mark.parametrize(
    "pattern",
    [
        "py.typed",
        "api/templates/*.html",
        "api/static/*.css",
        "storage/migrations/*.sql",
        "vocabularies/*",
    ],
)
def test_data_files_are_in_the_wheel(wheel_files: set[str], pattern: str) -> None:
    """Templates, styles, migrations and vocabularies are installed with the code."""
    expected = {f"spanledger/{path.relative_to(SRC).as_posix()}" for path in SRC.glob(pattern)}

    assert expected
    assert expected <= wheel_files


def test_the_wheel_is_the_package_and_nothing_else(wheel_files: set[str]) -> None:
    """Every file of the package, no test, no doc, no stray top-level name (ADR 1)."""
    package = {
        f"spanledger/{path.relative_to(SRC).as_posix()}"
        for path in SRC.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }

    assert {name for name in wheel_files if ".dist-info/" not in name} == package
    assert {Path(name).parts[0] for name in wheel_files} >= {"spanledger"}


def test_the_licence_is_in_the_wheel(wheel_files: set[str]) -> None:
    """Apache-2.0 asks for a copy of itself, and so does tiktoken's MIT for its vocabularies."""
    licences = {name.partition("/licenses/")[2] for name in wheel_files} - {""}

    assert licences == {"LICENSE", "src/spanledger/vocabularies/LICENSE"}
