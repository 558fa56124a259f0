"""What a sender delivers, as it came, and who takes it: the seam between receivers and store."""

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from spanledger.call import Call
from spanledger.collector.body import inflate
from spanledger.collector.conventions import Recent, read_calls
from spanledger.collector.export import PROTOBUF, parse_export

__all__ = ["Delivery", "Intake", "calls_of"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """One export request that has been found to be sound, with its body as it came."""

    project: str
    """Of the key that delivered it."""
    encoding: str
    """The body's Content-Encoding; empty where it is plain."""
    body: bytes
    received_at: datetime
    content_type: str = PROTOBUF
    """What the body is once it is inflated: protobuf or JSON."""


class Intake(Protocol):
    """Takes deliveries. What it has taken is not lost any more."""

    async def take(self, delivery: Delivery) -> None:
        """Take a delivery; it may be acknowledged when this returns.

        Raises:
            StoreError: it was not taken, and may be sent again.
        """
        ...


def calls_of(delivery: Delivery, body_bytes_max: int, recent: Recent | None = None) -> list[Call]:
    """The calls in a delivery.

    Args:
        delivery: as it came.
        body_bytes_max: the largest body, inflated.
        recent: the calls of deliveries before, of which none is to count again.

    Raises:
        Refused: the body is larger than `body_bytes_max` when it is inflated, or cannot be.
        MalformedBody: it is no OTLP trace request.
    """
    body = inflate(delivery.body, delivery.encoding, body_bytes_max)
    records = parse_export(body, delivery.content_type).spans
    return read_calls(records, delivery.project, recent).calls
