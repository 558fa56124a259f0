"""Spans whose ids are given, so that the same call is the same span whoever records it, and when.

OpenTelemetry lets a provider choose ids, and nobody else. So these spans come from a provider of
their own, which has all that the app's has (its resource, sampler, limits and processors) but for
the ids.
"""

import json
import threading
from collections.abc import Mapping, Sequence
from hashlib import sha256
from typing import Final

from opentelemetry.context import Context
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.id_generator import IdGenerator
from opentelemetry.trace import Span, SpanKind, StatusCode
from opentelemetry.util.types import AttributeValue

from spanledger.instrumentation.records import SCOPE

__all__ = ["GivenIds", "ids_of"]

_SALT: Final = "spanledger.given_ids.v1"
_TRACE_ID_BYTES: Final = 16
_SPAN_ID_BYTES: Final = 8

_ROOT: Final = Context()
"""In which there is no span, so that the next one begins a trace."""


def ids_of(identity: Sequence[str]) -> tuple[int, int]:
    """(trace id, span id) of what `identity` tells from everything else."""
    digest = sha256(json.dumps([_SALT, *identity]).encode()).digest()
    end = _TRACE_ID_BYTES + _SPAN_ID_BYTES
    trace_id = int.from_bytes(digest[:_TRACE_ID_BYTES], "big")
    # All zeros is no id.
    return trace_id or 1, int.from_bytes(digest[_TRACE_ID_BYTES:end], "big") or 1


class GivenIds:
    """Makes spans with the ids that their identities have."""

    def __init__(self, provider: TracerProvider, version: str) -> None:
        self._next = _NextIds()
        twin = TracerProvider(
            sampler=provider.sampler,
            resource=provider.resource,
            # The SDK has the parameter, and no public way to what to give for it.
            active_span_processor=provider._active_span_processor,  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]
            id_generator=self._next,
            span_limits=provider._span_limits,  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]
            shutdown_on_exit=False,
        )
        self._tracer = twin.get_tracer(SCOPE, version)

    def record(
        self,
        identity: Sequence[str],
        name: str,
        at_ns: int,
        facts: Mapping[str, AttributeValue],
        *,
        error: bool = False,
    ) -> Span:
        """Start and end the span of a call, of which only one instant is known.

        Args:
            identity: what tells the call from all others.
            name: of the span.
            at_ns: in nanoseconds since 1970.
            facts: its attributes.
            error: whether it failed.
        """
        self._next.give(ids_of(identity))
        span = self._tracer.start_span(
            name, context=_ROOT, kind=SpanKind.CLIENT, attributes=facts, start_time=at_ns
        )
        if error:
            span.set_status(StatusCode.ERROR)
        span.end(at_ns)
        return span


class _NextIds(IdGenerator):
    """Gives each thread the ids that it has been told to give next."""

    def __init__(self) -> None:
        self._given = threading.local()

    def give(self, ids: tuple[int, int]) -> None:
        """Have these for the next span of this thread."""
        self._given.ids = ids

    def generate_trace_id(self) -> int:
        """Called by the SDK."""
        return self._given.ids[0]

    def generate_span_id(self) -> int:
        """Called by the SDK."""
        return self._given.ids[1]
