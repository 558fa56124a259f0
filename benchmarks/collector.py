"""What it takes to receive, keep, price and store spans, against the collector one writes first.

Both get the same batches of 500 spans, gzip, 25 attributes each, over 8 connections, in the same
run; their CPU time is what the operating system counts for the process, from the first request
until all is stored and can be queried. An acknowledgement is compared with writing the same body to
a file and one fdatasync.
"""

import argparse
import gzip
import http.client
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from measured import Figure, table, write_page
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from spanledger.collector.spool import is_settled
from spanledger.settings import child_environment

SPANS: Final = 500
ATTRIBUTES: Final = 25
CONNECTIONS: Final = 8
HEADERS: Final = {"content-type": "application/x-protobuf", "content-encoding": "gzip"}
GOAL: Final = 15_000
TIMES_NAIVE: Final = 4
TIMES_FDATASYNC: Final = 10


def main() -> int:
    """Measure, print, judge, and write if asked."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--batches", type=int, default=400)
    parser.add_argument("--strict", action="store_true", help="exit with 1 beyond a budget")
    parser.add_argument("--no-page", action="store_true", help="leave docs/performance.md alone")
    options = parser.parse_args()
    batches: int = options.batches
    strict: bool = options.strict
    no_page: bool = options.no_page
    bodies = [_body(number) for number in range(batches)]
    synced = _fdatasync_ms(bodies)
    with _ours() as (process, port, settled):
        ours = _measure(process, port, bodies, settled)
        peak_mb = _peak_mb(process)
    with _naive() as (process, port):
        naive = _measure(process, port, bodies[: max(batches // 4, 2 * CONNECTIONS)], lambda: True)
    figures = [
        Figure("naive collector: spans, a CPU second", naive[0], ""),
        Figure("Spanledger: spans, a CPU second", ours[0], "", GOAL, at_least=True),
        Figure("times as many", ours[0] / naive[0], "", TIMES_NAIVE, at_least=True),
        Figure("write and fdatasync of a body, p99", _p99(synced), "ms"),
        Figure("naive collector: acknowledgement, p99", _p99(naive[1]), "ms"),
        Figure("Spanledger: acknowledgement, p50", statistics.median(ours[1]), "ms"),
        Figure("Spanledger: acknowledgement, p99", _p99(ours[1]), "ms"),
        Figure("times an fdatasync", _p99(ours[1]) / _p99(synced), "", TIMES_FDATASYNC),
        Figure("Spanledger: peak memory", peak_mb, "MB", 900),
    ]
    text = table(f"python benchmarks/collector.py --batches {batches}", figures)
    print(text)
    if not no_page:
        write_page("collector", text)
    return int(strict and not all(figure.passes for figure in figures))


def _body(number: int) -> bytes:
    """A request of calls that were made just now."""
    request = ExportTraceServiceRequest()
    scope = request.resource_spans.add().scope_spans.add()
    for one in range(SPANS):
        span = scope.spans.add()
        span.trace_id, span.span_id = (number + 1).to_bytes(16), (one + 1).to_bytes(8)
        span.name = "chat gpt-4o"
        span.start_time_unix_nano = time.time_ns()
        span.end_time_unix_nano = span.start_time_unix_nano + 10**9
        texts = {
            "gen_ai.operation.name": "chat",
            "gen_ai.provider.name": "openai",
            "gen_ai.request.model": "gpt-4o",
            "gen_ai.response.model": "gpt-4o-2024-08-06",
            "gen_ai.response.id": f"chatcmpl-{number}-{one}",
            "gen_ai.conversation.id": f"conversation-{one % 50}",
            "user.id": f"user-{one % 100}",
        }
        counts = {"gen_ai.usage.input_tokens": 1000 + one, "gen_ai.usage.output_tokens": one}
        others = ATTRIBUTES - len(texts) - len(counts)
        texts |= {f"app.fact.{fact}": f"value {fact} of {one}" for fact in range(others)}
        for key, text in texts.items():
            pair = span.attributes.add()
            pair.key, pair.value.string_value = key, text
        for key, count in counts.items():
            pair = span.attributes.add()
            pair.key, pair.value.int_value = key, count
    return gzip.compress(request.SerializeToString(), 6)


def _fdatasync_ms(bodies: Sequence[bytes]) -> list[float]:
    taken: list[float] = []
    with tempfile.TemporaryFile(buffering=0) as file:
        for body in bodies:
            start = time.perf_counter()
            file.write(body)
            os.fdatasync(file.fileno())
            taken.append((time.perf_counter() - start) * 1000)
    return taken


@contextmanager
def _ours() -> Generator[tuple["subprocess.Popen[bytes]", int, Callable[[], bool]]]:
    port, api_port = _free_port(), _free_port()
    with tempfile.TemporaryDirectory() as data:
        ports = ("--port", str(api_port), "--otlp-http-port", str(port))
        command = [sys.executable, "-m", "spanledger", "up", "--data-dir", data, *ports]
        with _running(command, port) as process:
            yield process, port, lambda: is_settled(Path(data) / "spool")


@contextmanager
def _naive() -> Generator[tuple["subprocess.Popen[bytes]", int]]:
    port, script = _free_port(), Path(__file__).with_name("collector_naive.py")
    with tempfile.TemporaryDirectory() as data:
        command = [sys.executable, str(script), str(port), f"{data}/engine"]
        with _running(command, port) as process:
            yield process, port


@contextmanager
def _running(command: Sequence[str], port: int) -> Generator["subprocess.Popen[bytes]"]:
    with subprocess.Popen(command, env=child_environment(), stdout=subprocess.DEVNULL) as process:
        try:
            while not _listens(port):
                if process.poll() is not None:
                    msg = f"{command} ended before it was ready"
                    raise RuntimeError(msg)
                time.sleep(0.05)
            yield process
        finally:
            process.terminate()


def _measure(
    process: "subprocess.Popen[bytes]",
    port: int,
    bodies: Sequence[bytes],
    settled: Callable[[], bool],
) -> tuple[float, list[float]]:
    """Spans a CPU second, and how long each acknowledgement took, in ms."""
    warm, rest = bodies[:CONNECTIONS], bodies[CONNECTIONS:]
    _send(port, warm)
    while not settled():
        time.sleep(0.05)
    before = _cpu_s(process)
    taken = _send(port, rest)
    while not settled():
        time.sleep(0.05)
    return len(rest) * SPANS / (_cpu_s(process) - before), taken


def _send(port: int, bodies: Sequence[bytes]) -> list[float]:
    taken: list[float] = []
    waiting = list(bodies)

    def work() -> None:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        while waiting:
            try:
                body = waiting.pop()
            except IndexError:
                break
            start = time.perf_counter()
            connection.request("POST", "/v1/traces", body, HEADERS)
            answer = connection.getresponse()
            answer.read()
            taken.append((time.perf_counter() - start) * 1000)
            if answer.status != http.client.OK:
                msg = f"answered with {answer.status}"
                raise RuntimeError(msg)
        connection.close()

    threads = [threading.Thread(target=work) for _ in range(CONNECTIONS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if len(taken) != len(bodies):
        msg = f"{len(bodies) - len(taken)} batches were not taken"
        raise RuntimeError(msg)
    return taken


def _cpu_s(process: "subprocess.Popen[bytes]") -> float:
    """User and system time of the process so far."""
    stat = Path(f"/proc/{process.pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(stat[11]) + int(stat[12])) / os.sysconf("SC_CLK_TCK")


def _peak_mb(process: "subprocess.Popen[bytes]") -> float:
    status = Path(f"/proc/{process.pid}/status").read_text(encoding="ascii")
    return int(status.partition("VmHWM:")[2].split()[0]) / 1024


def _p99(values: Sequence[float]) -> float:
    return statistics.quantiles(values, n=100)[98]


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _free_port() -> int:
    with socket.socket() as placeholder:
        placeholder.bind(("127.0.0.1", 0))
        return int(placeholder.getsockname()[1])


if __name__ == "__main__":
    sys.exit(main())
