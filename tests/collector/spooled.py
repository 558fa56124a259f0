"""Deliveries and spools for the tests of them."""

from datetime import UTC, datetime
from pathlib import Path

from spanledger.collector.delivery import Delivery
from spanledger.collector.spool import Spool
from tests.collector.spans import CHAT, build_body, build_span

NOW = datetime(2026, 11, 1, 12, tzinfo=UTC)

MIB = 1024 * 1024


def a_delivery(body: bytes = b"body", project: str = "shop", encoding: str = "") -> Delivery:
    """A delivery; what is in it does not matter to a spool."""
    return Delivery(project=project, encoding=encoding, body=body, received_at=NOW)


def of_call(number: int, **attributes: object) -> Delivery:
    """A delivery of one call."""
    span = build_span({**CHAT, **attributes}, span_id=(number + 1).to_bytes(8))
    return a_delivery(build_body(span))


def open_spool(directory: Path, bytes_max: int = 1024 * MIB, segment_bytes: int = MIB) -> Spool:
    """A spool in a directory."""
    return Spool(directory, bytes_max=bytes_max, free_bytes_min=0, segment_bytes=segment_bytes)


def read_all(spool: Spool) -> list[bytes]:
    """The bodies of all deliveries that were not read yet."""
    bodies: list[bytes] = []
    while (delivery := spool.next()) is not None:
        bodies.append(delivery.body)
    return bodies


def segments(directory: Path) -> list[Path]:
    """The files of a spool, the oldest first."""
    return sorted(directory.glob("*.spool"))
