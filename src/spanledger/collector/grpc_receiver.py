"""The OTLP/gRPC receiver: the same admission as OTLP/HTTP, on a port of its own."""

import asyncio
import logging
import threading
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from typing import Any, Final

import grpc
import grpc.aio
from anyio import CapacityLimiter
from google.protobuf.any_pb2 import Any as AnyMessage
from google.protobuf.duration_pb2 import Duration
from google.rpc.error_details_pb2 import RetryInfo
from google.rpc.status_pb2 import Status

from spanledger.collector.admission import Admission
from spanledger.collector.body import Bodies, Refused
from spanledger.collector.export import PROTOBUF, success_body
from spanledger.errors import SettingsError, SpanledgerError

__all__ = ["grpc_serving"]

log = logging.getLogger(__name__)

SERVICE: Final = "opentelemetry.proto.collector.trace.v1.TraceService"
STOP_S: Final = 5.0
"""How long requests under way may take to finish when the server stops."""
MESSAGE_EXTRA_BYTES: Final = 1024
"""A message may be a little larger than a body, so that our own words are what refuses it."""
CONCURRENT_MAX: Final = 256
RETRY_AFTER: Final = Duration(seconds=1)

CODES: Final[Mapping[int, grpc.StatusCode]] = {
    401: grpc.StatusCode.UNAUTHENTICATED,
    403: grpc.StatusCode.PERMISSION_DENIED,
    413: grpc.StatusCode.RESOURCE_EXHAUSTED,
    503: grpc.StatusCode.UNAVAILABLE,
}
"""By the HTTP status of a refusal; all others mean that the request is wrong."""

Context = grpc.aio.ServicerContext[bytes, bytes]


@contextmanager
def grpc_serving(admission: Admission, host: str, port: int) -> Generator[str]:
    """Serve OTLP/gRPC until the block ends; then let requests finish. Gives the address.

    Raises:
        SettingsError: the port is taken or may not be used.
    """
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="spanledger-grpc", daemon=True)
    thread.start()
    try:
        start = asyncio.run_coroutine_threadsafe(_start(admission, host, port), loop)
        server, bound = start.result()
        try:
            yield f"http://[{host}]:{bound}" if ":" in host else f"http://{host}:{bound}"
        finally:
            asyncio.run_coroutine_threadsafe(server.stop(STOP_S), loop).result()
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


async def _start(admission: Admission, host: str, port: int) -> tuple[grpc.aio.Server, int]:
    options = [
        # Messages come as they were sent: gRPC itself would inflate a bomb without bounds.
        ("grpc.per_message_decompression", 0),
        ("grpc.max_receive_message_length", admission.body_bytes_max + MESSAGE_EXTRA_BYTES),
        ("grpc.so_reuseport", 0),  # a port that is taken is an error
        ("grpc.max_connection_idle_ms", 300_000),
        ("grpc.server_handshake_timeout_ms", 10_000),
    ]
    server = grpc.aio.server(options=options, maximum_concurrent_rpcs=CONCURRENT_MAX)
    export: grpc.RpcMethodHandler[bytes, bytes] = grpc.unary_unary_rpc_method_handler(
        _Exporter(admission).export
    )
    handlers = grpc.method_handlers_generic_handler(SERVICE, {"Export": export})
    server.add_generic_rpc_handlers((handlers,))
    try:
        bound = server.add_insecure_port(f"[{host}]:{port}" if ":" in host else f"{host}:{port}")
    except RuntimeError as error:
        msg = f"cannot listen on {host} port {port} for OTLP/gRPC: free it or choose another port"
        raise SettingsError(msg) from error
    await server.start()
    return server, bound


class _Exporter:
    """The one method of the service, over bytes."""

    def __init__(self, admission: Admission) -> None:
        self._admission = admission
        self._bodies = Bodies(admission.limits.held_bytes_max)
        self._limiter = CapacityLimiter(admission.limits.parsed_at_once_max)

    async def export(self, body: bytes, context: Context) -> bytes:
        """Take a request; it is answered when it is durable."""
        try:
            project = self._admission.project(_authorization(context))
            with self._bodies.held() as held:
                held.grow(len(body))
                export = await self._admission.take(
                    project, body, _encoding(body), PROTOBUF, self._limiter
                )
        except Refused as error:
            return await _refuse(context, error.status, str(error))
        except SpanledgerError as error:  # the store or the key file fails: not the sender's fault
            return await _refuse(context, 503, str(error))
        return success_body(export, PROTOBUF)


def _authorization(context: Context) -> str:
    for name, value in context.invocation_metadata() or ():
        if name == "authorization" and isinstance(value, str):
            return value
    return ""


def _encoding(body: bytes) -> str:
    """How a message is compressed. gRPC keeps its name for that to itself.

    No export request begins with these bytes: it begins with the tag of its only field, 10.
    """
    if body.startswith(b"\x1f\x8b"):
        return "gzip"
    return "deflate" if body.startswith(b"\x78") else ""


async def _refuse(context: Context, status: int, message: str) -> bytes:
    """One log line, and the status that OTLP asks for: with RetryInfo where to try again helps."""
    code = CODES.get(status, grpc.StatusCode.INVALID_ARGUMENT)
    log.warning("OTLP/gRPC request refused with %s: %s", code.name, message)
    number: Any = code.value[0]
    details = Status(code=number, message=message)
    if code is grpc.StatusCode.UNAVAILABLE:
        retry = AnyMessage()
        retry.Pack(RetryInfo(retry_delay=RETRY_AFTER))
        details.details.append(retry)
    context.set_trailing_metadata((("grpc-status-details-bin", details.SerializeToString()),))
    context.set_code(code)
    context.set_details(message)
    return b""
