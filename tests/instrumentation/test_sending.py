"""While a request is sent our span is the current one, and the app's own context is left alone."""

from typing import Any

import httpx2
import pytest
from opentelemetry import context, trace

from spanledger.dialects.dialect import Dialect
from spanledger.dialects.openai import CHAT, EMBEDDINGS
from spanledger.instrumentation.sending import Sending, being_sent
from spanledger.instrumentation.wire import HttpRequest

REQUEST: Any = httpx2.Request("POST", "http://provider/v1/chat/completions")


class Call:
    """What is sent, and how it was told of its end."""

    def __init__(self) -> None:
        self.errors: list[BaseException | None] = []

    def span(self) -> trace.Span:
        """Never asked for here."""
        raise AssertionError

    def is_call_of(self, request: HttpRequest, dialect: Dialect) -> bool:
        """By host and operation."""
        return request.url.host == "provider" and dialect.operation == "chat"

    def end(self, *, ended: bool, error: BaseException | None = None) -> None:
        """Note the error."""
        assert not ended
        self.errors.append(error)


def test_the_same_call_in_another_librarys_hands_is_covered_while_it_is_sent() -> None:
    """Below, the same call is known; another one is not, nor the same after the block."""
    call = Call()
    around = context.get_current()
    with Sending(call, around):
        below = context.get_current()
        assert being_sent(below, REQUEST, CHAT)
        assert not being_sent(below, REQUEST, EMBEDDINGS)
        assert not being_sent(around, REQUEST, CHAT)
    assert context.get_current() is around
    assert not being_sent(below, REQUEST, CHAT)
    assert call.errors == []


@pytest.mark.parametrize("error", [ValueError("x"), KeyboardInterrupt()])
def test_an_error_is_told_and_goes_on(error: BaseException) -> None:
    """Whatever comes instead of an answer ends the exchange, and reaches the app as it is."""
    call = Call()
    before = context.get_current()
    with pytest.raises(type(error)), Sending(call, before):
        raise error
    assert call.errors == [error]
    assert context.get_current() is before
