"""What recording costs an app: `make bench` prints it and writes it into docs/performance.md.

The same calls of the real OpenAI SDK against a server in another process, by workers that differ
only in what records them. All workers live side by side and take turns, in another order each
round, so that whatever the machine does meets all of them. CPU time is what the operating system
counted for the worker's whole process, from one turn of it to the next: what threads of ours do in
the background is in it. Figures are differences to the worker without instrumentation; a second
worker without any is the control, whose difference is the noise.
"""

import argparse
import json
import platform
import random
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import IO, Any, Final, cast

HERE: Final = Path(__file__).parent
PAGE: Final = HERE.parent / "docs" / "performance.md"
MARK: Final = re.compile(r"(<!-- measured: capture -->\n).*?(<!-- end measured -->)", re.DOTALL)

VARIANTS: Final = {
    "none": "no instrumentation",
    "control": "no instrumentation, once more (the noise)",
    "stock": "opentelemetry-instrumentation-httpx, without sending",
    "recorded": "Spanledger, without sending",
    "complete": "Spanledger, recorded and sent",
    "hanging": "Spanledger, while the collector hangs",
}


@dataclass(slots=True)
class Worker:
    """A process of an app, and what was measured of it."""

    process: "subprocess.Popen[str]"
    marks: dict[str, list[float]] = field(default_factory=dict[str, list[float]])
    """Kind of call -> CPU seconds of the process at the start of each turn, and at the end."""
    walls: dict[str, list[float]] = field(default_factory=dict[str, list[float]])
    """Kind of call -> milliseconds of each call."""
    firsts: list[list[float]] = field(default_factory=list[list[float]])
    """Round -> milliseconds to the first chunk of each of its streams."""

    def ask(self, line: str) -> dict[str, Any]:
        """One turn: the worker does what `line` says, and tells of it."""
        cast("IO[str]", self.process.stdin).write(line + "\n")
        cast("IO[str]", self.process.stdin).flush()
        answer = cast("IO[str]", self.process.stdout).readline()
        return cast("dict[str, Any]", json.loads(answer))

    def mark(self, kind: str) -> None:
        """Read the clock of its CPU."""
        self.marks.setdefault(kind, []).append(self.ask("cpu")["cpu"])

    def turn(self, kind: str, calls: int) -> None:
        """Let it make its calls."""
        self.mark(kind)
        answer = self.ask(f"{kind} {calls}")
        self.walls.setdefault(kind, []).extend(answer["walls"])
        if kind == "stream":
            self.firsts.append(answer["firsts"])

    def cpu_us(self, kind: str, calls: int) -> list[float]:
        """Microseconds of CPU for a call, round by round."""
        pairs = pairwise(self.marks[kind])
        return [(later - sooner) * 1e6 / calls for sooner, later in pairs]


@dataclass(frozen=True, slots=True)
class Figure:
    """A line of the result."""

    name: str
    value: float
    unit: str
    budget: float | None = None

    def cells(self) -> tuple[str, str, str, str]:
        """As a row of a table."""
        within = "" if self.budget is None else "pass" if self.passes else "**missed**"
        budget = "" if self.budget is None else f"{self.budget:g} {self.unit}"
        return self.name, f"{self.value:,.2f} {self.unit}", budget, within

    @property
    def passes(self) -> bool:
        """Within the budget, if there is one."""
        return self.budget is None or self.value <= self.budget


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print, write the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=60)
    parser.add_argument("--chats", type=int, default=20, help="chat calls in a turn")
    parser.add_argument("--streams", type=int, default=2, help="streams in a turn")
    parser.add_argument("--strict", action="store_true", help="exit with 1 beyond a budget")
    parser.add_argument("--no-page", action="store_true", help="leave docs/performance.md alone")
    options = parser.parse_args(arguments)
    with ExitStack() as stack:
        workers = _start(stack)
        grown = _run(workers, options)
        exits = {name: _stop(worker) for name, worker in workers.items()}
    figures = _figures(workers, options, grown, exits)
    text = _table(figures, options)
    print(text)
    if not options.no_page:
        page = PAGE.read_text(encoding="utf-8")
        PAGE.write_text(MARK.sub(lambda m: m[1] + text + m[2], page), encoding="utf-8")
    return int(options.strict and not all(figure.passes for figure in figures))


def _start(stack: ExitStack) -> dict[str, Worker]:
    provider = _spawn(stack, "capture_server.py", "provider")
    sink = _spawn(stack, "capture_server.py", "sink")
    hole = _spawn(stack, "capture_server.py", "hole")
    urls = [
        cast("IO[str]", process.stdout).readline().strip() for process in (provider, sink, hole)
    ]
    spools = Path(stack.enter_context(tempfile.TemporaryDirectory()))
    return {
        name: Worker(
            _spawn(
                stack,
                "capture_app.py",
                name,
                urls[0],
                urls[2] if name == "hanging" else urls[1],
                str(spools / name),
            )
        )
        for name in VARIANTS
    }


def _spawn(stack: ExitStack, script: str, *arguments: str) -> "subprocess.Popen[str]":
    process = subprocess.Popen(
        [sys.executable, str(HERE / script), *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    stack.callback(process.wait)
    stack.callback(process.kill)
    return process


def _run(workers: dict[str, Worker], options: argparse.Namespace) -> dict[str, float]:
    """All the rounds; returns by how many MB each worker has grown in them."""
    order = list(workers.values())
    for kind, calls in (("chat", options.chats), ("stream", options.streams)):
        for worker in order:
            worker.ask(f"{kind} {max(calls, 3)}")
    before = {name: worker.ask("cpu")["rss_mb"] for name, worker in workers.items()}
    for kind, calls in (("chat", options.chats), ("stream", options.streams)):
        for _ in range(options.rounds):
            random.shuffle(order)
            for worker in order:
                worker.turn(kind, calls)
        time.sleep(6)  # what is still to be sent belongs to the last round
        for worker in order:
            worker.mark(kind)
    return {name: worker.ask("cpu")["rss_mb"] - before[name] for name, worker in workers.items()}


def _stop(worker: Worker) -> float:
    """Seconds from the end of the program to the end of its process."""
    stdin = cast("IO[str]", worker.process.stdin)
    begin = time.perf_counter()
    stdin.close()
    worker.process.wait()
    return time.perf_counter() - begin


def _added(workers: dict[str, Worker], name: str, kind: str, calls: int) -> float:
    """What a call takes more than in the worker without instrumentation.

    The mean: a sender works seldom and then much, which a median would not see.
    """
    own, bare = workers[name].cpu_us(kind, calls), workers["none"].cpu_us(kind, calls)
    return statistics.fmean(own) - statistics.fmean(bare)


def _first(workers: dict[str, Worker], name: str) -> float:
    pairs = zip(workers[name].firsts, workers["none"].firsts, strict=True)
    return statistics.median(
        (statistics.median(own) - statistics.median(bare)) * 1000 for own, bare in pairs
    )


def _p99(values: Sequence[float]) -> float:
    return statistics.quantiles(values, n=100)[98]


def _figures(
    workers: dict[str, Worker],
    options: argparse.Namespace,
    grown: dict[str, float],
    exits: dict[str, float],
) -> list[Figure]:
    chat = statistics.fmean(workers["none"].cpu_us("chat", options.chats))
    stream = statistics.fmean(workers["none"].cpu_us("stream", options.streams))
    figures = [Figure(f"chat call, CPU: {VARIANTS['none']}", chat, "us")]
    for name in ("control", "stock", "recorded", "complete"):
        added = _added(workers, name, "chat", options.chats)
        budget = 200 if name == "complete" else None
        figures.append(Figure(f"chat call, CPU added: {VARIANTS[name]}", added, "us", budget))
    figures.append(Figure(f"200-chunk stream, CPU: {VARIANTS['none']}", stream, "us"))
    for name in ("control", "stock", "recorded", "complete"):
        added = 100 * _added(workers, name, "stream", options.streams) / stream
        budget = 2 if name == "complete" else None
        figures.append(Figure(f"200-chunk stream, CPU added: {VARIANTS[name]}", added, "%", budget))
    for name in ("control", "stock", "complete"):
        budget = 50 if name == "complete" else None
        figures.append(
            Figure(f"first chunk later by: {VARIANTS[name]}", _first(workers, name), "us", budget)
        )
    bare = _p99(workers["none"].walls["chat"])
    for name in ("control", "hanging"):
        added = _p99(workers[name].walls["chat"]) - bare
        budget = 1 if name == "hanging" else None
        figures.append(Figure(f"chat call, p99 added: {VARIANTS[name]}", added, "ms", budget))
    growth = grown["hanging"] - grown["none"]
    return [
        *figures,
        Figure(f"memory grown by: {VARIANTS['hanging']}", growth, "MB", 32),
        Figure(f"exit takes: {VARIANTS['none']}", exits["none"], "s"),
        Figure(f"exit takes: {VARIANTS['hanging']}", exits["hanging"], "s", 2),
    ]


def _table(figures: Sequence[Figure], options: argparse.Namespace) -> str:
    rows = [figure.cells() for figure in figures]
    command = (
        f"python benchmarks/capture.py --rounds {options.rounds} --chats {options.chats}"
        f" --streams {options.streams}"
    )
    python = f"{platform.python_implementation()} {platform.python_version()}"
    lines = [
        f"By `{command}`, {datetime.now(UTC):%d %B %Y %H:%M} UTC, {python}, {_cpu()}.",
        "",
        "| what | measured | budget | |",
        "|---|---:|---:|---|",
        *(f"| {' | '.join(cells)} |" for cells in rows),
    ]
    return "\n".join(lines) + "\n"


def _cpu() -> str:
    info = Path("/proc/cpuinfo")
    text = info.read_text(encoding="utf-8") if info.exists() else ""
    names = re.findall(r"model name\s*:\s*(.+)", text)
    return f"{len(names)} x {names[0]}" if names else platform.processor() or platform.machine()


if __name__ == "__main__":
    sys.exit(main())
