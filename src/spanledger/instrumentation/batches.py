"""Downloads of what batches have answered: each result is a call, recorded as its bytes pass.

A batch may be fetched many times, by anybody. So the ids of a call's span are made from what the
provider calls it, and its time is never the time of the download: the same call is the same row.
"""

import threading
import weakref
from collections.abc import Iterable, Mapping
from contextvars import Token
from types import TracebackType
from typing import Final, cast

from opentelemetry.context import (
    Context,
    attach,
    create_key,
    detach,
    get_current,
    get_value,
    set_value,
)
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.trace import NoOpTracerProvider
from opentelemetry.util.types import AttributeValue

from spanledger import attributes as names
from spanledger.dialects.batch import ResultsReader, find_results, may_hold_results
from spanledger.dialects.dialect import Dialect, Request
from spanledger.dialects.results import Found, Result
from spanledger.instrumentation import travel
from spanledger.instrumentation.attribution import Values, current_attribution
from spanledger.instrumentation.batch_times import BatchTimes
from spanledger.instrumentation.encodings import Decode, decoding
from spanledger.instrumentation.exchange import Exchange, Reading
from spanledger.instrumentation.facts import answer_facts, request_facts, span_name, usage_facts
from spanledger.instrumentation.given_ids import GivenIds
from spanledger.instrumentation.guard import guarded
from spanledger.instrumentation.neighbours import is_suppressed
from spanledger.instrumentation.tally import Tally
from spanledger.instrumentation.telemetry import Destination
from spanledger.instrumentation.text import bounded
from spanledger.instrumentation.wire import HttpRequest

__all__ = ["Batches", "Download", "passed_over", "worth_a_look"]

_DOWNLOADING: Final = create_key("spanledger-downloading")

_OK: Final = 200
_PART: Final = 206
_FROM_START: Final = "bytes 0-"

_PIECE_BYTES: Final = 64 * 1024
"""A body that comes all at once is read in such pieces, so that little of it is held twice."""

_NS: Final = 1_000_000_000

_passed_over: Final = Tally("results of batches are not recorded: %s")

Facts = Mapping[str, AttributeValue]


def worth_a_look(method: object, url: object) -> bool:
    """Whether a request may concern us at all: it spares the others what a closer look costs."""
    return method == "POST" or (method == "GET" and may_hold_results(str(url)))


def passed_over() -> dict[str, int]:
    """How many results of batches this process could not record, by the reason."""
    return _passed_over.counts()


class Batches:
    """Records calls out of the results of batches; one for all downloads of a process."""

    def __init__(
        self,
        *,
        version: str,
        destination: Destination,
        times: BatchTimes,
        endpoints: Mapping[str, str],
    ) -> None:
        """`destination` is settled with the first call, not before."""
        self.times = times
        self.endpoints = endpoints
        self._version = version
        self._destination = destination
        self._spans: GivenIds | None = None

    def begin(self, request: HttpRequest) -> Exchange | None:
        """Follow a GET that may bring results, as an exchange is followed; `None` for any other."""
        path = request.url.path
        if not may_hold_results(path) or (reader := find_results(path)) is None:
            return None
        fetching = get_value(_DOWNLOADING)
        if is_suppressed(get_current()) or (isinstance(fetching, _Fetching) and fetching.lasts):
            # The latter: one HTTP library works for another one.
            return None
        # A download has all that the transports use of an exchange.
        return cast("Exchange", Download(self, request, reader))

    def record(self, identity: tuple[str, ...], name: str, at_s: int, facts: Facts) -> None:
        """Make the span of a call."""
        if self._spans is None:
            provider = self._destination.provider()
            if not isinstance(provider, TracerProvider):
                if not isinstance(provider, NoOpTracerProvider):
                    _passed_over.note(
                        "the tracer provider is not the SDK's, so ids cannot be given"
                    )
                return
            self._spans = GivenIds(provider, self._version)
        at_ns, error = at_s * _NS, names.ERROR_TYPE in facts
        span = self._spans.record(identity, name, at_ns, facts, error=error)
        if not span.get_span_context().trace_flags.sampled:
            # A sampler of the app's has dropped it: it has cost money all the same.
            self._destination.keep(span, Context(), (name, at_ns, at_ns), facts, failed=error)


class Download:
    """One body that may hold results, in all that a transport asks of an `Exchange`."""

    __slots__ = (
        "_attribution",
        "_batches",
        "_decode",
        "_ending",
        "_finalizer",
        "_host",
        "_known",
        "_reader",
        "_request",
    )

    def __init__(self, batches: Batches, request: HttpRequest, reader: ResultsReader) -> None:
        self._batches = batches
        self._request = request
        self._host = request.url.host
        self._reader: ResultsReader | None = reader
        self._attribution: Values = current_attribution()
        self._known: dict[str, dict[str, AttributeValue]] = {}
        self._decode: Decode | None = None
        self._finalizer: weakref.finalize[..., object] | None = None
        self._ending = threading.Lock()  # taken once, never released

    def sending(self) -> "_Fetching":
        """The block in which the request is sent and answered."""
        return _Fetching(self)

    def reading(self) -> Reading:
        """The block in which the body is read to its end."""
        return Reading(cast("Exchange", self))

    def answered(self, status: int, headers: Mapping[str, str]) -> bool:
        """Take note of the head of the response; tells whether its body is of interest."""
        from_start = headers.get("content-range", "").startswith(_FROM_START)
        if status == _OK or (status == _PART and from_start):
            self._decode = decoding(headers.get("content-encoding", ""))
        return self._decode is not None

    def ends_with(self, body: object) -> None:
        """End when `body` is collected, should nobody have read or closed it."""
        self._finalizer = weakref.finalize(body, self.end, ended=False)

    def feed(self, chunk: bytes, *, decoded: bool = False) -> None:
        """Take the next bytes of the body. A reader that fails once is not asked again."""
        reader, self._reader = self._reader, None
        if reader is None or self._decode is None:
            return
        with guarded("read the results of a batch"):
            for part in (chunk,) if decoded else self._decode(chunk):
                for start in range(0, len(part), _PIECE_BYTES):
                    self._record(reader.feed(part[start : start + _PIECE_BYTES]))
            if reader.over:
                _passed_over.note("too long", reader.skipped)
            else:
                self._reader = reader

    def end(
        self,
        *,
        ended: bool,  # noqa: ARG002 - as of an exchange; what has passed is recorded already
        error: BaseException | None = None,  # noqa: ARG002 - the same
        end_time: int | None = None,  # noqa: ARG002 - the same
    ) -> None:
        """Read what the end of the body completes, unless it has ended."""
        if not self._ending.acquire(blocking=False):
            return
        if self._finalizer is not None:
            self._finalizer.detach()
        reader, self._reader = self._reader, None
        if reader is None or self._decode is None:
            return
        with guarded("read the results of a batch"):
            last = tuple(reader.flush())
            _passed_over.note("too long", reader.skipped)
            for batch in reader.batches:
                self._batches.times.learn(self._host, batch)
            self._record(last)

    def _record(self, results: Iterable[Found]) -> None:
        for found in results:
            with guarded("record a result of a batch"):
                self._record_one(found.source, found.position, found.result)

    def _record_one(self, source: str, position: int | None, result: Result) -> None:
        asked, at_s = result.asked, result.created_s
        if at_s is None:
            made = self._batches.times.of(self._host, source)
            at_s, asked = made.at_s, Request(model=made.model) if not asked.model else asked
        known = self._known_of(result.dialect)
        provider = str(known[names.PROVIDER_NAME])
        identity = _identity(source, position, result)
        if identity is None:
            _passed_over.note("nothing tells them from each other")
            return
        answer = {**answer_facts(result.answer), **usage_facts(provider, result.answer.usage)}
        facts = {**_said(result, asked), **known, **answer}
        if result.answer.error_type:
            facts[names.ERROR_TYPE] = bounded(result.answer.error_type)
        model = result.answer.model or asked.model
        name = span_name(result.dialect, Request(model=model))
        self._batches.record((provider, *identity), name, at_s, facts)

    def _known_of(self, dialect: Dialect) -> dict[str, AttributeValue]:
        """What is true of all calls of one kind, as of a request that were made now."""
        known = self._known.get(dialect.name)
        if known is None:
            known = self._known[dialect.name] = request_facts(
                self._request,
                dialect,
                Request(batch=True),
                self._attribution,
                self._batches.endpoints,
            )
            # Of the download, not of the call.
            known.pop(names.ATTEMPT, None)
        return known


class _Fetching:
    """Marks the app's context while the request is on its way, for libraries below this one."""

    __slots__ = ("_download", "_token")

    def __init__(self, download: Download) -> None:
        self._download = download
        self._token: Token[Context] | None = None

    @property
    def lasts(self) -> bool:
        """The request is on its way: a task that outlives that keeps the mark."""
        return self._token is not None

    def __enter__(self) -> None:
        with guarded("mark a download"):
            self._token = attach(set_value(_DOWNLOADING, self, travel.unpacked(get_current())))

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        with guarded("mark a download"):
            token, self._token = self._token, None
            if token is not None:
                detach(token)
        if error is not None:
            self._download.end(ended=False, error=error)


def _identity(source: str, position: int | None, result: Result) -> tuple[str, ...] | None:
    """What tells a call from all others of its provider, however it is fetched."""
    if result.result_id or result.answer.response_id:
        # Together, for a server of one's own may call every answer the same.
        return "id", result.result_id, result.answer.response_id, result.custom_id
    if not source:
        return None
    if position is not None:
        return "place", source, str(position), result.custom_id
    return ("request", source, result.custom_id) if result.custom_id else None


def _said(result: Result, asked: Request) -> dict[str, AttributeValue]:
    """What the result says of its request: below all that is attributed by the app."""
    stated = {
        names.REQUEST_MODEL: asked.model,
        names.USER_ID: asked.user_id,
        names.CONVERSATION_ID: asked.conversation_id,
        names.PREVIOUS_RESPONSE_ID: asked.previous_response_id,
        f"{names.TAG_PREFIX}custom_id": result.custom_id,
        **{names.TAG_PREFIX + bounded(name): value for name, value in result.tags.items()},
    }
    return {name: bounded(value) for name, value in stated.items() if value}
