"""What an answer of the collector means, and what a request to it carries."""

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse

from spanledger.instrumentation.delivery import Delivery, judge
from spanledger.instrumentation.records import Record, read_record
from spanledger.settings import OtlpTarget
from tests.instrumentation.provider import Provider, Reply
from tests.instrumentation.spans import payload
from tests.weather import black_hole, reserved

PROTOBUF = {"content-type": "application/x-protobuf"}


def one_record() -> list[Record]:
    """A batch of one."""
    record = read_record(payload())
    assert record is not None
    return [record]


@pytest.mark.parametrize(
    ("status", "meaning"),
    [
        (200, "accepted"),
        (202, "accepted"),
        (301, "later"),
        (308, "later"),
        (400, "refused"),
        (401, "later"),
        (403, "later"),
        (404, "later"),
        (408, "again"),
        (413, "split"),
        (415, "refused"),
        (429, "again"),
        (500, "again"),
        (503, "again"),
    ],
)
def test_each_status_has_its_meaning(status: int, meaning: str) -> None:
    """What a person must mend waits long, what mends itself briefly, what cannot is given up."""
    assert judge(status, {}, b"").meaning == meaning


def test_a_date_says_when_to_come_again() -> None:
    """`Retry-After` has two forms, and nonsense is none."""
    later = format_datetime(datetime.now(UTC) + timedelta(seconds=100), usegmt=True)
    after = judge(503, {"retry-after": later}, b"").after_s

    assert after is not None
    assert 90 < after <= 100
    assert judge(429, {"retry-after": "7"}, b"").after_s == 7
    assert judge(503, {"retry-after": "soon"}, b"").after_s is None
    assert judge(503, {"retry-after": "Mon, 01 Jan 2001 00:00:00 GMT"}, b"").after_s == 0


def test_a_partial_success_is_accepted_and_told() -> None:
    """The specification forbids to send it again."""
    answer = ExportTraceServiceResponse()
    answer.partial_success.rejected_spans = 2
    verdict = judge(200, PROTOBUF, answer.SerializeToString())

    assert (verdict.meaning, verdict.rejected) == ("accepted", 2)
    assert judge(200, PROTOBUF, b"\xff").meaning == "accepted"


def test_a_web_page_is_no_collector() -> None:
    """A portal that answers 200 to everything has not stored anything."""
    assert judge(200, {"content-type": "text/html; charset=utf-8"}, b"<html>").meaning == "later"


def test_a_request_carries_the_headers_of_the_variables(
    provider: Provider, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The key of the variables, and no password out of somebody's .netrc."""
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login canary password canary\n")
    monkeypatch.setenv("NETRC", str(netrc))
    target = OtlpTarget(url=f"{provider.url}/v1/traces", headers={"authorization": "Bearer key"})
    delivery = Delivery(target)
    verdict = delivery.post({"service.name": "shop"}, one_record())
    delivery.close()
    ((path, headers, body),) = provider.requests
    sent = {name.lower(): value for name, value in headers.items()}

    assert verdict.meaning == "accepted"
    assert path == "/v1/traces"
    assert sent["authorization"] == "Bearer key"
    assert sent["content-type"] == "application/x-protobuf"
    assert b"shop" in body


def test_a_redirect_is_not_followed(provider: Provider) -> None:
    """Spans go where the app was told to send them, and nowhere else."""
    provider.answer_with(Reply(status=307, headers={"location": f"{provider.url}/elsewhere"}))
    delivery = Delivery(OtlpTarget(url=f"{provider.url}/v1/traces"))

    assert delivery.post({}, one_record()).meaning == "later"
    assert [path for path, _, _ in provider.requests] == ["/v1/traces"]
    delivery.close()


@pytest.mark.parametrize(
    "target",
    [
        OtlpTarget(url="nonsense"),
        OtlpTarget(url="http://[::1"),
        OtlpTarget(url="https://127.0.0.1:1/v1/traces", certificate="/no/such/file"),
        OtlpTarget(url="http://127.0.0.1:1", headers={"name": "lin\ne"}),
        OtlpTarget(url="http://127.0.0.1:1", client_certificate="/no", client_key="/no"),
    ],
)
def test_what_cannot_be_sent_is_unreachable(target: OtlpTarget) -> None:
    """Whatever the variables say, the sender goes on and the spool keeps what it has."""
    delivery = Delivery(target)

    assert delivery.post({}, one_record()).meaning == "unreachable"
    delivery.close()


def test_a_request_ends_in_time() -> None:
    """A collector that does not answer costs the timeout, or less where there is less time."""
    listener, url = black_hole()
    with listener:
        delivery = Delivery(OtlpTarget(url=url, timeout_s=60))

        assert delivery.post({}, one_record(), timeout_s=0.1).meaning == "unreachable"
        delivery.close()


def test_nobody_listening_is_unreachable() -> None:
    """The collector is down, or not there yet."""
    with reserved() as url:
        delivery = Delivery(OtlpTarget(url=url))

        assert delivery.post({}, one_record()).meaning == "unreachable"
        delivery.close()


def test_the_collector_can_be_asked(provider: Provider) -> None:
    """A GET goes out as a delivery does, and its answer is not read beyond a bound."""
    provider.answer_with(Reply(b"x" * 1_000_000, status=418))
    delivery = Delivery(OtlpTarget(url=provider.url, headers={"authorization": "Bearer k"}))
    status, body = delivery.ask(f"{provider.url}/health")
    delivery.close()
    assert status == 418
    assert 0 < len(body) <= 64 * 1024
    ((path, headers, _),) = provider.requests
    assert path == "/health"
    assert headers["authorization"] == "Bearer k"


def test_nobody_to_be_asked() -> None:
    """Whatever stands in the way is an `OSError` or a `ValueError`."""
    with reserved() as url:
        delivery = Delivery(OtlpTarget(url=url))
        with pytest.raises(ConnectionError):
            delivery.ask(f"{url}/health")
        with pytest.raises(ValueError, match="scheme"):
            delivery.ask("ftp://127.0.0.1/health")
        delivery.close()
