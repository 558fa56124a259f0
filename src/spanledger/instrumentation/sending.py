"""The block in which a request is sent and answered, with our span as the current one."""

from contextvars import Token
from types import TracebackType
from typing import Final, Protocol

from opentelemetry.context import Context, attach, create_key, detach, set_value
from opentelemetry.trace import Span, set_span_in_context

from spanledger.dialects.dialect import Dialect
from spanledger.instrumentation import travel
from spanledger.instrumentation.guard import guarded
from spanledger.instrumentation.late_span import LateSpan
from spanledger.instrumentation.wire import HttpRequest

__all__ = ["Sending", "Sent", "being_sent"]

_SENDING: Final = create_key("spanledger-sending")


class Sent(Protocol):
    """What is sent: an exchange."""

    def span(self) -> Span:
        """Its span, which starts when it is first asked for."""
        ...

    def is_call_of(self, request: HttpRequest, dialect: Dialect) -> bool:
        """Whether `request` is the same call, in another library's hands."""
        ...

    def end(self, *, ended: bool, error: BaseException | None = None) -> None:
        """Called with the error that the app sees instead of an answer."""
        ...


class Sending:
    """Makes the exchange's span the current one, and leaves the app's context as it was."""

    __slots__ = ("_around", "_exchange", "_token")

    def __init__(self, exchange: Sent, around: Context) -> None:
        self._exchange = exchange
        self._around = around
        self._token: Token[Context] | None = None

    def covers(self, request: HttpRequest, dialect: Dialect) -> bool:
        """Whether `request`, which begins now, is this one on its way down.

        A task that was started on the way, and outlives it, keeps the context but not the cover.
        """
        return self._token is not None and self._exchange.is_call_of(request, dialect)

    def __enter__(self) -> None:
        with guarded("make a span current"):
            around = travel.unpacked(self._around)
            context = set_span_in_context(LateSpan(self._exchange.span), around)
            self._token = attach(set_value(_SENDING, self, context))

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


def being_sent(context: Context, request: HttpRequest, dialect: Dialect) -> bool:
    """Whether one HTTP library only works for another one, which records the call already."""
    sending = context.get(_SENDING)
    return isinstance(sending, Sending) and sending.covers(request, dialect)
