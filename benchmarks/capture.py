"""What recording costs an app: `make bench` prints it and writes it into docs/performance.md.

The same calls of the real OpenAI SDK against a server in another process, by workers that differ
only in what records them. All workers live side by side and take turns, in another order each
round, so that whatever the machine does meets all of them. CPU time is what the operating system
counted for the worker's whole process in its turn, what threads of ours do included: a turn ends
when all that it has left to be sent is sent. Figures are medians, over all rounds, of the
difference to the turn of the worker without instrumentation in the same round; a second worker
without any is the control, whose difference is the noise.
"""

import argparse
import json
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, Final, cast

from measured import Figure, table, write_page

HERE: Final = Path(__file__).parent

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
    cpu_us: dict[str, list[float]] = field(default_factory=dict[str, list[float]])
    """Kind of call -> microseconds of CPU for each, turn by turn."""
    walls: dict[str, list[float]] = field(default_factory=dict[str, list[float]])
    """Kind of call -> milliseconds of each call."""
    firsts: dict[str, list[float]] = field(default_factory=dict[str, list[float]])
    """`firsts` or `firsts_cpu` -> milliseconds to the first chunk of a stream, median of a turn."""

    def ask(self, line: str) -> dict[str, Any]:
        """One turn: the worker does what `line` says, and tells of it."""
        cast("IO[str]", self.process.stdin).write(line + "\n")
        cast("IO[str]", self.process.stdin).flush()
        answer = cast("IO[str]", self.process.stdout).readline()
        return cast("dict[str, Any]", json.loads(answer))

    def turn(self, kind: str, calls: int) -> None:
        """Let it make its calls."""
        answer = self.ask(f"{kind} {calls}")
        self.cpu_us.setdefault(kind, []).append(answer["cpu"] * 1e6 / calls)
        self.walls.setdefault(kind, []).extend(answer["walls"])
        for name in ("firsts", "firsts_cpu") if kind == "stream" else ():
            self.firsts.setdefault(name, []).append(statistics.median(answer[name]))


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print, write the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=30)
    parser.add_argument("--chats", type=int, default=40, help="chat calls in a turn")
    parser.add_argument(
        "--streams", type=int, default=10, help="streams in a turn, of half as many rounds"
    )
    parser.add_argument("--strict", action="store_true", help="exit with 1 beyond a budget")
    parser.add_argument("--no-page", action="store_true", help="leave docs/performance.md alone")
    options = parser.parse_args(arguments)
    with ExitStack() as stack:
        workers = _start(stack)
        grown = _run(workers, options)
        exits = {name: _stop(worker) for name, worker in workers.items()}
    figures = _figures(workers, grown, exits)
    command = (
        f"python benchmarks/capture.py --rounds {options.rounds} --chats {options.chats}"
        f" --streams {options.streams}"
    )
    text = table(command, figures)
    print(text)
    if not options.no_page:
        write_page("capture", text)
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
        for _ in range(options.rounds if kind == "chat" else options.rounds // 2):
            random.shuffle(order)
            for worker in order:
                worker.turn(kind, calls)
    return {name: worker.ask("cpu")["rss_mb"] - before[name] for name, worker in workers.items()}


def _stop(worker: Worker) -> float:
    """Seconds from the end of the program to the end of its process."""
    stdin = cast("IO[str]", worker.process.stdin)
    begin = time.perf_counter()
    stdin.close()
    worker.process.wait()
    return time.perf_counter() - begin


def _between(own: Sequence[float], bare: Sequence[float]) -> float:
    """The difference, as the median over the rounds."""
    return statistics.median(mine - theirs for mine, theirs in zip(own, bare, strict=True))


def _p99(values: Sequence[float]) -> float:
    return statistics.quantiles(values, n=100)[98]


def _figures(
    workers: dict[str, Worker],
    grown: dict[str, float],
    exits: dict[str, float],
) -> list[Figure]:
    bare = workers["none"]
    figures: list[Figure] = []
    for kind, name, budget in (("chat", "chat call", 200), ("stream", "200-chunk stream", 2)):
        whole = statistics.median(bare.cpu_us[kind])
        figures.append(Figure(f"{name}, CPU: {VARIANTS['none']}", whole, "us"))
        for variant in ("control", "stock", "recorded", "complete"):
            added = _between(workers[variant].cpu_us[kind], bare.cpu_us[kind])
            value, unit = (added, "us") if kind == "chat" else (100 * added / whole, "%")
            figures.append(
                Figure(
                    f"{name}, CPU added: {VARIANTS[variant]}",
                    value,
                    unit,
                    budget if variant == "complete" else None,
                )
            )
    for name, means in (("firsts_cpu", "CPU of the thread"), ("firsts", "elapsed")):
        for variant in ("control", "stock", "complete"):
            later = 1000 * _between(workers[variant].firsts[name], bare.firsts[name])
            budget = 50 if (variant, name) == ("complete", "firsts_cpu") else None
            what = f"first chunk later by ({means}): {VARIANTS[variant]}"
            figures.append(Figure(what, later, "us", budget))
    bare_p99 = _p99(bare.walls["chat"])
    for name in ("control", "hanging"):
        added = _p99(workers[name].walls["chat"]) - bare_p99
        budget = 1 if name == "hanging" else None
        figures.append(Figure(f"chat call, p99 added: {VARIANTS[name]}", added, "ms", budget))
    growth = grown["hanging"] - grown["none"]
    return [
        *figures,
        Figure(f"memory grown by: {VARIANTS['hanging']}", growth, "MB", 32),
        Figure(f"exit takes: {VARIANTS['none']}", exits["none"], "s"),
        Figure(f"exit takes: {VARIANTS['hanging']}", exits["hanging"], "s", 2),
    ]


if __name__ == "__main__":
    sys.exit(main())
