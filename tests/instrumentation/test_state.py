"""What a process has to tell is in its file at once, and can be told to be over when it is."""

import json
import os
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from spanledger.instrumentation.batches import passed_over
from spanledger.instrumentation.frames import frame
from spanledger.instrumentation.guard import guarded
from spanledger.instrumentation.losses import note_loss
from spanledger.instrumentation.state import KEPT_MAX, ProcessState, State, read_states, seen
from spanledger.settings import child_environment
from tests.instrumentation.provider import Provider

APP = """
import spanledger, os, sys
spanledger.instrument()
from spanledger.instrumentation.losses import note_loss
note_loss("a test", 2)
def say(): print(os.getpid(), flush=True)
{then}
sys.stdin.readline()
"""
"""An app that loses two spans, says its number and waits."""


@contextmanager
def running(spool: Path, then: str = "say()") -> Generator["subprocess.Popen[str]"]:
    """The app, while it runs."""
    with subprocess.Popen(
        [sys.executable, "-c", APP.format(then=then)],
        env=child_environment(SPANLEDGER_SPOOL_DIR=str(spool), OTEL_SERVICE_NAME="shop"),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def said(process: "subprocess.Popen[str]") -> int:
    """The number that a process says."""
    assert process.stdout is not None
    return int(process.stdout.readline())


def states(spool: Path) -> list[State]:
    """What all have told."""
    return read_states(spool / "processes")


def test_another_process_reads_it_while_the_app_lives(tmp_path: Path) -> None:
    """What is lost is told at once, with who it is that lost it."""
    before = time.time()
    with running(tmp_path) as process:
        pid = said(process)
        (state,) = states(tmp_path)
    assert state.alive
    assert (state.pid, state.service, state.program) == (pid, "shop", "-c")
    assert state.counts["losses"] == {"a test": 2}
    assert before - 1 <= state.started_s <= state.updated_s <= time.time()
    (path,) = (tmp_path / "processes").iterdir()
    assert path.stat().st_mode & 0o777 == 0o600


def test_it_is_there_after_the_process(tmp_path: Path) -> None:
    """After a kill it is known that the process is gone, and what it had lost."""
    with running(tmp_path) as process:
        said(process)
        process.send_signal(signal.SIGKILL)
        process.wait()
        (state,) = states(tmp_path)
    assert not state.alive
    assert state.counts["losses"] == {"a test": 2}


def test_the_last_counts_are_written_at_the_end(tmp_path: Path) -> None:
    """What came within a moment of the last time is not lost at a proper end."""
    with running(tmp_path, then='for _ in range(5): note_loss("a test", 1)\nsay()') as process:
        said(process)
        process.communicate("\n", timeout=60)
        (state,) = states(tmp_path)
    assert process.returncode == 0
    assert not state.alive
    assert state.counts["losses"] == {"a test": 7}


FORK = """
if os.fork() == 0:
    note_loss("of the child", 1)
say()
"""


def test_a_child_tells_its_own_story(tmp_path: Path) -> None:
    """After a fork each has a file, and nothing is told twice."""
    with running(tmp_path, then=FORK) as process:
        pids = {said(process), said(process)}
        told = {state.pid: state.counts["losses"] for state in states(tmp_path)}
        assert told.pop(process.pid) == {"a test": 2}
        ((child, losses),) = told.items()
        os.kill(child, signal.SIGKILL)
    assert {child, process.pid} == pids
    assert losses == {"of the child": 1}


def test_who_has_nothing_to_tell_has_no_file(tmp_path: Path) -> None:
    """Nothing is written on the disk of an app that goes well."""
    state = ProcessState(tmp_path / "processes", "1")
    state.close()
    assert list(tmp_path.iterdir()) == []


@pytest.fixture
def state(tmp_path: Path) -> Iterator[ProcessState]:
    """The state of this very process."""
    state = ProcessState(tmp_path / "processes", "1.2.3", "x" * 5000)
    yield state
    state.close()


def told(tmp_path: Path) -> State:
    """What this process has told."""
    (state,) = states(tmp_path)
    return state


def test_all_that_is_counted_is_told(tmp_path: Path, state: ProcessState) -> None:
    """Losses, failures, unknown exchanges and results of batches, each by kind, since it began."""
    kind = f"kind {uuid.uuid4()}"
    note_loss(kind, 3)
    with guarded(kind):
        raise ValueError
    state.tell(urgent=True)
    counts = told(tmp_path).counts
    assert counts["losses"] == {kind: 3}
    assert counts["failures"] == {kind: 1}
    assert (counts["unknown"], counts["passed_over"]) == ({}, {})
    assert seen()["passed_over"] == passed_over()
    assert told(tmp_path).service == "x" * 1024
    assert told(tmp_path).version == "1.2.3"


def test_no_more_is_told_after_the_end(tmp_path: Path, state: ProcessState) -> None:
    """What happens later belongs to the next recording."""
    note_loss(f"kind {uuid.uuid4()}", 1)
    before = told(tmp_path).counts
    state.close()
    note_loss(f"kind {uuid.uuid4()}", 1)
    assert told(tmp_path).counts == before
    assert not told(tmp_path).alive


def test_a_directory_that_cannot_be_written_costs_nothing(tmp_path: Path) -> None:
    """Then the process knows it alone."""
    (tmp_path / "processes").write_text("")
    for directory in (None, tmp_path / "processes"):
        state = ProcessState(directory, "1")
        note_loss(f"kind {uuid.uuid4()}", 1)
        state.close()
    assert states(tmp_path) == []


@pytest.mark.parametrize(
    "content",
    [b"", b"no frame", frame(b"{}"), frame(b"[]"), frame(b"{"), frame(b'{"pid":"x"}'), b"\xff" * 9],
)
def test_damaged_files_are_passed_over(tmp_path: Path, content: bytes) -> None:
    """They say nothing."""
    (tmp_path / "processes").mkdir()
    (tmp_path / "processes" / "a.state").write_bytes(content)
    assert states(tmp_path) == []


def test_old_files_of_the_dead_are_cleared_away(tmp_path: Path) -> None:
    """A week later, or beyond so many, nobody asks; the living keep theirs."""
    directory = tmp_path / "processes"
    directory.mkdir()
    now = time.time()
    body = {"pid": 1, "program": "p", "service": "", "version": "1", "started_s": 1}
    for number in range(KEPT_MAX + 5):
        path = directory / f"{number}.state"
        path.write_bytes(frame(json.dumps({**body, "updated_s": 1, "counts": {}}).encode()))
        age_s = 8 * 24 * 3600 if number < 3 else number
        os.utime(path, (now - age_s, now - age_s))
    with running(tmp_path) as process:
        said(process)
        living = {path.name for path in directory.glob("*.state") if len(path.stem) > 3}
        for path in (directory / name for name in living):
            os.utime(path, (1, 1))
        with running(tmp_path) as other:
            said(other)
            left = {path.name for path in directory.glob("*.state")}
    assert living < left
    assert not left & {"0.state", "1.state", "2.state"}
    assert len(left) == KEPT_MAX + 2


def test_an_unknown_exchange_reaches_another_process(provider: Provider, tmp_path: Path) -> None:
    """S4.1: what an app sends and nobody can read is told to the machine's operator."""
    then = (
        "import httpx2\n"
        "for path in ('/v1/complete', '/v1/complete?key=canary', '/v1/orders'):\n"
        f"    httpx2.post('{provider.url}' + path, json={{}}, trust_env=False)\n"
        "say()"
    )
    with running(tmp_path, then=then) as process:
        said(process)
        (state,) = states(tmp_path)
    assert state.counts["unknown"] == {"POST 127.0.0.1/v1/complete": 2}
