"""The whole process: what it acknowledged stays, whatever happens to it."""

import signal
from pathlib import Path

import httpx
import pytest

from tests.collector.spans import build_body, build_span
from tests.running import ADMIN_KEY, Running, run_spanledger, spanledger_up

PROTOBUF = {"content-type": "application/x-protobuf"}
ADMIN = {"Authorization": f"Bearer {ADMIN_KEY}"}


def deliver(up: Running, *numbers: int) -> None:
    """Send one span for each number and have it acknowledged."""
    body = build_body(*(build_span(span_id=number.to_bytes(8)) for number in numbers))
    answer = httpx.post(f"{up.otlp_url}/v1/traces", content=body, headers=PROTOBUF, trust_env=False)
    assert answer.status_code == 200


def total(up: Running) -> tuple[int, str]:
    """Calls and amount over all time."""
    up.settle()
    page = httpx.get(
        f"{up.api_url}/v1/costs",
        params={"bucket_width": "total"},
        headers=ADMIN,
        trust_env=False,
    ).json()
    (result,) = page["data"][0]["results"]
    return result["calls"], result["amount"]["value"]


def start_times(up: Running) -> set[str]:
    """When the calls were made, as the API says."""
    listed = httpx.get(f"{up.api_url}/v1/calls", headers=ADMIN, trust_env=False).json()["data"]
    return {call["start_time"] for call in listed}


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_what_was_acknowledged_survives(tmp_path: Path, number: signal.Signals) -> None:
    """R1 in small: after a kill the same calls stand, and what is sent again is not doubled.

    S4 risk "days": the engine takes the host's zone for its own; our times stay UTC.
    """
    with spanledger_up(tmp_path, TZ="Asia/Kolkata") as up:
        deliver(up, 1, 2, 3)
        up.process.send_signal(number)
        up.process.wait(timeout=90)

    with spanledger_up(tmp_path, TZ="America/St_Johns") as up:
        deliver(up, 3, 4)

        assert total(up) == (4, "0.026")
        assert start_times(up) == {"2026-11-01T12:00:00.123456Z"}


def test_a_damaged_key_file_ends_the_start(tmp_path: Path) -> None:
    """A damaged key file, like a damaged anything, ends the start with one sentence."""
    data = tmp_path / "spanledger-data"
    data.mkdir()
    (data / "keys.json").write_text("{")

    failed = run_spanledger(
        "up", "--port", "0", "--otlp-http-port", "0", cwd=tmp_path, SPANLEDGER_ADMIN_KEY=""
    )

    assert failed.returncode == 1
    assert "keys.json" in failed.stderr
    assert len(failed.stderr.splitlines()) == 1


def test_rates_are_read_at_the_start(tmp_path: Path) -> None:
    """S3.6: `exchange_rates_file` is what costs are converted by; estimates need nothing set."""
    (tmp_path / "rates.yaml").write_text(
        "rates: [{currency: cny, per_usd: 7.1, from: 2026-01-01, source: us}]"
    )
    with spanledger_up(tmp_path, SPANLEDGER_EXCHANGE_RATES_FILE="rates.yaml") as up:
        deliver(up, 1)
        up.settle()
        page = httpx.get(
            f"{up.api_url}/v1/costs",
            params={"bucket_width": "total", "currency": "cny"},
            headers=ADMIN,
            trust_env=False,
        ).json()
        estimated = httpx.post(
            f"{up.api_url}/v1/estimate",
            json={"model": "gpt-4o", "text": "hello"},
            headers=ADMIN,
            trust_env=False,
        ).json()

    (bucket,) = page["data"]
    assert bucket["results"][0]["amount"] == {"value": "0.04615", "currency": "cny"}  # of 0.0065
    assert bucket["exchange_rate"]["date"] == "2026-01-01"
    assert estimated["cost"]["low"] == "0.0000025"


def test_broken_rates_end_the_start(tmp_path: Path) -> None:
    """S3.6: a file of rates that cannot be used is named with its line and the reason."""
    (tmp_path / "rates.yaml").write_text(
        "rates:\n- {currency: cny, per_usd: -7, from: 2026-01-01, source: us}"
    )
    failed = run_spanledger(
        *("up", "--port", "0", "--otlp-http-port", "0"),
        cwd=tmp_path,
        SPANLEDGER_EXCHANGE_RATES_FILE="rates.yaml",
    )

    assert failed.returncode == 1
    assert "rates.yaml, line 2: per_usd is '-7'" in failed.stderr
    assert len(failed.stderr.splitlines()) == 1
