"""The sender delivers in the end, whatever happens meanwhile, and holds nobody up."""

import logging
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)

from spanledger.instrumentation.losses import losses
from spanledger.instrumentation.sender import BATCH_RECORDS, Pace, Sender
from spanledger.instrumentation.spool import Spool
from spanledger.settings import OtlpTarget
from tests.instrumentation.programs import run
from tests.instrumentation.provider import Provider, Reply
from tests.instrumentation.spans import payload, resource
from tests.weather import black_hole

ROOM = 64 * 1024 * 1024
FAST = Pace(
    tick_s=0.005, retry_first_s=0.01, retry_max_s=0.02, later_s=0.02, adopt_s=0.02, exit_s=5
)
NEVER = Pace(tick_s=3600, retry_first_s=3600, retry_max_s=3600, later_s=3600, exit_s=0.1)
SHOP = resource("shop")


class Senders:
    """Makes senders to a collector, and closes them."""

    def __init__(self, stack: ExitStack, directory: Path) -> None:
        self.directory = directory
        self._stack = stack

    def make(self, url: str, pace: Pace = FAST, *, memory: bool = False) -> Sender:
        """One over a spool in the directory, or in memory."""
        spool = Spool(None if memory else self.directory, ROOM)
        sender = Sender(spool, OtlpTarget(url=f"{url}/v1/traces", timeout_s=0.5), pace)
        self._stack.callback(sender.close)
        return sender


@pytest.fixture
def senders(tmp_path: Path) -> Iterator[Senders]:
    """Senders that end with the test."""
    with ExitStack() as stack:
        yield Senders(stack, tmp_path / "spool")


def delivered(collector: Provider) -> list[str]:
    """The message ids of what came, request by request."""
    return [
        pair.value.string_value
        for _, _, body in collector.requests
        for of_resource in ExportTraceServiceRequest.FromString(body).resource_spans
        for scope in of_resource.scope_spans
        for span in scope.spans
        for pair in span.attributes
        if pair.key == "spanledger.message.id"
    ]


def flush(sender: Sender) -> None:
    """Until everything is delivered."""
    assert any(sender.flush(10) for _ in range(1000))


def test_records_leave_by_themselves(provider: Provider, senders: Senders) -> None:
    """Nobody has to flush; those of one tick leave together."""
    sender = senders.make(provider.url)
    arrived = threading.Event()

    sender.record(SHOP, payload(1))
    while not provider.requests:
        arrived.wait(0.005)
    flush(sender)

    assert delivered(provider) == ["1"]


def test_a_flush_does_not_wait_for_the_tick(provider: Provider, senders: Senders) -> None:
    """The demo's first cost is there at once."""
    sender = senders.make(provider.url, NEVER)
    sender.record(SHOP, payload(1))

    assert sender.flush(30)
    assert delivered(provider) == ["1"]


def test_closing_hands_over_without_waiting_for_the_tick(
    provider: Provider, senders: Senders
) -> None:
    """S4.1: a script of one call has delivered it when it ends."""
    sender = senders.make(provider.url, Pace(tick_s=3600, exit_s=30))
    sender.record(SHOP, payload(1))
    sender.close()

    assert delivered(provider) == ["1"]
    assert not senders.directory.exists()


@pytest.mark.parametrize("memory", [False, True])
@pytest.mark.parametrize("status", [401, 404, 429, 500, 503])
def test_it_tries_again_until_it_succeeds(
    provider: Provider, senders: Senders, status: int, *, memory: bool
) -> None:
    """What may get well is waited for, from memory as from the spool, and comes once."""
    provider.answer_with(*[Reply(status=status)] * 5, Reply())
    sender = senders.make(provider.url, memory=memory)
    for number in range(3):
        sender.record(SHOP, payload(number))
    while len(provider.requests) < 6:
        sender.flush(10)
    bodies = [body for _, _, body in provider.requests[:5]]
    provider.requests[:5] = []
    flush(sender)

    assert sorted(delivered(provider)) == ["0", "1", "2"]
    assert len(bodies) == 5


def test_what_the_collector_refuses_is_given_up_and_counted(
    provider: Provider, senders: Senders
) -> None:
    """A batch that can never be accepted does not stand in the way of the next."""
    kind = "the collector refused them"
    before = losses().get(kind, 0)
    provider.answer_with(Reply(status=400), Reply())
    sender = senders.make(provider.url, NEVER)
    sender.record(SHOP, payload(1))
    flush(sender)
    sender.record(SHOP, payload(2))
    flush(sender)

    assert losses()[kind] - before == 1
    assert delivered(provider) == ["1", "2"]


def test_what_the_collector_rejects_in_part_is_counted(
    provider: Provider, senders: Senders
) -> None:
    """A partial success is not sent again, as OTLP has it."""
    kind = "the collector rejected them"
    before = losses().get(kind, 0)
    answer = ExportTraceServiceResponse()
    answer.partial_success.rejected_spans = 1
    provider.answer_with(Reply(answer.SerializeToString(), content_type="application/x-protobuf"))
    sender = senders.make(provider.url, NEVER)
    sender.record(SHOP, payload(1))
    flush(sender)

    assert losses()[kind] - before == 1
    assert len(provider.requests) == 1


def test_a_batch_that_is_too_large_is_halved(provider: Provider, senders: Senders) -> None:
    """Down to single spans where it must be."""
    sender = senders.make(provider.url, NEVER)
    for number in range(4):
        sender.record(SHOP, payload(number))
    provider.answer_with(Reply(status=413), Reply(status=413), Reply())
    flush(sender)
    provider.requests[:2] = []

    assert sorted(delivered(provider)) == ["0", "1", "2", "3"]


def test_large_backlogs_go_in_batches(provider: Provider, senders: Senders) -> None:
    """The collector's bound on bodies is never met."""
    sender = senders.make(provider.url, NEVER)
    one = payload(1)
    for _ in range(BATCH_RECORDS + 1):
        sender.record(SHOP, one)
    flush(sender)

    assert len(provider.requests) == 2


def test_retry_after_is_honoured(provider: Provider, senders: Senders) -> None:
    """A collector that asks for an hour is not asked again in the same minute, nor at the end."""
    provider.answer_with(Reply(status=503, headers={"retry-after": "3600"}))
    sender = senders.make(provider.url)
    sender.record(SHOP, payload(1))
    while not provider.requests:
        sender.flush(10)
    sender.close()

    assert len(provider.requests) == 1
    assert len(list(senders.directory.iterdir())) == 1


def test_the_end_waits_no_longer_than_it_may(senders: Senders) -> None:
    """A collector that hangs gets its moment; the rest is the next process's, and once only."""
    listener, url = black_hole()
    with listener:
        sender = senders.make(url, NEVER)
        sender.record(SHOP, payload(1))
        closing = threading.Thread(target=sender.close)
        closing.start()
        closing.join(10)
        assert not closing.is_alive()
    left = list(senders.directory.iterdir())

    assert len(left) == 1


def test_the_next_sender_delivers_what_an_earlier_one_left(
    provider: Provider, senders: Senders
) -> None:
    """Under the name of the service that made it."""
    earlier = senders.make("http://127.0.0.1:1")
    earlier.record(resource("earlier"), payload(1))
    earlier.close()
    sender = senders.make(provider.url)
    sender.record(SHOP, payload(2))
    while len(delivered(provider)) < 2:
        flush(sender)
    services = {
        pair.value.string_value
        for _, _, body in provider.requests
        for of_resource in ExportTraceServiceRequest.FromString(body).resource_spans
        for pair in of_resource.resource.attributes
        if pair.key == "service.name"
    }

    assert sorted(delivered(provider)) == ["1", "2"]
    assert services == {"earlier", "shop"}


def test_an_outage_is_said_once(
    provider: Provider, senders: Senders, caplog: pytest.LogCaptureFixture
) -> None:
    """One warning for an outage, without the address or the key, and a word when it is over."""
    provider.answer_with(*[Reply(status=500)] * 9, Reply())
    sender = senders.make(provider.url)
    with caplog.at_level(logging.INFO, "spanledger"):
        sender.record(SHOP, payload(1))
        while len(provider.requests) < 10:
            sender.flush(10)
        flush(sender)
    said = [record.getMessage() for record in caplog.records]

    assert [line for line in said if "wait" in line] == [
        "spans wait, they cannot be delivered: the collector answered 500"
    ]
    assert said[-1] == "the collector can be reached again"


def test_after_a_fork_each_half_sends_its_own(provider: Provider) -> None:
    """S4.4: a preforking server loses nothing and delivers nothing twice."""
    run(
        """
import os, spanledger.auto, httpx2
answer = {"usage": {"prompt_tokens": 7}}
transport = httpx2.MockTransport(lambda request: httpx2.Response(200, json=answer))
def call(number):
    with spanledger.attribute(message_id=number), httpx2.Client(transport=transport) as client:
        client.post("http://provider/v1/chat/completions", json={"model": "gpt-4o"})
call("before")
child = os.fork()
for number in range(20):
    call(("child-" if child == 0 else "parent-") + str(number))
spanledger.uninstrument()
if child:
    _, status = os.waitpid(child, 0)
    assert status == 0
else:
    os._exit(0)
""",
        OTEL_EXPORTER_OTLP_ENDPOINT=provider.url,
        PYTHONWARNINGS="ignore::DeprecationWarning",
    )
    expected = {f"{half}-{number}" for half in ("child", "parent") for number in range(20)}

    assert sorted(delivered(provider)) == sorted({"before", *expected})


def test_a_child_that_ends_abruptly_leaves_its_records_to_the_parent(provider: Provider) -> None:
    """`os._exit`, as multiprocessing ends its children, runs no exit handler."""
    run(
        """
import os, spanledger.auto, httpx2
answer = {"usage": {"prompt_tokens": 7}}
transport = httpx2.MockTransport(lambda request: httpx2.Response(200, json=answer))
def call(number):
    with spanledger.attribute(message_id=number), httpx2.Client(transport=transport) as client:
        client.post("http://provider/v1/chat/completions", json={"model": "gpt-4o"})
if not (child := os.fork()):
    call("child")
    os._exit(0)
os.waitpid(child, 0)
call("parent")
""",
        OTEL_EXPORTER_OTLP_ENDPOINT=provider.url,
    )
    assert sorted(delivered(provider)) == ["child", "parent"]
