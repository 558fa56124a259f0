"""Whether the collector that the variables name is there, and takes what an application sends."""

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Final, cast
from urllib.parse import SplitResult, urlsplit

from spanledger.dialects.dialect import Json
from spanledger.doctor.finding import Finding, attention, fine, note
from spanledger.instrumentation.delivery import Delivery, Verdict
from spanledger.settings import OtlpTarget, otel_variable, otlp_origins

__all__ = ["check_target"]

_TRACES: Final = "/v1/traces"
_GRPC_PORT: Final = 4317
_TIMEOUT_S: Final = 5.0
_OK: Final = 200
_HEADERS: Final = "OTEL_EXPORTER_OTLP_HEADERS=authorization=Bearer <key>"


def check_target(target: OtlpTarget) -> Iterator[Finding]:
    """Where spans go, whether somebody answers there, and whether an empty delivery is taken."""
    target = replace(target, timeout_s=min(target.timeout_s, _TIMEOUT_S))
    origins = otlp_origins()
    try:
        parts = urlsplit(target.url)
    except ValueError:
        # It is not shown: what cannot be taken apart may hold a key anywhere.
        yield attention(
            "collector.address",
            f"The address that spans go to, by {', '.join(origins)}, cannot be read.",
            "Mend it: it looks like http://collector:4318. Until then spans wait in the spool.",
            variables=origins,
        )
        return
    yield fine(
        "collector.address",
        f"Spans go to {_shown(parts)}, by {', '.join(origins) if origins else 'default'}"
        f"{_headers(target)}.",
        url=_shown(parts),
        variables=origins,
    )
    yield from _check_protocol(parts)
    delivery = Delivery(target)
    answered, health = _check_health(delivery, f"{_base(target)}/health")
    yield health
    if answered:
        yield _check_delivery(delivery, target)
    delivery.close()


def _base(target: OtlpTarget) -> str:
    return target.url.partition("?")[0].removesuffix(_TRACES).removesuffix("/")


def _headers(target: OtlpTarget) -> str:
    """The names of the headers; their values are keys."""
    return f", with {', '.join(sorted(target.headers))}" if target.headers else ", without a key"


def _check_protocol(parts: SplitResult) -> Iterator[Finding]:
    if _port(parts) == _GRPC_PORT:
        yield attention(
            "collector.port",
            f"Port {_GRPC_PORT} is for gRPC, and spans are sent by HTTP.",
            "Name the HTTP port in OTEL_EXPORTER_OTLP_ENDPOINT: 4318, unless it was changed.",
        )
    if "grpc" in otel_variable("OTEL_EXPORTER_OTLP_PROTOCOL"):
        yield note(
            "collector.protocol",
            "OTEL_EXPORTER_OTLP_PROTOCOL is grpc; our sender speaks HTTP all the same.",
            "Its port has to be one for OTLP/HTTP.",
        )


def _check_health(delivery: Delivery, url: str) -> tuple[bool, Finding]:
    """(whether anybody answers, what)."""
    shown = _shown(urlsplit(url))
    try:
        status, body = delivery.ask(url)
    except (OSError, ValueError) as error:
        return False, attention(
            "collector.health",
            f"Nothing answers at {shown} ({type(error).__name__}).",
            "Start 'spanledger up' there, or name the collector in OTEL_EXPORTER_OTLP_ENDPOINT."
            " Until then spans wait in the spool.",
            url=shown,
        )
    if status == _OK and (said := _version_in(body)):
        return True, fine(
            "collector.health", f"Spanledger {said} answers at {shown}.", url=shown, version=said
        )
    return True, note(
        "collector.health",
        f"What answers at {shown} is no collector of Spanledger's: it says {status}.",
        "That is in order if it hands the spans on to one.",
        url=shown,
        status=status,
    )


def _version_in(body: bytes) -> str:
    try:
        said = cast("object", json.loads(body))
    except (ValueError, RecursionError):
        return ""
    return str(cast("Json", said).get("version", "")) if isinstance(said, dict) else ""


def _check_delivery(delivery: Delivery, target: OtlpTarget) -> Finding:
    verdict = delivery.post({}, [])
    if verdict.meaning == "accepted":
        return fine("collector.delivery", "An empty delivery is accepted there.")
    return attention(
        "collector.delivery",
        f"An empty delivery is not accepted there: {verdict.why}.",
        _advice(verdict, target),
        meaning=verdict.meaning,
    )


def _advice(verdict: Verdict, target: OtlpTarget) -> str:
    match verdict.status:
        case 401 if not target.headers:
            return f"Make a key ('spanledger keys create NAME --role ingest') and set {_HEADERS}."
        case 401:
            return f"The key is not known there or revoked: make another one, and set {_HEADERS}."
        case 403:
            return "The key is known, and may not deliver: it needs the role ingest."
        case 404 | 405:
            return f"The address has no {_TRACES}: mend OTEL_EXPORTER_OTLP_ENDPOINT."
        case _:
            return "Look at the collector's own log; spans wait in the spool until it takes them."


def _shown(parts: SplitResult) -> str:
    """The address without a user, a password or a query, in which keys may stand."""
    host = parts.hostname or ""
    place = f"[{host}]" if ":" in host else host
    port = _port(parts)
    return f"{parts.scheme}://{place}{'' if port is None else f':{port}'}{parts.path}"


def _port(parts: SplitResult) -> int | None:
    try:
        return parts.port
    except ValueError:
        return None
