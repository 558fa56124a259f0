"""What the OTLP/HTTP port answers: to spans, to rubbish, and to strangers."""

import gzip
import logging
import socket
import threading
import zlib
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from decimal import Decimal

import httpx
import pytest
from google.rpc.status_pb2 import Status
from opentelemetry.exporter.otlp.proto.http import Compression
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.proto.trace.v1.trace_pb2 import Span
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor

from spanledger.collector.limits import Limits
from spanledger.pricing.cost import Cost
from spanledger.storage.keys import KeyRing
from spanledger.storage.memory import MemoryStore
from spanledger.storage.query import CostQuery, CostTable, Selection
from spanledger.storage.row import CostRow
from tests.collector.failing import FailingStore
from tests.collector.spans import CHAT, build_body, build_span, json_body, json_span

PROTOBUF = {"content-type": "application/x-protobuf"}


def post(client: httpx.Client, body: bytes, **headers: str) -> httpx.Response:
    """Deliver `body` as an exporter would."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return client.post("/v1/traces", content=body, headers={**PROTOBUF, **named})


def stored(store: MemoryStore, project: str = "default") -> Sequence[CostRow]:
    """Everything that a project's store holds."""
    return store.calls(Selection(project=project), limit=1000)


def test_a_span_is_priced_and_stored_when_it_is_acknowledged(
    client: httpx.Client, store: MemoryStore
) -> None:
    """S4.2, S4.6: the row stands, with its cost, as soon as the sender has its answer."""
    answer = post(client, build_body(build_span()))

    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/x-protobuf"
    assert ExportTraceServiceResponse.FromString(answer.content) == ExportTraceServiceResponse()
    (row,) = stored(store)
    assert isinstance(row.cost, Cost)
    assert row.cost.amount == Decimal("0.0065")
    assert row.call.call_id == "0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331"
    assert row.call.service == "shop"


def test_the_stock_exporter_delivers(client: httpx.Client, store: MemoryStore) -> None:
    """The other side of the wire is the OpenTelemetry SDK's own exporter, gzip included."""
    exporter = OTLPSpanExporter(
        str(client.base_url.join("/v1/traces")), compression=Compression.Gzip
    )
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))

    with provider.get_tracer("app").start_as_current_span("chat", attributes=dict(CHAT)):
        pass
    provider.shutdown()

    (row,) = stored(store)
    assert row.call.user_id == "ada"


@pytest.mark.parametrize(
    ("encoding", "pack"),
    [("gzip", gzip.compress), ("deflate", zlib.compress), ("identity", bytes)],
)
def test_compressed_bodies_are_read(
    client: httpx.Client, store: MemoryStore, encoding: str, pack: Callable[[bytes], bytes]
) -> None:
    """What exporters may send compressed arrives the same."""
    assert post(client, pack(build_body(build_span())), content_encoding=encoding).is_success
    assert len(stored(store)) == 1


def test_the_same_span_twice_counts_once(client: httpx.Client, store: MemoryStore) -> None:
    """Promise 2: a sender that missed our answer sends again, and nothing is doubled."""
    body = build_body(build_span())

    assert post(client, body).is_success
    assert post(client, body).is_success

    assert len(stored(store)) == 1


def test_spans_that_are_no_model_calls_are_left_out(
    client: httpx.Client, store: MemoryStore
) -> None:
    """Web requests, agents' steps and spans that one of ours lies beneath cost nothing."""
    spans = [
        build_span({"http.request.method": "GET"}),
        build_span({**CHAT, "gen_ai.operation.name": "invoke_agent"}),
        build_span({**CHAT, "spanledger.covered": True}),
    ]

    assert post(client, build_body(*spans)).is_success
    assert post(client, b"").is_success
    assert stored(store) == []


def test_broken_spans_are_refused_and_the_others_kept(
    client: httpx.Client, store: MemoryStore
) -> None:
    """A partial success says how many; the sender need not send the sound ones again."""
    body = build_body(
        build_span(),
        build_span(trace_id=b"short"),
        build_span(span_id=bytes(8)),
        build_span(start_time_unix_nano=0),
        build_span(start_time_unix_nano=2**63),
    )

    answer = post(client, body)

    partial = ExportTraceServiceResponse.FromString(answer.content).partial_success
    assert answer.status_code == 200
    assert partial.rejected_spans == 4
    assert partial.error_message
    assert len(stored(store)) == 1


@pytest.mark.parametrize(
    ("status", "body", "headers", "says"),
    [
        (400, b"\xff\xff rubbish", {}, "not an OTLP trace export request"),
        (400, b"no gzip", {"content_encoding": "gzip"}, "not valid gzip"),
        (
            400,
            gzip.compress(b"a" * 99, mtime=0)[:-9],
            {"content_encoding": "gzip"},
            "ends too early",
        ),
        (413, b"a" * 100_001, {}, "larger than 100000 bytes"),
        (
            413,
            gzip.compress(b"a" * 10**8, mtime=0),
            {"content_encoding": "gzip"},
            "larger than 100000",
        ),
        (415, b"{}", {"content_type": "application/yaml"}, "'application/yaml' is not supported"),
        (415, b"", {"content_encoding": "snappy"}, "'snappy' is not supported"),
        (401, b"", {"authorization": "Bearer sl_ingest_wrong"}, "an ingest key is needed"),
        (401, b"", {"authorization": "Basic c2w6c2w="}, "an ingest key is needed"),
    ],
)
def test_bad_requests_get_their_status_and_one_log_line(
    client: httpx.Client,
    store: MemoryStore,
    caplog: pytest.LogCaptureFixture,
    status: int,
    body: bytes,
    headers: dict[str, str],
    says: str,
) -> None:
    """Each malformed request is answered as OTLP asks, logged once, and stores nothing."""
    with caplog.at_level(logging.WARNING):
        answer = post(client, body, **headers)

    assert answer.status_code == status
    assert says in Status.FromString(answer.content).message
    assert len([record for record in caplog.records if record.name.startswith("spanledger")]) == 1
    assert stored(store) == []


def test_keys_decide_who_delivers_and_where(
    client: httpx.Client, keys: KeyRing, store: MemoryStore
) -> None:
    """S2.7: once an ingest key exists every delivery needs one; the project is the key's."""
    body = build_body(build_span())
    _, viewer = keys.create("grafana", "viewer")
    assert post(client, body).status_code == 200  # a viewer key does not close the door

    _, ingest = keys.create("shop", "ingest", "acme")

    assert post(client, body).status_code == 401
    refused = post(client, body, authorization=f"Bearer {viewer}")
    assert refused.status_code == 403
    assert "may not ingest" in Status.FromString(refused.content).message
    assert post(client, body, authorization=f"Bearer {ingest}").status_code == 200
    assert post(client, body, authorization="Bearer sl_admin_from_settings").status_code == 200
    assert len(stored(store, "acme")) == 1


def test_beyond_loopback_a_key_is_always_needed(
    receive: Callable[..., httpx.Client], store: MemoryStore
) -> None:
    """Default deny: an address that others reach takes nothing from strangers."""
    answer = post(receive(store, open_without_key=False), build_body(build_span()))

    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == "Bearer"


def test_a_damaged_key_file_lets_nobody_in(
    client: httpx.Client, keys: KeyRing, store: MemoryStore
) -> None:
    """Who may deliver cannot be known, so nothing is taken, and the sender tries again."""
    keys.create("shop", "ingest")
    keys._path.write_text("{")

    assert post(client, build_body(build_span())).status_code == 503
    assert stored(store) == []


def test_nothing_is_acknowledged_that_was_not_stored(
    receive: Callable[..., httpx.Client],
) -> None:
    """Promise 2: while the store fails the sender hears 503 with Retry-After, never 200."""
    store = FailingStore()
    client = receive(store)
    body = build_body(build_span())

    refused = post(client, body)
    store.mended.set()
    accepted = post(client, body)

    assert (refused.status_code, refused.headers["retry-after"]) == (503, "1")
    assert accepted.status_code == 200
    assert len(stored(store)) == 1


def test_health_needs_no_key(client: httpx.Client) -> None:
    """Probes ask before anybody has a key."""
    assert client.get("/health").json()["status"] == "ok"


def test_costs_of_what_was_delivered(client: httpx.Client, store: MemoryStore) -> None:
    """Many spans in many requests add up exactly."""
    bodies = [
        build_body(*(build_span(span_id=(n * 10 + m + 1).to_bytes(8)) for m in range(10)))
        for n in range(20)
    ]
    threads = [threading.Thread(target=post, args=(client, body)) for body in bodies]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    table: CostTable = store.costs(CostQuery(where=Selection(project="default")))

    assert table.results[0].calls == 200
    assert table.results[0].amount == Decimal("0.0065") * 200


def test_json_is_taken_and_answered_in_json(client: httpx.Client, store: MemoryStore) -> None:
    """Ids are hex; what was refused is named in the request's format."""
    answer = post(
        client,
        gzip.compress(json_body(json_span(), json_span(traceId="7"))),
        content_type="application/json; charset=utf-8",
        content_encoding="gzip",
    )
    wrong = post(client, b"{", content_type="application/json")

    assert answer.headers["content-type"] == "application/json"
    assert answer.json()["partialSuccess"]["rejectedSpans"] == "1"
    (row,) = stored(store)
    assert row.call.call_id == "0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331"
    assert (wrong.status_code, wrong.headers["content-type"]) == (400, "application/json")
    assert "not an OTLP trace export request" in wrong.json()["message"]


def test_a_tool_that_speaks_to_langfuse_changes_a_url_only(
    client: httpx.Client, keys: KeyRing, store: MemoryStore
) -> None:
    """Its path, its Basic auth with our key as the secret one, its headers, its probe."""
    _, secret = keys.create("librechat", "ingest", "chat")
    url = "/api/public/otel/v1/traces"
    headers = {**PROTOBUF, "x-langfuse-ingestion-version": "4"}

    answer = client.post(
        url, content=build_body(build_span()), headers=headers, auth=("pk-lf-1", secret)
    )

    assert answer.status_code == 200
    assert len(stored(store, "chat")) == 1
    assert client.post(url, content=b"", headers=headers).status_code == 401
    assert client.post(url, content=b"", headers=headers, auth=(secret, "x")).status_code == 401
    assert client.get("/api/public/health").json()["status"] == "OK"


def test_a_request_with_too_many_spans_is_too_large(
    receive: Callable[..., httpx.Client], store: MemoryStore
) -> None:
    """Empty spans are small, and there may be many of them in a body."""
    body = ExportTraceServiceRequest()
    body.resource_spans.add().scope_spans.add().spans.extend([Span()] * 50_001)
    answer = post(receive(store), gzip.compress(body.SerializeToString()), content_encoding="gzip")

    assert answer.status_code == 413


def test_slow_bodies_are_ended_while_others_are_taken(
    receive: Callable[..., httpx.Client], store: MemoryStore
) -> None:
    """R13: two hundred senders that say they send more each get 408; an honest one is taken."""
    limits = Limits(body_grace_seconds=0.5, body_seconds_max=0.5)
    client = receive(store, limits=limits)
    address = (client.base_url.host, client.base_url.port or 0)
    head = (
        b"POST /v1/traces HTTP/1.1\r\nHost: a\r\nContent-Type: application/x-protobuf\r\n"
        b"Content-Length: 1000\r\n\r\nab"
    )
    with ExitStack() as stack:
        slow = [
            stack.enter_context(socket.create_connection(address, timeout=30)) for _ in range(200)
        ]
        for connection in slow:
            connection.sendall(head)
        honest = post(client, build_body(build_span()))
        answers = [read_to_end(connection) for connection in slow]

    assert honest.status_code == 200
    assert {answer.split(b"\r\n")[0] for answer in answers} == {b"HTTP/1.1 408 Request Timeout"}


def read_to_end(connection: socket.socket) -> bytes:
    """All that comes until the other side closes."""
    answer = bytearray()
    while chunk := connection.recv(65_536):
        answer += chunk
    return bytes(answer)


def test_what_all_bodies_hold_is_bounded(
    receive: Callable[..., httpx.Client], store: MemoryStore
) -> None:
    """Beyond it senders come back later."""
    client = receive(store, limits=Limits(held_bytes_max=20))

    answer = post(client, build_body(build_span()))

    assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
