"""What the OTLP/gRPC port answers, to the stock exporter and to raw messages."""

import gzip
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any, cast

import grpc
import pytest
from google.rpc.error_details_pb2 import RetryInfo
from google.rpc.status_pb2 import Status
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor

from spanledger.collector.admission import Admission
from spanledger.collector.grpc_receiver import SERVICE, grpc_serving
from spanledger.collector.pipeline import Pipeline
from spanledger.errors import SettingsError
from spanledger.server import utc_now
from spanledger.storage.keys import KeyRing
from spanledger.storage.memory import MemoryStore
from spanledger.storage.query import Selection
from tests.collector.conftest import BODY_BYTES_MAX, BOOK
from tests.collector.failing import FailingStore
from tests.collector.spans import CHAT, build_body, build_span
from tests.intake import DirectIntake

Export = Callable[..., bytes]


@pytest.fixture
def serve_grpc(keys: KeyRing) -> Iterator[Callable[[MemoryStore], int]]:
    """Starts a receiver over a store and gives its port."""
    with ExitStack() as stack:

        def start(store: MemoryStore) -> int:
            pipeline = stack.enter_context(Pipeline(store, lambda: BOOK, utc_now))
            admission = Admission(
                intake=DirectIntake(pipeline, BODY_BYTES_MAX),
                keys=keys,
                open_without_key=True,
                body_bytes_max=BODY_BYTES_MAX,
                clock=utc_now,
            )
            url = stack.enter_context(grpc_serving(admission, "127.0.0.1", 0))
            return int(url.rpartition(":")[2])

        yield start


@pytest.fixture
def port(serve_grpc: Callable[[MemoryStore], int], store: MemoryStore) -> int:
    """The port of a receiver over the memory store."""
    return serve_grpc(store)


@pytest.fixture
def call() -> Iterator[Callable[[int], Export]]:
    """The method of the service on a port, over bytes."""
    with ExitStack() as stack:

        def method(port: int) -> Export:
            options = [("grpc.enable_http_proxy", 0)]
            channel = stack.enter_context(
                grpc.insecure_channel(f"127.0.0.1:{port}", options=options)
            )
            return cast("Export", channel.unary_unary(f"/{SERVICE}/Export"))

        yield method


def refusal(export: Export, body: bytes, **options: object) -> grpc.RpcError:
    """The error of a request that must not be accepted."""
    with pytest.raises(grpc.RpcError) as raised:
        export(body, timeout=20, **options)
    return raised.value


def stored(store: MemoryStore, project: str = "default") -> int:
    """How many calls a project has."""
    return len(store.calls(Selection(project=project), limit=1000))


@pytest.mark.parametrize("compression", list(grpc.Compression))
def test_the_stock_exporter_delivers(
    port: int, store: MemoryStore, compression: grpc.Compression
) -> None:
    """The other side of the wire is OpenTelemetry's own exporter, compressed or not."""
    exporter = OTLPSpanExporter(
        f"http://127.0.0.1:{port}",
        insecure=True,
        compression=compression,
        channel_options=(("grpc.enable_http_proxy", "0"),),
    )
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))

    with provider.get_tracer("app").start_as_current_span("chat", attributes=dict(CHAT)):
        pass
    provider.shutdown()

    assert stored(store) == 1


def test_refused_spans_are_named(port: int, call: Callable[[int], Export]) -> None:
    """The sound ones are kept; the sender hears how many were not, and why."""
    answer = call(port)(build_body(build_span(), build_span(span_id=b"short")), timeout=20)

    partial = ExportTraceServiceResponse.FromString(answer).partial_success
    assert partial.rejected_spans == 1
    assert "broken ids or times" in partial.error_message


def test_keys_decide_who_delivers_and_where(
    port: int, call: Callable[[int], Export], keys: KeyRing, store: MemoryStore
) -> None:
    """Default deny as on the HTTP port; the key comes in the metadata."""
    body, export = build_body(build_span()), call(port)
    _, viewer = keys.create("grafana", "viewer")
    _, ingest = keys.create("shop", "ingest", "acme")

    assert refusal(export, body).code() is grpc.StatusCode.UNAUTHENTICATED
    denied = refusal(export, body, metadata=[("authorization", f"Bearer {viewer}")])
    assert denied.code() is grpc.StatusCode.PERMISSION_DENIED
    export(body, metadata=[("authorization", f"Bearer {ingest}")], timeout=20)
    assert (stored(store), stored(store, "acme")) == (0, 1)


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"\xff\xff rubbish", grpc.StatusCode.INVALID_ARGUMENT),
        (b"\x1f\x8b rubbish", grpc.StatusCode.INVALID_ARGUMENT),
        (b"\n" + b"a" * (BODY_BYTES_MAX + 2000), grpc.StatusCode.RESOURCE_EXHAUSTED),
        (gzip.compress(b"a" * 10**8, 1), grpc.StatusCode.RESOURCE_EXHAUSTED),
    ],
    ids=["rubbish", "no gzip", "large", "bomb"],
)
def test_bad_requests_get_their_status(
    port: int,
    call: Callable[[int], Export],
    store: MemoryStore,
    body: bytes,
    code: grpc.StatusCode,
) -> None:
    """A body is within the same bounds as on the HTTP port."""
    assert refusal(call(port), body).code() is code
    assert stored(store) == 0


def test_nothing_is_acknowledged_that_was_not_stored(
    serve_grpc: Callable[[MemoryStore], int], call: Callable[[int], Export]
) -> None:
    """While the store fails the sender hears when to come back, and then is taken."""
    store = FailingStore()
    export, body = call(serve_grpc(store)), build_body(build_span())

    error = refusal(export, body)
    pairs: Any = error.trailing_metadata()
    trailing: dict[str, bytes] = dict(pairs)
    retry = RetryInfo()
    (detail,) = Status.FromString(trailing["grpc-status-details-bin"]).details
    store.mended.set()
    export(body, timeout=20)

    assert error.code() is grpc.StatusCode.UNAVAILABLE
    assert detail.Unpack(retry)
    assert retry.retry_delay.seconds == 1
    assert stored(store) == 1


def test_reflection_is_off(port: int) -> None:
    """There is one method and nothing that lists it."""
    with grpc.insecure_channel(
        f"127.0.0.1:{port}", options=[("grpc.enable_http_proxy", 0)]
    ) as channel:
        path = "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo"
        method = cast("Export", channel.unary_unary(path))
        assert refusal(method, b"").code() is grpc.StatusCode.UNIMPLEMENTED


def test_a_port_that_is_taken_is_an_error(port: int, keys: KeyRing) -> None:
    """In one sentence, as for the other ports."""
    with Pipeline(MemoryStore(), lambda: BOOK, utc_now) as pipeline:
        admission = Admission(
            intake=DirectIntake(pipeline, 1),
            keys=keys,
            open_without_key=True,
            body_bytes_max=1,
            clock=utc_now,
        )
        with (
            pytest.raises(SettingsError, match=str(port)),
            grpc_serving(admission, "127.0.0.1", port),
        ):
            pass
