"""One exchange with a model provider, from the request's start to the last byte, as one span."""

import threading
import time
import weakref
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from types import TracebackType
from typing import Final, cast

from opentelemetry.context import Context, get_current
from opentelemetry.trace import (
    INVALID_SPAN,
    Span,
    SpanKind,
    StatusCode,
    Tracer,
)
from opentelemetry.util.types import AttributeValue

from spanledger import attributes as names
from spanledger.dialects.dialect import Answer, Dialect, Json
from spanledger.dialects.ours import settled_usage
from spanledger.dialects.table import find_dialect
from spanledger.instrumentation.answer import AnswerReader
from spanledger.instrumentation.attempts import Attempt
from spanledger.instrumentation.attribution import Values, current_attribution
from spanledger.instrumentation.content import Content, Redact
from spanledger.instrumentation.estimation import Estimator
from spanledger.instrumentation.facts import (
    answer_facts,
    error_name,
    read_asked,
    request_facts,
    span_name,
    usage_facts,
)
from spanledger.instrumentation.forms import known_body
from spanledger.instrumentation.guard import guarded
from spanledger.instrumentation.metrics import Metrics
from spanledger.instrumentation.neighbours import MetCall, audible, is_suppressed, meet
from spanledger.instrumentation.sending import Sending, being_sent
from spanledger.instrumentation.telemetry import Destination
from spanledger.instrumentation.text import bounded
from spanledger.instrumentation.unstated import Unstated
from spanledger.instrumentation.wire import HttpRequest
from spanledger.settings import Settings

__all__ = ["Exchange", "Reading", "Recorder"]

_UNREADABLE: Final = "the body could not be read"

_REDIRECT: Final = 300
_FAILURE: Final = 400

Facts = Mapping[str, AttributeValue]


def _nothing(_: HttpRequest) -> None:
    return None


@dataclass(frozen=True, slots=True)
class Recorder:
    """Turns requests into exchanges; all of ours that a hook knows."""

    tracer: Tracer
    metrics: Metrics
    destination: Destination
    settings: Settings = field(default_factory=Settings)
    """What the app has set, read once when the recording started."""
    redact: Redact | None = None
    """What prompts and answers pass, where content is captured."""
    estimator: Estimator | None = None
    """Who counts tokens where no usage is stated."""
    otherwise: "Callable[[HttpRequest], Exchange | None]" = _nothing
    """Asked about each request that no dialect reads."""

    def begin(self, request: HttpRequest) -> "Exchange | None":
        """The exchange that `request` begins; `None` when it is none, or nobody records."""
        with guarded("begin an exchange"):
            dialect = find_dialect(request.url.path) if request.method == "POST" else None
            if dialect is None:
                return self.otherwise(request)
                return None
            context = get_current()
            if is_suppressed(context) or being_sent(context, request, dialect):
                return None
            return self._start(request, dialect, context)
        return None

    def _start(self, request: HttpRequest, dialect: Dialect, context: Context) -> "Exchange | None":
        if dialect.shared_path and not read_asked(request, dialect).model:
            return None
        self.destination.settle()
        exchange = Exchange(self, request, dialect, context)
        if self.settings.capture_content:
            exchange.capture(Content(dialect, known_body(request), self.redact))
        with guarded("look for neighbours"):
            exchange.look_around()
        return exchange


class Exchange:
    """The record of one exchange while it lasts. Its span ends exactly once, whoever ends it.

    While the app waits for its first byte next to nothing is done: what the request says is read
    at the end, unless somebody looks at the span before.
    """

    __slots__ = (
        "_asked",
        "_attempt",
        "_attribution",
        "_content",
        "_context",
        "_dialect",
        "_ending",
        "_error_type",
        "_finalizer",
        "_first_chunk_seconds",
        "_last_byte_ns",
        "_met",
        "_name",
        "_reader",
        "_recorder",
        "_request",
        "_span",
        "_start_ns",
        "_started",
        "_starting",
        "_told",
        "_usage",
    )

    def __init__(
        self, recorder: Recorder, request: HttpRequest, dialect: Dialect, context: Context
    ) -> None:
        self._recorder = recorder
        self._request: HttpRequest | None = request
        self._dialect = dialect
        self._context = context  # the app's
        self._attribution: Values = current_attribution(context)
        self._name = ""
        self._asked: dict[str, AttributeValue] = {}  # the facts known before the answer
        self._told: dict[str, AttributeValue] = {}  # those that come with it
        self._usage: Json | None = None  # as stated, or as the request alone determines it
        self._content: Content | None = None
        self._first_chunk_seconds: float | None = None
        self._last_byte_ns: int | None = None
        self._error_type = ""
        self._reader: AnswerReader | None = None
        self._finalizer: weakref.finalize[..., object] | None = None
        self._span: Span | None = None
        # Of one thread again, because a processor may look at the span that it is told of.
        self._starting = threading.RLock()
        self._ending = threading.Lock()  # taken once, never released
        self._attempt: Attempt | None = Attempt(request)
        self._met: MetCall | None = None  # as spans of others are compared with it
        self._start_ns = time.time_ns()
        self._started = time.perf_counter()

    def span(self) -> Span:
        """The span of the exchange, which starts when it is first asked for."""
        with guarded("start a span"), self._starting:
            if self._span is None:
                self._span = INVALID_SPAN  # for who asks while it starts
                self._span = self._start_span(self._read_request())
        return INVALID_SPAN if self._span is None else self._span

    def look_around(self) -> None:
        """Mark what stands for the same call; only who is there has the request read now."""
        self._met = meet(self._context, self._dialect.operation, self._start_ns, self._read_request)

    def capture(self, content: Content) -> None:
        """Put what is said on the span as well."""
        self._content = content

    def is_call_of(self, request: HttpRequest, dialect: Dialect) -> bool:
        """Whether `request` is the same call, in another library's hands."""
        ours = self._request
        return (
            ours is not None
            and self._dialect.operation == dialect.operation
            and ours.url.host == request.url.host
        )

    def sending(self) -> "Sending":
        """The block in which the request is sent and answered, with our span as the current one."""
        return Sending(self, self._context)

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
        reader = self._reader
        if reader is None:
            return
        if self._content is not None:
            self._content.feed(chunk, decoded=decoded)
        self._last_byte_ns = time.time_ns()
        if self._first_chunk_seconds is None:
            self._first_chunk_seconds = time.perf_counter() - self._started
        if reader.hold(chunk, decoded=decoded):
            self._reader, self._told[names.ANSWER_PROBLEM] = None, _UNREADABLE
            with guarded("read an answer"):
                reader.read()
                self._reader = reader
                del self._told[names.ANSWER_PROBLEM]

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
        end_ns = time.time_ns() if end_time is None else end_time
        if self._finalizer is not None:
            self._finalizer.detach()
        with guarded("describe an exchange"):
            self._describe(ended=ended, error=error)
        taken = False
        if self._usage is None and self._recorder.estimator is not None:
            with guarded("have usage estimated"):
                taken = self._have_estimated(self._recorder.estimator, end_ns)
        if not taken:
            with guarded("end a span"):
                self._finish(end_ns, {})

    def _have_estimated(self, estimator: Estimator, end_ns: int) -> bool:
        """Let somebody else end the span, who estimates the usage first, where none was stated."""
        reader, request = self._reader, self._request
        if reader is None or request is None:
            return False
        facts = {**self._asked, **self._told}
        call = Unstated(
            dialect=self._dialect, facts=facts, prompt=known_body(request), reader=reader
        )
        return estimator.take(call, partial(self._finish, end_ns))

    def _finish(self, end_ns: int, facts: Facts) -> None:
        self._told.update(facts)
        self._reader = None
        if self._span is None and self._recorder.destination.alone:
            # Nobody has looked at the span, and nobody would see it: it need not be.
            if self._usage is not None:
                # The sender spells it, where many calls are read at once.
                self._told[names.USAGE_RAW] = cast("AttributeValue", self._usage)
            self._keep(end_ns)
        else:
            if self._usage is not None:
                self._told.update(usage_facts(str(self._asked[names.PROVIDER_NAME]), self._usage))
            with audible():
                self._end_span(end_ns)
        self._request = self._attempt = self._usage = None

    def _abandon(self) -> None:
        self.end(ended=False, end_time=self._last_byte_ns)

    def _read_request(self) -> dict[str, AttributeValue]:
        """What is known before the answer."""
        if not self._asked and self._request is not None:
            asked = read_asked(self._request, self._dialect)
            self._name = span_name(self._dialect, asked)
            self._usage = asked.usage  # unless the answer states one
            self._asked = request_facts(
                self._request,
                self._dialect,
                asked,
                self._attribution,
                self._recorder.settings.endpoints,
            )
        return self._asked

    def _start_span(self, facts: Facts) -> Span:
        return self._recorder.tracer.start_span(
            self._name or self._dialect.operation,
            context=self._context,
            kind=SpanKind.CLIENT,
            attributes=facts,
            start_time=self._start_ns,
        )

    def _end_span(self, end_ns: int) -> None:
        """End the span with all that is known, having started it if nobody has."""
        with self._starting:
            span = self._span
            if span is None:
                span = self._span = self._start_span({**self._asked, **self._told})
            else:
                span.set_attributes(self._told)
        if not span.is_recording():
            # A sampler of the app's has dropped it: it has cost money all the same.
            self._keep(end_ns)
            return
        if self._error_type:
            span.set_status(StatusCode.ERROR)
        span.end(end_ns)

    def _keep(self, end_ns: int) -> None:
        self._recorder.destination.keep(
            self._span,
            self._context,
            (self._name, self._start_ns, end_ns),
            {**self._asked, **self._told},
            failed=bool(self._error_type),
        )

    def _describe(self, *, ended: bool, error: BaseException | None) -> None:
        seconds = time.perf_counter() - self._started
        if not self._error_type and error is not None:
            self._error_type = error_name(error)
        asked = self._read_request()
        self._describe_answer(ended=ended)
        if self._content is not None:
            self._told.update(self._content.facts())
        if self._error_type:
            self._told[names.ERROR_TYPE] = self._error_type
        if self._attempt is not None:
            self._told.update(self._attempt.over(asked, self._told, error))
        if self._met is not None:
            self._met.over(self._told)
        metrics = self._recorder.metrics
        if metrics.wanted:
            usage = usage_facts(str(asked[names.PROVIDER_NAME]), self._usage)
            metrics.record({**asked, **self._told, **usage}, seconds)

    def _describe_answer(self, *, ended: bool) -> None:
        # Without a reader there is nothing to be read, and nothing that could be incomplete.
        answer, reader = Answer(complete=True), self._reader
        if reader is not None:
            problem = _UNREADABLE
            with guarded("read an answer"):
                answer = reader.answer(ended=ended)
                problem = reader.problem
            if problem:
                self._told[names.ANSWER_PROBLEM] = problem
        streamed = self._asked[names.REQUEST_STREAM] or (reader is not None and reader.events)
        if streamed and self._first_chunk_seconds is not None:
            self._told[names.RESPONSE_TIME_TO_FIRST_CHUNK] = self._first_chunk_seconds
        if not answer.complete:
            self._told[names.USAGE_PARTIAL] = True
        if answer.error_type:
            self._error_type = self._error_type or bounded(answer.error_type)
        self._told.update(answer_facts(answer))
        failed = bool(self._error_type) or reader is None
        self._usage = settled_usage(None if failed else self._usage, answer.usage)
        self._told[names.USAGE_SOURCE] = "none" if self._usage is None else "provider"


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
