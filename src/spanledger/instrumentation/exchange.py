"""One exchange with a model provider, from the request's start to the last byte, as one span."""

import threading
import time
import weakref
from collections.abc import Callable, Mapping
from contextvars import Token
from dataclasses import dataclass, field
from types import TracebackType
from typing import Final

from opentelemetry.context import (
    _SUPPRESS_INSTRUMENTATION_KEY,  # pyright: ignore[reportPrivateUsage] - it has no public name
    Context,
    attach,
    create_key,
    detach,
    get_value,
    set_value,
)
from opentelemetry.trace import (
    Span,
    SpanKind,
    StatusCode,
    Tracer,
    get_current_span,
    set_span_in_context,
)
from opentelemetry.util.types import AttributeValue

from spanledger import attributes as names
from spanledger.dialects.dialect import Answer, Dialect
from spanledger.dialects.table import find_dialect
from spanledger.instrumentation import travel
from spanledger.instrumentation.answer import AnswerReader
from spanledger.instrumentation.attribution import current_attribution
from spanledger.instrumentation.content import Content, Redact
from spanledger.instrumentation.facts import (
    answer_facts,
    error_name,
    looks_like_inference,
    read_asked,
    request_facts,
    span_name,
)
from spanledger.instrumentation.forms import known_body
from spanledger.instrumentation.guard import guarded
from spanledger.instrumentation.metrics import Metrics
from spanledger.instrumentation.text import bounded
from spanledger.instrumentation.wire import HttpRequest
from spanledger.settings import Settings

__all__ = ["Exchange", "Reading", "Recorder", "Sending"]

_SUPPRESS_BY_OLD_NAME: Final = "suppress_instrumentation"

_SENDING: Final = create_key("spanledger-sending")

_REDIRECT: Final = 300
_FAILURE: Final = 400


def _nothing(_: HttpRequest) -> None:
    return None


@dataclass(frozen=True, slots=True)
class Recorder:
    """Turns requests into exchanges; all of ours that a hook knows."""

    tracer: Tracer
    metrics: Metrics
    settle: Callable[[], None]
    """Called before each span, to make sure of the provider that the tracer leads to."""
    settings: Settings = field(default_factory=Settings)
    """What the app has set, read once when the recording started."""
    redact: Redact | None = None
    """What prompts and answers pass, where content is captured."""
    otherwise: "Callable[[HttpRequest], Exchange | None]" = _nothing
    """Asked about each request that no dialect reads."""

    def begin(self, request: HttpRequest) -> "Exchange | None":
        """The exchange that `request` begins; `None` when it is none, or nobody records."""
        with guarded("begin an exchange"):
            dialect = find_dialect(request.url.path) if request.method == "POST" else None
            if dialect is None:
                return self.otherwise(request)
            if _suppressed() or _being_sent(request, dialect):
                return None
            return self._start(request, dialect)
        return None

    def _start(self, request: HttpRequest, dialect: Dialect) -> "Exchange | None":
        asked = read_asked(request, dialect)
        if dialect.shared_path and not asked.model:
            return None
        facts = request_facts(
            request, dialect, asked, current_attribution(), self.settings.endpoints
        )
        enclosing = get_current_span()
        self.settle()
        span = self.tracer.start_span(
            span_name(dialect, asked), kind=SpanKind.CLIENT, attributes=facts
        )
        if not span.is_recording():
            return None
        exchange = Exchange(span, dialect, facts, self.metrics)
        if self.settings.capture_content:
            exchange.capture(Content(dialect, known_body(request), self.redact))
        if enclosing.is_recording() and looks_like_inference(enclosing):
            enclosing.set_attribute(names.COVERED, value=True)
        return exchange


class Exchange:
    """The record of one exchange while it lasts. Its span ends exactly once, whoever ends it."""

    __slots__ = (
        "_asked",
        "_content",
        "_dialect",
        "_ending",
        "_error_type",
        "_finalizer",
        "_first_chunk_seconds",
        "_last_byte_ns",
        "_metrics",
        "_reader",
        "_span",
        "_started",
        "_told",
    )

    def __init__(
        self,
        span: Span,
        dialect: Dialect,
        asked: Mapping[str, AttributeValue],
        metrics: Metrics,
    ) -> None:
        self._span = span
        self._dialect = dialect
        self._asked = asked  # the facts that are on the span already
        self._told: dict[str, AttributeValue] = {}  # those that come with the answer
        self._metrics = metrics
        self._content: Content | None = None
        self._started = time.perf_counter()
        self._first_chunk_seconds: float | None = None
        self._last_byte_ns: int | None = None
        self._error_type = ""
        self._reader: AnswerReader | None = None
        self._finalizer: weakref.finalize[..., object] | None = None
        self._ending = threading.Lock()  # taken once, never released

    def make_current(self, sending: "Sending") -> Token[Context]:
        """Make the span the current one, and `sending` known below; the token leads back."""
        context = set_value(_SENDING, sending, set_span_in_context(self._span))
        return attach(travel.unpacked(context))

    def capture(self, content: Content) -> None:
        """Put what is said on the span as well."""
        self._content = content

    def is_call_of(self, request: HttpRequest, dialect: Dialect) -> bool:
        """Whether `request` is the same call, in another library's hands."""
        return self._dialect.operation == dialect.operation and self._asked.get(
            names.SERVER_ADDRESS
        ) == bounded(request.url.host)

    def sending(self) -> "Sending":
        """The block in which the request is sent and answered, with our span as the current one."""
        return Sending(self)

    def reading(self) -> "Reading":
        """The block in which the body is read to its end."""
        return Reading(self)

    def answered(self, status: int, headers: Mapping[str, str]) -> bool:
        """Take note of the head of the response; tells whether its body is of interest."""
        if status < _REDIRECT:
            self._reader = AnswerReader(self._dialect, headers)
            if self._content is not None:
                self._content.answered(headers)
            return True
        self._told[names.HTTP_RESPONSE_STATUS_CODE] = status
        if status >= _FAILURE:
            self._error_type = str(status)
        else:
            # The hop that answers is the call; this one only points to it.
            self._told[names.COVERED] = True
        return False

    def ends_with(self, body: object) -> None:
        """End the exchange when `body` is collected, should nobody have read or closed it."""
        self._finalizer = weakref.finalize(body, self._abandon)

    def feed(self, chunk: bytes, *, decoded: bool = False) -> None:
        """Take the next bytes of the body. A reader that fails once is not asked again."""
        reader, self._reader = self._reader, None
        if reader is None:
            return
        if self._content is not None:
            self._content.feed(chunk, decoded=decoded)
        with guarded("read an answer"):
            if self._first_chunk_seconds is None:
                self._first_chunk_seconds = time.perf_counter() - self._started
            self._last_byte_ns = time.time_ns()
            if decoded:
                reader.feed_decoded(chunk)
            else:
                reader.feed(chunk)
            self._reader = reader

    def end(
        self, *, ended: bool, error: BaseException | None = None, end_time: int | None = None
    ) -> None:
        """End the span, unless it has ended.

        Args:
            ended: the body was read to its end.
            error: what the app sees instead of it.
            end_time: when it ended, in nanoseconds since 1970; now by default.
        """
        if not self._ending.acquire(blocking=False):
            return
        if self._finalizer is not None:
            self._finalizer.detach()
        with guarded("describe an exchange"):
            self._describe(ended=ended, error=error)
        self._reader = None
        with guarded("end a span"):
            self._span.end(end_time)

    def _abandon(self) -> None:
        self.end(ended=False, end_time=self._last_byte_ns)

    def _describe(self, *, ended: bool, error: BaseException | None) -> None:
        if not self._error_type and error is not None:
            self._error_type = error_name(error)
        with guarded("describe an answer"):
            self._describe_answer(ended=ended)
        if self._content is not None:
            self._told.update(self._content.facts())
        if self._error_type:
            self._told[names.ERROR_TYPE] = self._error_type
            self._span.set_status(StatusCode.ERROR)
        self._span.set_attributes(self._told)
        self._metrics.record({**self._asked, **self._told}, time.perf_counter() - self._started)

    def _describe_answer(self, *, ended: bool) -> None:
        if self._streamed() and self._first_chunk_seconds is not None:
            self._told[names.RESPONSE_TIME_TO_FIRST_CHUNK] = self._first_chunk_seconds
        # Without a reader there is nothing to be read, and nothing that could be incomplete.
        answer = Answer(complete=True)
        if self._reader is not None:
            with guarded("read an answer"):
                answer = self._reader.answer(ended=ended)
        if not answer.complete:
            self._told[names.USAGE_PARTIAL] = True
        self._error_type = self._error_type or bounded(answer.error_type)
        self._told.update(answer_facts(str(self._asked[names.PROVIDER_NAME]), answer))

    def _streamed(self) -> bool:
        return self._asked.get(names.REQUEST_STREAM) is True or (
            self._reader is not None and self._reader.events
        )


class Sending:
    """Makes the exchange's span the current one, and leaves the app's context as it was."""

    __slots__ = ("_exchange", "_token")

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange
        self._token: Token[Context] | None = None

    def covers(self, request: HttpRequest, dialect: Dialect) -> bool:
        """Whether `request`, which begins now, is this one on its way down.

        A task that was started on the way, and outlives it, keeps the context but not the cover.
        """
        return self._token is not None and self._exchange.is_call_of(request, dialect)

    def __enter__(self) -> None:
        with guarded("make a span current"):
            self._token = self._exchange.make_current(self)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        with guarded("leave a span"):
            token, self._token = self._token, None
            if token is not None:
                detach(token)
        if error is not None:
            self._exchange.end(ended=False, error=error)


class Reading:
    """Ends the exchange when its body does, for whatever reason."""

    __slots__ = ("_exchange",)

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange

    def __enter__(self) -> None:
        pass

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if isinstance(error, GeneratorExit):
            # The app reads no further, which is no error.
            self._exchange.end(ended=False)
        else:
            self._exchange.end(ended=error is None, error=error)


def _being_sent(request: HttpRequest, dialect: Dialect) -> bool:
    """Whether one HTTP library only works for another one, which records the call already."""
    sending = get_value(_SENDING)
    return isinstance(sending, Sending) and sending.covers(request, dialect)


def _suppressed() -> bool:
    return bool(get_value(_SUPPRESS_INSTRUMENTATION_KEY) or get_value(_SUPPRESS_BY_OLD_NAME))
