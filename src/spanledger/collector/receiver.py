"""The OTLP/HTTP receiver: takes span batches and answers only once they are durable."""

import logging
from typing import Final

from anyio import CapacityLimiter
from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from spanledger import __version__
from spanledger.collector.admission import Admission
from spanledger.collector.body import Bodies, Refused, read_body, understood
from spanledger.collector.export import CONTENT_TYPES, PROTOBUF, error_body, success_body
from spanledger.errors import SpanledgerError

__all__ = ["create_receiver"]

log = logging.getLogger(__name__)

RETRY_AFTER_S: Final = "1"

HEADERS: Final = {
    401: {"WWW-Authenticate": "Bearer"},
    408: {"Connection": "close"},
    413: {"Connection": "close"},
    503: {"Retry-After": RETRY_AFTER_S},
}


def create_receiver(admission: Admission) -> Starlette:
    """The ASGI application of the OTLP/HTTP port, which takes what `admission` lets in."""
    limits = admission.limits
    bodies = Bodies(limits.held_bytes_max)
    limiter = CapacityLimiter(limits.parsed_at_once_max)

    async def traces(request: Request) -> Response:
        content_type = _content_type(request)
        try:
            project = admission.project(request.headers.get("authorization", ""))
            if content_type not in CONTENT_TYPES:
                raise _not_understood(content_type)
            encoding = request.headers.get("content-encoding", "").strip().lower()
            understood(encoding)
            with bodies.held() as held:
                body = await read_body(request.stream(), admission.body_bytes_max, held, limits)
                export = await admission.take(project, body, encoding, content_type, limiter)
        except Refused as error:
            return _error(error.status, str(error), content_type)
        except SpanledgerError as error:  # the store or the key file fails: not the sender's fault
            return _error(503, str(error), content_type)
        except ClientDisconnect:
            return Response(status_code=400)  # nobody is there to read it
        return Response(success_body(export, content_type), media_type=content_type)

    return Starlette(
        routes=[
            Route("/v1/traces", traces, methods=["POST"]),
            Route("/api/public/otel/v1/traces", traces, methods=["POST"]),
            Route("/api/public/health", _langfuse_health, methods=["GET"]),
            Route("/health", _health, methods=["GET"]),
        ]
    )


async def _health(_: Request) -> Response:
    return JSONResponse({"status": "ok", "version": __version__})


async def _langfuse_health(_: Request) -> Response:
    """What Langfuse's clients look for before they send."""
    return JSONResponse({"status": "OK", "version": __version__})


def _content_type(request: Request) -> str:
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()


def _not_understood(content_type: str) -> Refused:
    known = " or ".join(sorted(CONTENT_TYPES))
    return Refused(415, f"content type {content_type[:100]!r} is not supported: use {known}")


def _error(status: int, message: str, content_type: str) -> Response:
    """One log line, and the body that OTLP asks for."""
    log.warning("OTLP request refused with %d: %s", status, message)
    answered = content_type if content_type in CONTENT_TYPES else PROTOBUF
    return Response(error_body(message, answered), status, HEADERS.get(status), answered)
