"""Whether spans arrive is tried with the very request that brings them."""

import pytest

from spanledger.doctor.finding import Finding
from spanledger.doctor.target import check_target
from spanledger.settings import OtlpTarget, otlp_target
from spanledger.storage.keys import KeyRing
from tests.instrumentation.provider import Provider, Reply
from tests.weather import Collector


def examined(url: str, key: str = "") -> dict[str, Finding]:
    """What is found at a collector's address, by what was looked at."""
    headers = {"authorization": f"Bearer {key}"} if key else {}
    target = OtlpTarget(url=f"{url}/v1/traces", headers=headers)
    return {finding.check: finding for finding in check_target(target)}


def test_nobody_there(collector: Collector) -> None:
    """It is said what to start and what to set, and that spans are safe meanwhile."""
    found = examined(collector.url)
    assert found["collector.health"].standing == "attention"
    assert collector.url in found["collector.health"].says
    assert "spanledger up" in found["collector.health"].advice
    assert "collector.delivery" not in found


def test_a_collector_without_keys(collector: Collector) -> None:
    """On loopback none is needed until there is one."""
    with collector.up():
        found = examined(collector.url)
    assert {finding.standing for finding in found.values()} == {"ok"}
    assert collector.calls == []


def test_keys(collector: Collector) -> None:
    """None, a wrong one, one that may only look, a good one: each is told what it needs."""
    ring = KeyRing(collector.keys)
    _, good = ring.create("shop", "ingest")
    _, viewer = ring.create("grafana", "viewer")
    with collector.up():
        none, wrong = examined(collector.url), examined(collector.url, "sl_ingest_canary")
        poor, fine = examined(collector.url, viewer), examined(collector.url, good)
    for found in (none, wrong, poor):
        assert found["collector.health"].standing == "ok"
        assert found["collector.delivery"].standing == "attention"
        assert "canary" not in str(found)
    assert "401" in none["collector.delivery"].says
    assert "spanledger keys create" in none["collector.delivery"].advice
    assert "not known" in wrong["collector.delivery"].advice
    assert "role ingest" in poor["collector.delivery"].advice
    assert fine["collector.delivery"].standing == "ok"
    assert good not in str(fine)


def test_somebody_elses_collector(provider: Provider) -> None:
    """One that takes the delivery is in order; it may hand it on."""
    provider.answer_with(Reply(b"not found", status=404), Reply(b""))
    found = examined(provider.url)
    assert found["collector.health"].standing == "note"
    assert found["collector.delivery"].standing == "ok"


@pytest.mark.parametrize(
    ("reply", "advice"),
    [
        (Reply(b"", status=404), "has no /v1/traces"),
        (Reply(b"", status=503), "log"),
        (Reply(b"<html>", content_type="text/html"), "log"),
    ],
)
def test_other_answers(provider: Provider, reply: Reply, advice: str) -> None:
    """What is no delivery is told apart from one."""
    provider.answer_with(Reply(b"[]"), reply)
    found = examined(provider.url)
    assert found["collector.health"].standing == "note"
    assert advice in found["collector.delivery"].advice


def test_addresses(collector: Collector, monkeypatch: pytest.MonkeyPatch) -> None:
    """The gRPC port and protocol are a common mistake; what may be a key is not shown."""
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_HEADERS", "x-key=canary")
    host = collector.url.removeprefix("http://")
    url = f"http://me:canary@{host}/v1/traces?key=canary"
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", url)
    found = {finding.check: finding for finding in check_target(otlp_target())}
    assert found["collector.address"].says == (
        f"Spans go to {collector.url}/v1/traces, by OTEL_EXPORTER_OTLP_HEADERS,"
        " OTEL_EXPORTER_OTLP_PROTOCOL, OTEL_EXPORTER_OTLP_TRACES_ENDPOINT, with x-key."
    )
    assert found["collector.protocol"].standing == "note"
    assert "canary" not in str(found)


def test_an_address_that_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is said by which variable it came, and not repeated."""
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://[canary")
    (finding,) = check_target(otlp_target())
    assert finding.check == "collector.address"
    assert finding.standing == "attention"
    assert "OTEL_EXPORTER_OTLP_ENDPOINT" in finding.says
    assert "canary" not in str(finding)


@pytest.mark.parametrize("url", ["http://127.0.0.1:4317", "http://127.0.0.1:99999", "ftp://x", ""])
def test_impossible_addresses(url: str) -> None:
    """They are said to be wrong, and nothing breaks."""
    found = examined(url)
    assert found["collector.health"].standing == "attention"
    assert ("collector.port" in found) is url.endswith("4317")
