"""Starting Spanledger as its users do: as a process of its own."""

import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

from spanledger.collector.spool import is_settled
from spanledger.settings import child_environment

ADMIN_KEY = "sl_admin_of_the_tests"

HANGS_AFTER_S = 90
"""Much longer than a start or a stop takes, and shorter than pytest waits for a test."""

_FREE_PORTS = ("--port", "0", "--otlp-http-port", "0", "--otlp-grpc-port", "0")

_TELLS_ON_SIGQUIT = """
import faulthandler, runpy, signal
faulthandler.register(signal.SIGQUIT, all_threads=True)
runpy.run_module("spanledger", run_name="__main__", alter_sys=True)
"""
"""`python -m spanledger`, which says on stderr where it is when it is asked to."""


@dataclass(frozen=True, slots=True)
class Running:
    """A `spanledger up` that is ready."""

    api_url: str
    otlp_url: str
    process: "subprocess.Popen[str]"
    spool: Path

    def settle(self) -> None:
        """Wait until the store has all that has been acknowledged, as it does within 2 s."""
        wait_until(lambda: is_settled(self.spool))


def run_spanledger(
    *args: str, cwd: Path, timeout_s: float = 100, **environ: str
) -> "subprocess.CompletedProcess[str]":
    """One command to its end."""
    return subprocess.run(
        [sys.executable, "-m", "spanledger", *args],
        cwd=cwd,
        env=child_environment(**environ),
        capture_output=True,
        text=True,
        timeout=timeout_s,
        check=False,
    )


@contextmanager
def spanledger_up(cwd: Path, *args: str, **environ: str) -> Generator[Running]:
    """`spanledger up` on free ports, with its data below `cwd`, stopped by SIGTERM."""
    command = [sys.executable, "-c", _TELLS_ON_SIGQUIT, "up", *_FREE_PORTS, *args]
    with subprocess.Popen(
        command,
        cwd=cwd,
        env=child_environment(**{"SPANLEDGER_ADMIN_KEY": ADMIN_KEY, **environ}),
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            with _watched(process):
                api_url, otlp_url, data = _addresses(process)
            yield Running(api_url, otlp_url, process, cwd / data / "spool")
        finally:
            process.terminate()
            with _watched(process):
                process.wait()


def wait_until(condition: Callable[[], bool]) -> None:
    """Look again and again until it is so."""
    end = time.monotonic() + HANGS_AFTER_S
    pause = threading.Event()
    while not condition():
        assert time.monotonic() < end, "it has not become so"
        pause.wait(0.01)


@contextmanager
def small_disk(directory: Path, size: str) -> Generator[Path]:
    """A disk of its own, in memory; the test is skipped where none can be mounted."""
    directory.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(directory)]
    done = subprocess.run(mount, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"a file system cannot be mounted here: {done.stderr.strip()}")
    try:
        yield directory
    finally:
        subprocess.run(["umount", "--lazy", str(directory)], check=True)  # noqa: S607


def fill(directory: Path) -> Path:
    """Leave no room on the disk of `directory`; whoever removes the file makes room again."""
    filler = directory / "filler"
    with filler.open("wb", buffering=0) as file, suppress(OSError):
        while file.write(bytes(1 << 12)):
            pass
    return filler


@contextmanager
def _watched(process: "subprocess.Popen[str]") -> Generator[None]:
    """If the block takes too long, the process says where it is and ends: no test hangs with it."""
    hung = threading.Event()

    def end() -> None:
        hung.set()
        process.send_signal(signal.SIGQUIT)
        with suppress(subprocess.TimeoutExpired):
            process.wait(1)
        process.kill()

    watchdog = threading.Timer(HANGS_AFTER_S, end)
    watchdog.daemon = True
    watchdog.start()
    try:
        yield
    finally:
        watchdog.cancel()
    if hung.is_set():
        msg = f"spanledger up hung for {HANGS_AFTER_S} s; its stacks are on stderr"
        raise TimeoutError(msg)


def _addresses(process: "subprocess.Popen[str]") -> tuple[str, str, str]:
    found: dict[str, str] = {}
    assert process.stdout is not None
    for line in process.stdout:
        if match := re.match(r"\s+(Dashboard|OTLP/HTTP|Data)\s+(\S+)", line):
            found[match[1]] = match[2]
        if "Data" in found:
            return found["Dashboard"], found["OTLP/HTTP"], found["Data"]
    msg = f"spanledger up ended with {process.wait()} before it was ready"
    raise RuntimeError(msg)
