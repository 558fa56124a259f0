"""The OTLP/HTTP receiver: takes span batches and answers only once they are durable."""

import logging
from collections.abc import Callable
from datetime import datetime
from typing import Final

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from spanledger import __version__
from spanledger.call import DEFAULT_PROJECT
from spanledger.collector.body import Refused, inflate, read_body
from spanledger.collector.delivery import Delivery, Intake
from spanledger.collector.otlp import MalformedBody, error_body, parse_spans, success_body
from spanledger.errors import SpanledgerError
from spanledger.storage.keys import KeyRing, allows

__all__ = ["create_receiver"]

log = logging.getLogger(__name__)

PROTOBUF: Final = "application/x-protobuf"
RETRY_AFTER_S: Final = "1"


def create_receiver(
    *,
    intake: Intake,
    keys: KeyRing,
    open_without_key: bool,
    body_bytes_max: int,
    clock: Callable[[], datetime],
) -> Starlette:
    """The ASGI application of the OTLP/HTTP port.

    Args:
        intake: Where deliveries go.
        keys: Who may deliver.
        open_without_key: Take spans without a key until an ingest key exists: for loopback only.
        body_bytes_max: Largest body, before and after decompression.
        clock: The time in UTC.
    """

    async def traces(request: Request) -> Response:
        try:
            project = _authorise(request, keys, open_without_key=open_without_key)
            body, encoding = await _body(request, body_bytes_max)
            rejected = await run_in_threadpool(_count_rejected, body, encoding, body_bytes_max)
            await intake.take(
                Delivery(project=project, encoding=encoding, body=body, received_at=clock())
            )
        except MalformedBody as error:
            return _error(400, str(error))
        except Refused as error:
            return _error(error.status, str(error))
        except SpanledgerError as error:  # the store or the key file fails: not the sender's fault
            return _error(503, str(error))
        except ClientDisconnect:
            return Response(status_code=400)  # nobody is there to read it
        return Response(success_body(rejected), media_type=PROTOBUF)

    return Starlette(
        routes=[
            Route("/v1/traces", traces, methods=["POST"]),
            Route("/health", _health, methods=["GET"]),
        ]
    )


async def _health(_: Request) -> Response:
    return JSONResponse({"status": "ok", "version": __version__})


def _count_rejected(body: bytes, encoding: str, body_bytes_max: int) -> int:
    """How many spans are refused; who sends something else than spans learns it now."""
    return parse_spans(inflate(body, encoding, body_bytes_max))[1]


def _authorise(request: Request, keys: KeyRing, *, open_without_key: bool) -> str:
    """The project to deliver to. A key that is shown must be good even where none is needed."""
    scheme, _, secret = request.headers.get("authorization", "").partition(" ")
    if not secret and open_without_key and not keys.has_ingest_key:
        return DEFAULT_PROJECT
    key = keys.find(secret.strip()) if scheme.lower() == "bearer" else None
    if key is None:
        raise Refused(401, "an ingest key is needed: send it as 'Authorization: Bearer <key>'")
    if not allows(key.role, "ingest"):
        raise Refused(403, f"the key {key.prefix}... has the role {key.role}, which may not ingest")
    return key.project


async def _body(request: Request, bytes_max: int) -> tuple[bytes, str]:
    """The body as it came, and its encoding."""
    content_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if content_type != PROTOBUF:
        raise Refused(415, f"content type {content_type[:100]!r} is not supported: use {PROTOBUF}")
    encoding = request.headers.get("content-encoding", "").strip().lower()
    return await read_body(request.stream(), encoding, bytes_max), encoding


def _error(status: int, message: str) -> Response:
    """One log line, and the body that OTLP asks for."""
    log.warning("OTLP request refused with %d: %s", status, message)
    headers = {401: {"WWW-Authenticate": "Bearer"}, 503: {"Retry-After": RETRY_AFTER_S}}
    return Response(error_body(message), status, headers.get(status), PROTOBUF)
