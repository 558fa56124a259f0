"""Starting Spanledger as its users do: as a process of its own."""

import re
import signal
import subprocess
import sys
import threading
from collections.abc import Generator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

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
                addresses = _addresses(process)
            yield Running(*addresses, process)
        finally:
            process.terminate()
            with _watched(process):
                process.wait()


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


def _addresses(process: "subprocess.Popen[str]") -> tuple[str, str]:
    found: dict[str, str] = {}
    assert process.stdout is not None
    for line in process.stdout:
        if match := re.match(r"\s+(Dashboard|OTLP/HTTP|Data)\s+(\S+)", line):
            found[match[1]] = match[2]
        if "Data" in found:
            return found["Dashboard"], found["OTLP/HTTP"]
    msg = f"spanledger up ended with {process.wait()} before it was ready"
    raise RuntimeError(msg)
