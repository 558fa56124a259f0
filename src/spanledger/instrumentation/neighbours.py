"""Whose spans stand for the same model call as ours: they are marked, so that it is billed once.

A span of somebody else's may lie around ours, beside it (started, but not made the current one) or
behind it (made when the answer was there). What lies around is found by its ids, what lies beside
because it was started in the same context and has not ended; what comes behind shows it.

Only what lies directly around ours is found without `note_start`, which a processor calls.
"""

import weakref
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextvars import ContextVar, Token
from dataclasses import dataclass
from types import TracebackType
from typing import Final, cast

from opentelemetry.context import (
    _SUPPRESS_INSTRUMENTATION_KEY,  # pyright: ignore[reportPrivateUsage] - it has no public name
    Context,
    attach,
    detach,
    get_current,
    set_value,
)
from opentelemetry.trace import INVALID_SPAN, Span, SpanContext, get_current_span

from spanledger import attributes as names
from spanledger.instrumentation.inference import (
    attributes_of,
    family,
    is_http,
    is_late_report,
    is_of_family,
    looks_like_inference,
    named_model,
    names_another_model,
    scope_of,
)

__all__ = ["MetCall", "audible", "is_recorded", "is_suppressed", "meet", "note_start"]

_OPEN_MAX: Final = 8
"""Spans that are remembered for a context; nobody nests more of them around one call."""

_CALLS_MAX: Final = 512
"""Calls of ours that are remembered for what comes behind them."""

_SUPPRESSIONS: Final = (_SUPPRESS_INSTRUMENTATION_KEY, "suppress_instrumentation")

Ids = tuple[int, int]
"""Of trace and span; zeros where there is none."""

_open: Final[ContextVar[tuple["weakref.ref[Span]", ...]]] = ContextVar(
    "spanledger_open_spans", default=()
)
"""Spans of others that were started in this context, the latest first."""

_alive: Final["weakref.WeakValueDictionary[Ids, Span]"] = weakref.WeakValueDictionary()
"""Spans of others, wherever they were started: a context may have been handed to another task."""

Asked = Callable[[], Mapping[str, object]]
"""Tells the facts of a request, by the names of the attributes."""


@dataclass(slots=True, kw_only=True)
class MetCall:
    """A call of ours, as spans of others are compared with it."""

    family: str
    start_ns: int
    asked: Asked | None
    """Asked only if somebody is there, and let go at the end: it holds the request."""
    parent: Ids = (0, 0)
    """Of the span above all that stand for the call."""
    scopes: frozenset[str] = frozenset()
    """Whose spans have been marked."""
    model: str = ""
    stream: bool = False
    response_id: str = ""
    billed: bool | None = None
    """Whether the answer has told its usage; `None` until the end."""
    claimed: bool = False
    """What comes behind it has come."""

    def over(self, told: Mapping[str, object]) -> None:
        """Take note of the end, `told` being the facts of the answer."""
        self.learn()
        self.response_id = str(told.get(names.RESPONSE_ID, ""))
        self.billed = told.get(names.USAGE_SOURCE) == "provider"

    def learn(self) -> None:
        """Take note of what is asked for."""
        asked, self.asked = self.asked, None
        if asked is not None:
            facts = asked()
            self.model = str(facts.get(names.REQUEST_MODEL, ""))
            self.stream = facts.get(names.REQUEST_STREAM) is True

    def is_around(self, span: Span) -> bool:
        """Whether a span that ours is below stands for the call."""
        if looks_like_inference(span):
            return is_of_family(span, self.family)
        if not (model := named_model(span)):
            return False
        self.learn()
        return model == self.model

    def is_beside(self, span: Span) -> bool:
        """Whether a span that was started before ours, and not made the current one, does so."""
        return looks_like_inference(span) and self._asks_the_same(span)

    def is_behind(self, span: Span) -> bool:
        """Whether a late report does so: by its time, or as whoever makes it was marked before."""
        if self.claimed or self.parent != _parent_of(span):
            return False
        start_ns = cast("int | None", getattr(span, "start_time", None)) or 0
        if start_ns <= self.start_ns:
            # What was answered without usage, as in the background, may be reported on later.
            return self.billed is not False and self._asks_the_same(span)
        if scope_of(span) not in self.scopes or not self._asks_the_same(span):
            return False
        self.learn()
        return self.stream

    def _asks_the_same(self, span: Span) -> bool:
        if not is_of_family(span, self.family):
            return False
        self.learn()
        return not names_another_model(span, self.model)


_calls: Final[deque[MetCall]] = deque(maxlen=_CALLS_MAX)
"""Calls of ours, the latest last."""


def note_start(span: Span) -> None:
    """Remember a span of somebody else's that starts here; a late report is marked at once."""
    _alive[_ids(span.get_span_context())] = span
    _open.set((weakref.ref(span), *map(weakref.ref, _open_spans()))[:_OPEN_MAX])
    if is_late_report(span):
        behind = [call for call in tuple(_calls) if call.is_behind(span)]
        if behind:
            min(behind, key=lambda call: call.start_ns).claimed = True
            _cover(span)


def meet(context: Context, operation: str, start_ns: int, asked: Asked) -> MetCall:
    """Mark what stands for the call of ours that begins in `context`, and remember the call.

    Args:
        context: the app's.
        operation: ours, as the attribute has it.
        start_ns: in nanoseconds since 1970.
        asked: tells what is asked for.
    """
    call = MetCall(family=family(operation), start_ns=start_ns, asked=asked)
    _calls.append(call)
    enclosing = get_current_span(context)
    if enclosing is INVALID_SPAN and not _open.get():
        return call  # as it mostly is
    same, parents = _around(call, enclosing)
    for span in _open_spans():
        ids = _ids(span.get_span_context())
        if ids not in parents and _parent_of(span) in parents and call.is_beside(span):
            same.append(span)
    for span in same:
        _cover(span)
    call.parent = parents[-1]
    call.scopes = frozenset(map(scope_of, same))
    return call


def is_recorded(span: object) -> bool:
    """Whether an ended span of somebody else's tells of an answer that we have recorded."""
    response_id = attributes_of(span).get(names.RESPONSE_ID)
    return bool(response_id) and any(call.response_id == response_id for call in tuple(_calls))


def is_suppressed(context: Context) -> bool:
    """Whether nothing is to be recorded in `context`.

    A library that suppresses others below its own span of a model call, as Logfire does, does not
    mean us: the cost would have to be read from its span, which tells less.
    """
    if not (context.get(_SUPPRESSIONS[0]) or context.get(_SUPPRESSIONS[1])):
        return False
    enclosing = get_current_span(context)
    return not (enclosing.is_recording() and looks_like_inference(enclosing))


class audible:  # noqa: N801 - read as a statement: with audible()
    """Lifts a suppression while a span of ours starts or ends, as some processors heed it."""

    __slots__ = ("_token",)

    def __init__(self) -> None:
        self._token: Token[Context] | None = None

    def __enter__(self) -> None:
        context = get_current()
        if context.get(_SUPPRESSIONS[0]) or context.get(_SUPPRESSIONS[1]):
            for key in _SUPPRESSIONS:
                context = set_value(key, value=False, context=context)
            self._token = attach(context)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._token is not None:
            detach(self._token)


def _open_spans() -> Iterator[Span]:
    """What was started in this context and has not ended, the latest first."""
    for reference in _open.get():
        span = reference()
        if span is not None and span.is_recording():
            yield span


def _around(call: MetCall, enclosing: Span) -> tuple[list[Span], list[Ids]]:
    """The spans around ours that stand for its call, and the ids of all that may have it below.

    The last of the ids is that of an agent's span, a tool's or the app's own: above it are other
    calls.
    """
    around: list[Span] = []
    parents = [_ids(enclosing.get_span_context())]
    span: Span | None = enclosing
    while span is not None and span.is_recording():
        if call.is_around(span):
            around.append(span)
        elif not is_http(span):
            break
        parents.append(_parent_of(span))
        span = _alive.get(parents[-1])
    return around, parents


def _ids(context: SpanContext) -> Ids:
    return context.trace_id, context.span_id


def _parent_of(span: Span) -> Ids:
    parent = cast("SpanContext | None", getattr(span, "parent", None))
    return (0, 0) if parent is None else _ids(parent)


def _cover(span: Span) -> None:
    span.set_attribute(names.COVERED, value=True)
