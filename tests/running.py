"""Starting Spanledger as its users do: as a process of its own."""

import re
import signal
import subprocess
import sys
import threading
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from spanledger.settings import child_environment

ADMIN_KEY = "sl_admin_of_the_tests"

HANGS_AFTER_S = 80
"""Longer than any test keeps it, shorter than pytest waits for one."""


@dataclass(frozen=True, slots=True)
class Running:
    """A `spanledger up` that is ready."""

    api_url: str
    otlp_url: str
    process: "subprocess.Popen[str]"


def run_spanledger(
    *args: str, cwd: Path, timeout_s: float = 60, **environ: str
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
    command = [sys.executable, "-m", "spanledger", "up", "--port", "0", "--otlp-http-port", "0"]
    with subprocess.Popen(
        [*command, *args],
        cwd=cwd,
        env=child_environment(
            **{"SPANLEDGER_ADMIN_KEY": ADMIN_KEY, "PYTHONFAULTHANDLER": "1", **environ}
        ),
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        # A process that hangs says where before it ends, instead of holding up the test for ever.
        watchdog = threading.Timer(HANGS_AFTER_S, process.send_signal, (signal.SIGABRT,))
        watchdog.daemon = True
        watchdog.start()
        try:
            yield Running(*_addresses(process), process)
        finally:
            process.terminate()
            process.wait(timeout=30)
            watchdog.cancel()


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
