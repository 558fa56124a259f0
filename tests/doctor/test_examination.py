"""`spanledger doctor` as an operator and a script use it, against real applications and servers."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from spanledger.doctor.examination import Examination, as_json, as_text
from spanledger.doctor.finding import attention, fine, note
from spanledger.settings import child_environment
from spanledger.storage.keys import KeyRing
from tests.instrumentation.provider import Provider
from tests.running import run_spanledger, spanledger_up
from tests.weather import Collector

APP = """
import sys
import spanledger.auto
import httpx2
answer = {"model": "gpt-4o", "usage": {"prompt_tokens": 7, "completion_tokens": 1}}
transport = httpx2.MockTransport(lambda request: httpx2.Response(200, json=answer))
with httpx2.Client(transport=transport) as client:
    client.post("http://provider/v1/chat/completions", json={"model": "gpt-4o"})
httpx2.post(sys.argv[1] + "/v1/complete?key=canary", json={}, trust_env=False)
print("called", flush=True)
sys.stdin.read()
"""
"""An app that makes one model call, and one of a kind that nobody here can read."""


@contextmanager
def app(provider: Provider, **variables: str) -> Generator["subprocess.Popen[str]"]:
    """The app, once it has called."""
    with subprocess.Popen(
        [sys.executable, "-c", APP, provider.url],
        env=child_environment(OTEL_SERVICE_NAME="shop", **variables),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "called\n"
        try:
            yield process
        finally:
            process.kill()


def doctor(cwd: Path, code: int, *args: str, **variables: str) -> dict[str, dict[str, Any]]:
    """What the command finds, by what it looked at; it ends with this code."""
    done = run_spanledger("doctor", "--json", *args, cwd=cwd, timeout_s=60, **variables)
    assert (done.returncode, done.stderr) == (code, ""), done.stdout
    report: dict[str, Any] = json.loads(done.stdout)
    findings: list[dict[str, Any]] = report["findings"]
    assert report["attention"] == sum(one["standing"] == "attention" for one in findings)
    assert (report["attention"] > 0) is (code == 1)
    for one in findings:
        assert one["says"].endswith(".")
        assert bool(one["advice"]) or one["standing"] != "attention"
    return {one["check"]: one for one in findings}


def in_need(found: dict[str, dict[str, Any]]) -> set[str]:
    """The checks that need somebody."""
    return {check for check, one in found.items() if one["standing"] == "attention"}


def test_without_a_collector(provider: Provider, collector: Collector, machine: Path) -> None:
    """A running app whose spans wait, and a call that nobody can read: all is told, no secret."""
    variables = {"OTEL_EXPORTER_OTLP_ENDPOINT": collector.url}
    with app(provider, **variables):
        found = doctor(machine / "work", 1, **variables)

    assert in_need(found) == {"collector.health", "processes.unknown"}
    assert found["spool.waiting"]["records"] == 1
    assert found["spool.room"]["living"] == 1
    assert "POST 127.0.0.1/v1/complete" in found["processes.unknown"]["says"]
    assert "shop, pid" in found["processes.unknown"]["says"]
    assert "canary" not in str(found)


def test_after_a_kill(provider: Provider, collector: Collector, machine: Path) -> None:
    """What a dead app has left is found, under the key that it had."""
    mine = {"OTEL_EXPORTER_OTLP_ENDPOINT": collector.url}
    theirs = {**mine, "OTEL_EXPORTER_OTLP_HEADERS": "authorization=Bearer sl_ingest_canary"}
    with app(provider, **theirs) as process:
        process.send_signal(signal.SIGKILL)
        process.wait()
    with collector.up():
        found = doctor(machine / "work", 1, **mine)

    assert in_need(found) == {"spool.elsewhere", "processes.unknown"}
    assert found["spool.elsewhere"]["records"] == 1
    assert "last heard of" in found["processes.unknown"]["says"]
    assert "canary" not in str(found)


def test_a_wrong_key(collector: Collector, machine: Path) -> None:
    """The key is tried, not shown."""
    KeyRing(collector.keys).create("shop", "ingest")
    variables = {
        "OTEL_EXPORTER_OTLP_ENDPOINT": collector.url,
        "OTEL_EXPORTER_OTLP_HEADERS": "authorization=Bearer sl_ingest_canary",
    }
    with collector.up():
        found = doctor(machine / "work", 1, **variables)
    assert in_need(found) == {"collector.delivery"}
    assert found["collector.health"]["standing"] == "ok"
    assert "canary" not in str(found)


def test_where_nothing_is_wrong(tmp_path: Path, machine: Path) -> None:
    """Beside a running server all is in order: the code is 0, and people read it in one line."""
    with spanledger_up(tmp_path) as up:
        variables = {"OTEL_EXPORTER_OTLP_ENDPOINT": up.otlp_url}
        found = doctor(tmp_path, 0, **variables)
        text = run_spanledger("doctor", cwd=tmp_path, timeout_s=60, **variables)
        elsewhere = doctor(machine, 0, "--data-dir", "none", **variables)
    assert str(up.process.pid) in found["store.owner"]["says"]
    assert text.returncode == 0
    assert text.stdout.splitlines()[0].endswith("nothing is wrong here.")
    assert "LOOK" not in text.stdout
    assert "There is no store at none." in elsewhere["store.directory"]["says"]


def test_people_are_told_what_to_do(machine: Path, collector: Collector) -> None:
    """Each fault has its advice beneath it, and the code is 1."""
    done = run_spanledger(
        "doctor",
        cwd=machine / "work",
        OTEL_EXPORTER_OTLP_ENDPOINT=collector.url,
        SPANLEDGER_PORT="many",
    )
    assert done.returncode == 1
    assert done.stdout.startswith("Spanledger ")
    assert "2 things need attention (LOOK)." in done.stdout.splitlines()[0]
    assert (
        "  LOOK  Setting port is 'many', which is not a valid int.\n        -> Mend it"
        in done.stdout
    )


BASE_ONLY = """
import sys
from importlib.machinery import PathFinder
class Without(PathFinder):
    @classmethod
    def find_spec(cls, name, path=None, target=None):
        if name.partition(".")[0] in {names!r}:
            return None
        return super().find_spec(name, path, target)
sys.meta_path[sys.meta_path.index(PathFinder)] = Without
from spanledger.cli import main
sys.exit(main(["doctor", "--json"]))
"""


def test_the_base_install_is_enough(machine: Path, collector: Collector) -> None:
    """Without anything of the server, nor any HTTP client beside our own, the doctor works."""
    (machine / "work" / "spanledger.yaml").write_text("port: 9000\n")
    names = {
        *("chdb", "clickhouse_connect", "fastapi", "genai_prices", "jinja2", "pydantic"),
        *("starlette", "uvicorn", "yaml", "httpx", "httpx2", "aiohttp", "botocore", "tiktoken"),
    }
    done = subprocess.run(
        [sys.executable, "-c", BASE_ONLY.format(names=names)],
        cwd=machine / "work",
        env=child_environment(OTEL_EXPORTER_OTLP_ENDPOINT=collector.url),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.stderr == ""
    found = {one["check"]: one for one in json.loads(done.stdout)["findings"]}
    assert in_need(found) == {"collector.health"}
    assert found["settings.file"]["standing"] == "note"
    assert found["hooks.missing"]["missing"] == ["httpx", "httpx2", "aiohttp", "botocore"]
    assert found["packages.tokenizer"]["standing"] == "note"


def test_looking_leaves_nothing_behind(machine: Path, collector: Collector) -> None:
    """No file is made or changed, and the doctor is no application that records."""
    doctor(machine / "work", 1, OTEL_EXPORTER_OTLP_ENDPOINT=collector.url)
    assert [path for path in machine.rglob("*") if path.is_file()] == []
    assert os.listdir(machine / "work") == []  # noqa: PTH208 - names are enough


def test_the_two_forms(capsys: pytest.CaptureFixture[str]) -> None:
    """Headings come once, advice stands beneath its finding."""
    examination = Examination(
        (
            fine("packages.a", "A is fine."),
            note("packages.b", "B is here.", "Look at it."),
            attention("store.c", "C is broken.", "Mend it.", count=2),
        )
    )
    assert examination.attention == 1
    _, *lines = as_text(examination).splitlines()
    assert lines == [
        "",
        "Packages",
        "  ok    A is fine.",
        "  note  B is here.",
        "        -> Look at it.",
        "",
        "Store",
        "  LOOK  C is broken.",
        "        -> Mend it.",
    ]
    told = json.loads(as_json(examination))
    assert told["findings"][2] == {
        "check": "store.c",
        "standing": "attention",
        "says": "C is broken.",
        "advice": "Mend it.",
        "count": 2,
    }
    assert capsys.readouterr().out == ""
