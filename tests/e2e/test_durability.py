"""What was acknowledged is counted once and costs what it costs, whatever happens to the server."""

import gzip
import random
import re
import signal
import subprocess
import sys
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import httpx
import pytest

from spanledger.collector.delivery import Delivery
from spanledger.collector.spool import Spool, is_settled
from spanledger.server import utc_now
from spanledger.settings import child_environment
from tests.collector.spans import build_body, build_span
from tests.e2e.load import Load
from tests.running import ADMIN_KEY, Running, fill, small_disk, spanledger_up, wait_until

EACH = (1200 * Decimal("2.50") + 350 * Decimal(10)) / 10**6
"""What a call of `build_span` costs, by the list price of gpt-4o."""


def total(up: Running) -> tuple[int, Decimal]:
    """Calls and amount over all time, when all that was acknowledged is stored."""
    up.settle()
    page = httpx.get(
        f"{up.api_url}/v1/costs",
        params={"bucket_width": "total"},
        headers={"Authorization": f"Bearer {ADMIN_KEY}"},
        trust_env=False,
        timeout=60,
    ).json()
    results = page["data"][0]["results"]
    return (
        (results[0]["calls"], Decimal(results[0]["amount"]["value"])) if results else (0, EACH * 0)
    )


def killed_in_its_start(cwd: Path, after_s: float) -> None:
    """A server that does not live to see its first request."""
    command = [sys.executable, "-m", "spanledger", "up", "--port", "0", "--otlp-http-port", "0"]
    with subprocess.Popen(
        command,
        cwd=cwd,
        env=child_environment(SPANLEDGER_ADMIN_KEY=ADMIN_KEY),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as process:
        try:
            process.wait(after_s)
        except subprocess.TimeoutExpired:
            process.kill()


def outlive(cwd: Path, load: Load, kills: int, number: signal.Signals) -> None:
    """Stop the server so often, at random moments, a tenth of them in its start; then compare."""
    luck = random.Random(kills)  # noqa: S311 - the same each time
    with load.sending():
        for _ in range(kills):
            if luck.random() < 0.1:
                killed_in_its_start(cwd, luck.uniform(0.1, 3))
            with spanledger_up(cwd) as up:
                load.url = up.otlp_url
                load.wait_for(luck.randrange(1, 800))
                up.process.send_signal(number)
                code = up.process.wait(timeout=60)
                assert code == (0 if number == signal.SIGTERM else -number)
        with spanledger_up(cwd) as up:
            load.url = up.otlp_url
            load.wait_for(1)
            load.finish()
            assert total(up) == (load.acknowledged, load.cost)
    assert load.wrong == []


@pytest.mark.timeout(600)
def test_kills_lose_nothing_and_double_nothing(tmp_path: Path) -> None:
    """R1: SIGKILL under load, duplicates included: lost 0, doubled 0, difference exactly 0."""
    outlive(tmp_path, Load(senders=4, seed=1), 3, signal.SIGKILL)


@pytest.mark.timeout(600)
def test_stops_lose_nothing_and_double_nothing(tmp_path: Path) -> None:
    """R2: SIGTERM under load ends the server cleanly; senders are never told 500."""
    outlive(tmp_path, Load(senders=4, seed=2), 1, signal.SIGTERM)


@pytest.mark.soak
@pytest.mark.timeout(3600)
@pytest.mark.parametrize(("kills", "number"), [(50, signal.SIGKILL), (20, signal.SIGTERM)])
def test_many_kills(tmp_path: Path, kills: int, number: signal.Signals) -> None:
    """R1, R2 at length, with 8 senders."""
    outlive(tmp_path, Load(senders=8, seed=3), kills, number)


def spooled(directory: Path, deliveries: int) -> None:
    """A spool that another process has left: so many deliveries of 500 calls each."""
    spans = [build_span(trace_id=b"THE-TRACE-OF-ONE", span_id=n.to_bytes(8)) for n in range(1, 501)]
    body = build_body(*spans)
    spool = Spool(directory, bytes_max=1 << 40, free_bytes_min=0)
    for number in range(deliveries):
        content = gzip.compress(body.replace(b"THE-TRACE-OF-ONE", (number + 1).to_bytes(16)), 1)
        spool.append(
            [Delivery(project="default", encoding="gzip", body=content, received_at=utc_now())]
        )
    spool.close()


def memory_peak_mib(up: Running) -> int:
    """The most that the process has had in memory so far."""
    status = Path(f"/proc/{up.process.pid}/status").read_text(encoding="ascii")
    (kib,) = re.findall(r"VmHWM:\s+(\d+) kB", status)
    return int(kib) // 1024


@pytest.mark.timeout(1200)
@pytest.mark.parametrize("deliveries", [20, pytest.param(2000, marks=pytest.mark.soak)])
def test_a_full_spool_is_drained_while_more_is_taken(tmp_path: Path, deliveries: int) -> None:
    """R8: up to a million spooled calls; it is ready at once, takes more, and counts all."""
    spooled(tmp_path / "spanledger-data" / "spool", deliveries)
    with spanledger_up(tmp_path) as up:
        body = build_body(build_span())
        headers = {"content-type": "application/x-protobuf"}
        answer = httpx.post(
            f"{up.otlp_url}/v1/traces", content=body, headers=headers, trust_env=False
        )
        assert answer.status_code == 200
        wait_until(lambda: total(up)[0] == deliveries * 500 + 1)
        assert total(up) == (deliveries * 500 + 1, (deliveries * 500 + 1) * EACH)
        assert memory_peak_mib(up) < 900


@pytest.mark.timeout(300)
def test_a_store_without_room_is_waited_for(tmp_path: Path) -> None:
    """R4, R6: while the store's disk is full calls are acknowledged; room comes, all is counted."""
    load = Load(senders=2, seed=4)
    spool = tmp_path / "spool"
    variables = {"SPANLEDGER_COLLECTOR_SPOOL_DIR": str(spool)}
    with (
        small_disk(tmp_path / "disk", "256m") as disk,
        spanledger_up(tmp_path, "--data-dir", str(disk / "data"), **variables) as up,
    ):
        load.url = up.otlp_url
        with load.sending():
            load.wait_for(100)
            filler = fill(disk)
            load.wait_for(2000)
            waiting = not is_settled(spool)
            filler.unlink()
            load.wait_for(100)
            load.finish()
        assert waiting
        assert total(replace(up, spool=spool)) == (load.acknowledged, load.cost)
    assert load.wrong == []
