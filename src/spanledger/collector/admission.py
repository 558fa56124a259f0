"""What every receiver does with a request: who sends it, is it sound, then hand it on."""

import base64
import binascii
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from anyio import CapacityLimiter, to_thread

from spanledger.call import DEFAULT_PROJECT
from spanledger.collector.body import Refused, inflate
from spanledger.collector.delivery import Delivery, Intake
from spanledger.collector.export import parse_export
from spanledger.collector.limits import Limits
from spanledger.collector.records import Export, MalformedBody, TooManySpans
from spanledger.storage.keys import KeyRing, allows

__all__ = ["Admission"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Admission:
    """Takes export requests, whichever way they come. All that it needs to know is here."""

    intake: Intake
    """Where deliveries go."""
    keys: KeyRing
    """Who may deliver."""
    open_without_key: bool
    """Take spans without a key until an ingest key exists: for loopback only."""
    body_bytes_max: int
    """Largest body, before and after decompression."""
    clock: Callable[[], datetime]
    """The time in UTC."""
    limits: Limits = field(default_factory=Limits)

    def project(self, authorization: str) -> str:
        """The project to deliver to.

        A key that is shown must be good even where none is needed.

        Args:
            authorization: `Bearer <key>`, or `Basic` with the key as the password, as Langfuse's
                clients send it. Empty where there is none.

        Raises:
            Refused: with 401 without a valid key, 403 for one that may not deliver.
            StoreError: the keys cannot be read.
        """
        secret = _secret(authorization)
        if not authorization.strip() and self.open_without_key and not self.keys.has_ingest_key:
            return DEFAULT_PROJECT
        key = self.keys.find(secret) if secret else None
        if key is None:
            raise Refused(401, "an ingest key is needed: send it as 'Authorization: Bearer <key>'")
        if not allows(key.role, "ingest"):
            shown = f"the key {key.prefix}... has the role {key.role}"
            raise Refused(403, f"{shown}, which may not ingest")
        return key.project

    async def take(
        self, project: str, body: bytes, encoding: str, content_type: str, limiter: CapacityLimiter
    ) -> Export:
        """Hand a request on; when this returns it may be acknowledged.

        Args:
            project: That of the key.
            body: As it came.
            encoding: Its Content-Encoding.
            content_type: One of `CONTENT_TYPES`.
            limiter: How many bodies are parsed at once.

        Raises:
            Refused: 400 for what is no export request, 413 for too much, 415 for an encoding.
            SpanledgerError: it was not taken, and may be sent again.
        """

        def parsed() -> Export:
            """Who sends something else than spans learns it now."""
            try:
                return parse_export(inflate(body, encoding, self.body_bytes_max), content_type)
            except MalformedBody as error:
                raise Refused(400, str(error)) from error
            except TooManySpans as error:
                raise Refused(413, str(error)) from error

        export = await to_thread.run_sync(parsed, limiter=limiter)
        await self.intake.take(
            Delivery(
                project=project,
                encoding=encoding,
                body=body,
                received_at=self.clock(),
                content_type=content_type,
            )
        )
        return export


def _secret(authorization: str) -> str:
    scheme, _, value = authorization.strip().partition(" ")
    if scheme.lower() == "bearer":
        return value.strip()
    if scheme.lower() == "basic":
        try:
            return base64.b64decode(value.strip(), validate=True).decode().partition(":")[2]
        except (binascii.Error, UnicodeDecodeError):
            return ""
    return ""
