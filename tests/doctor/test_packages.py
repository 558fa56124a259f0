"""Which packages are here is found by looking, and whether they can be hooked by doing it."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx
import requests

from spanledger.doctor.packages import (
    check_hooks,
    check_neighbours,
    check_tokenizer,
    check_versions,
)
from spanledger.instrumentation.transports.table import TRANSPORTS
from spanledger.settings import child_environment

PROGRAM = """
import json
from spanledger.doctor import packages
checks = (packages.check_versions, packages.check_neighbours, packages.check_hooks)
print(json.dumps([[f.check, f.standing, f.says, f.advice] for check in checks for f in check()]))
"""


def found_beside(folder: Path) -> dict[str, list[str]]:
    """What is found where these packages stand before those that are installed."""
    paths = [str(folder), *filter(None, [child_environment().get("PYTHONPATH")])]
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        env=child_environment(PYTHONPATH=os.pathsep.join(paths)),
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    found: list[list[str]] = json.loads(done.stdout)
    return {check: rest for check, *rest in found}


def distribution(folder: Path, name: str, version: str) -> None:
    """Metadata of a package, as pip leaves them."""
    info = folder / f"{name.replace('-', '_')}-{version}.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")


def test_versions() -> None:
    """Python and our own packages are named, and are new enough here."""
    python, versions = check_versions()
    assert (python.standing, versions.standing) == ("ok", "ok")
    assert sys.prefix in python.says
    assert "opentelemetry-sdk 1." in versions.says


def test_every_library_that_is_here_can_be_hooked() -> None:
    """S4.1: the very hooks are put on and taken off again, and leave nothing behind."""
    before = (httpx.Client.__dict__["_send_single_request"], requests.Session.get_adapter)
    findings = list(check_hooks())
    after = (httpx.Client.__dict__["_send_single_request"], requests.Session.get_adapter)
    assert [finding.check for finding in findings] == [
        f"hooks.{name.partition('.')[0]}" for name in TRANSPORTS
    ]
    assert {finding.standing for finding in findings} == {"ok"}
    assert before == after


def test_what_cannot_be_hooked_is_said(tmp_path: Path) -> None:
    """A library without the method, one too old, one that breaks, and an old package of ours."""
    libraries = {
        "httpx": "class Client: pass\nclass AsyncClient: pass\n"
        "class SyncByteStream: pass\nclass AsyncByteStream: pass\n",
        "aiohttp": "class ClientSession: pass\n",
        "httpx2": "raise RuntimeError('broken')\n",
    }
    for name, source in libraries.items():
        (tmp_path / name).mkdir()
        (tmp_path / name / "__init__.py").write_text(source)
        distribution(tmp_path, name, "0.1")
    distribution(tmp_path, "opentelemetry-sdk", "1.9.0")
    distribution(tmp_path, "openinference-instrumentation-openai", "0.1")

    found = found_beside(tmp_path)

    assert found["hooks.httpx"][0] == "attention"
    assert "httpx 0.1 cannot be hooked" in found["hooks.httpx"][1]
    assert found["hooks.aiohttp"][0] == "attention"
    assert "3.12" in found["hooks.aiohttp"][2]
    assert found["hooks.httpx2"][0] == "attention"
    assert "RuntimeError" in found["hooks.httpx2"][1]
    assert found["hooks.requests"][0] == "ok"
    assert found["packages.versions"][0] == "attention"
    assert "opentelemetry-sdk" in found["packages.versions"][2]
    assert found["packages.neighbour"][0] == "note"
    assert "OpenInference" in found["packages.neighbour"][1]


def test_versions_are_compared_as_numbers(tmp_path: Path) -> None:
    """A nought at the end is no lower version, and one more digit no higher one."""
    distribution(tmp_path, "protobuf", "06")
    distribution(tmp_path, "opentelemetry-sdk", "1.40")
    distribution(tmp_path, "opentelemetry-api", "1.100")
    own = tmp_path / "spanledger-1.dist-info"
    own.mkdir()
    least = ("protobuf>=6.0", "opentelemetry-sdk>=1.40.0", "opentelemetry-api>=1.41")
    requirements = "".join(f"Requires-Dist: {one}\n" for one in least)
    (own / "METADATA").write_text(
        f"Metadata-Version: 2.1\nName: spanledger\nVersion: 1\n{requirements}"
    )
    assert found_beside(tmp_path)["packages.versions"][0] == "ok"


def test_neighbours_are_no_fault() -> None:
    """Others who record may be here; it is said, and nobody has to see to it."""
    findings: list[Any] = list(check_neighbours())
    assert {finding.standing for finding in findings} <= {"note"}


def test_the_tokenizer() -> None:
    """It is here, where the demo is installed, or the finding says what for it is needed."""
    (finding,) = check_tokenizer()
    assert finding.check == "packages.tokenizer"
    assert "tiktoken" in finding.says
