"""An outage of the collector costs no call, and none is counted twice."""

import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider

from spanledger.instrumentation.losses import losses
from spanledger.instrumentation.sender import Pace, Sender
from spanledger.instrumentation.spool import Spool
from spanledger.instrumentation.telemetry import BillableSpans
from spanledger.settings import OtlpTarget, child_environment
from tests.weather import FAILURES, SLOW_S, Collector, black_hole, reserved

THREADS, CALLS = 4, 50

FAST = Pace(tick_s=0.01, retry_first_s=0.01, retry_max_s=0.05, later_s=0.05, exit_s=10)

APP = """
import sys
import spanledger.auto
import httpx2
answer = {"model": "gpt-4o", "usage": {"prompt_tokens": 7, "completion_tokens": 1}}
transport = httpx2.MockTransport(lambda request: httpx2.Response(200, json=answer))
name, count, then = sys.argv[1], int(sys.argv[2]), sys.argv[3]
with httpx2.Client(transport=transport) as client:
    for number in range(count):
        with spanledger.attribute(message_id=f"{name}-{number}"):
            client.post("http://provider/v1/chat/completions", json={"model": "gpt-4o"})
print("called", flush=True)
if then == "wait":
    sys.stdin.read()
"""
"""An app that makes so many calls, and ends or waits."""


@pytest.fixture
def collector(tmp_path: Path) -> Iterator[Collector]:
    """A collector that is not up yet."""
    with reserved() as url:
        yield Collector(url, tmp_path / "keys.json")


def start(collector_url: str, spool: Path, *arguments: str) -> "subprocess.Popen[str]":
    """The app in a process of its own."""
    return subprocess.Popen(
        [sys.executable, "-c", APP, *arguments],
        env=child_environment(
            OTEL_EXPORTER_OTLP_ENDPOINT=collector_url,
            OTEL_SERVICE_NAME=arguments[0],
            SPANLEDGER_SPOOL_DIR=str(spool),
        ),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def finish(app: "subprocess.Popen[str]", timeout_s: float = 60) -> None:
    """Let it end by itself."""
    app.communicate(timeout=timeout_s)
    assert app.returncode == 0


def messages(collector: Collector) -> list[str]:
    """The message of every row."""
    return sorted(call.message_id for call in collector.calls)


def expected(name: str, count: int) -> list[str]:
    """What the app's calls are called."""
    return [f"{name}-{number}" for number in range(count)]


class Shop:
    """An app that records from many threads at once, with a sender that does not wait long."""

    def __init__(self, url: str, spool: Path | None, pace: Pace = FAST) -> None:
        sender = Sender(
            Spool(spool, 64 * 1024 * 1024),
            OtlpTarget(url=f"{url}/v1/traces", timeout_s=SLOW_S / 2),
            pace,
        )
        processor = BillableSpans()
        processor.sender = sender
        self.provider = TracerProvider(
            resource=Resource({"service.name": "shop"}), shutdown_on_exit=False
        )
        self.provider.add_span_processor(processor)
        self.made: list[str] = []

    def work(self, name: str) -> None:
        """Make calls."""
        names = [f"{name}{thread}" for thread in range(THREADS)]
        threads = [threading.Thread(target=self._call, args=(one,)) for one in names]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.made += [message for one in names for message in expected(one, CALLS)]

    def hand_over(self) -> None:
        """Until the collector has everything."""
        while not self.provider.force_flush(10_000):
            pass
        self.provider.shutdown()

    def _call(self, name: str) -> None:
        tracer = self.provider.get_tracer("spanledger", "1")
        for message in expected(name, CALLS):
            attributes = {"gen_ai.operation.name": "chat", "spanledger.message.id": message}
            tracer.start_span("chat", attributes=attributes).end()


@pytest.mark.parametrize("memory", [False, True], ids=["disk", "memory"])
@pytest.mark.parametrize("failure", FAILURES)
def test_an_outage_loses_nothing_and_doubles_nothing(
    collector: Collector, tmp_path: Path, failure: str, *, memory: bool
) -> None:
    """S4.4 "0 calls lost": calls of many threads before, during and after; each a row once."""
    lost = losses()
    shop = Shop(collector.url, None if memory else tmp_path / "spool")
    shop.work("before")
    assert not shop.provider.force_flush(10_000), "nobody listens yet"
    with collector.up():
        collector.state = failure
        shop.work("during")
        while collector.tries < 2:
            shop.provider.force_flush(10_000)
        collector.state = "fine"
        shop.work("after")
        shop.hand_over()

    assert messages(collector) == sorted(shop.made)
    assert {call.service for call in collector.calls} == {"shop"}
    assert losses() == lost


def test_a_killed_app_loses_nothing(collector: Collector, tmp_path: Path) -> None:
    """S4.4: SIGKILL in an outage; the next process delivers all, under the name that made them."""
    killed = start(collector.url, tmp_path, "killed", "30", "wait")
    assert killed.stdout is not None
    assert killed.stdout.readline() == "called\n"
    killed.send_signal(signal.SIGKILL)
    killed.communicate()
    with collector.up():
        finish(start(collector.url, tmp_path, "next", "1", "end"))

    assert messages(collector) == sorted(expected("killed", 30) + expected("next", 1))
    assert {(call.message_id.partition("-")[0], call.service) for call in collector.calls} == {
        ("killed", "killed"),
        ("next", "next"),
    }
    assert list(tmp_path.rglob("*.spool")) == []


def test_a_living_app_keeps_its_own(collector: Collector, tmp_path: Path) -> None:
    """A second process delivers what is its own, and the first what is its own, once."""
    first = start(collector.url, tmp_path, "first", "10", "wait")
    assert first.stdout is not None
    assert first.stdout.readline() == "called\n"
    with collector.up():
        finish(start(collector.url, tmp_path, "second", "10", "end"))
        finish(first)

    assert messages(collector) == sorted(expected("first", 10) + expected("second", 10))


def test_an_app_ends_though_the_collector_hangs(collector: Collector, tmp_path: Path) -> None:
    """S4.1: the end is held up for a moment at most, and the calls are delivered later."""
    listener, url = black_hole()
    collector.url = url
    with listener:
        finish(start(url, tmp_path, "held", "5", "end"), timeout_s=60)
    with collector.up():
        finish(start(url, tmp_path, "next", "1", "end"))

    assert messages(collector) == sorted(expected("held", 5) + expected("next", 1))


@pytest.mark.soak
@pytest.mark.timeout(300)
@pytest.mark.parametrize("failure", FAILURES)
def test_half_a_minute_of_outage_at_the_real_pace(
    collector: Collector, tmp_path: Path, failure: str
) -> None:
    """S4.4: the same with the waits that are shipped, and an app that calls all the time."""
    lost = losses()
    shop = Shop(collector.url, tmp_path / "spool", Pace())
    with collector.up():
        shop.work("before")
        collector.state = failure
        end = time.monotonic() + 30
        while time.monotonic() < end:
            shop.work(f"during-{time.monotonic_ns()}-")
            time.sleep(0.5)
        collector.state = "fine"
        shop.work("after")
        shop.hand_over()

    assert messages(collector) == sorted(shop.made)
    assert losses() == lost
