"""The columns of the matrix: what may happen to a call, and what is on record then."""

import asyncio
import gc
import time
from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import Any, Final, cast

from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.trace import StatusCode

from tests.instrumentation.calls import Recording, describe
from tests.matrix.forms import Form
from tests.matrix.server import Server

USAGE: Final = "gen_ai.usage."
COVERED: Final = "spanledger.covered"


@dataclass(frozen=True, slots=True)
class Outcome:
    """All that the app can tell apart: the pieces it got, and the exception that ended them."""

    pieces: tuple[object, ...] = ()
    error: tuple[object, ...] = ()


Cell = Callable[[Form, str, Server], Outcome]


def to_the_end(form: Form, url: str, _server: Server) -> Outcome:
    """Everything is read."""
    pieces: list[object] = []
    return _outcome(form, url, pieces, limit=None)


def dropped(form: Form, url: str, _server: Server) -> Outcome:
    """The app stops after the first piece and closes nothing itself."""
    pieces: list[object] = []
    return _outcome(form, url, pieces, limit=1)


def cancelled(form: Form, url: str, server: Server) -> Outcome:
    """The app's task is cancelled while the provider keeps it waiting."""
    server.stage.arrived.clear()
    pieces: list[object] = []

    async def cancel() -> None:
        task = asyncio.ensure_future(_read_async(form, url, pieces, limit=None))
        await asyncio.to_thread(server.stage.arrived.wait, 5)
        if form.stream and "/sim-stall" in url:
            while not pieces:  # noqa: ASYNC110 - the form has no event to wait for
                await asyncio.sleep(0.001)
        task.cancel()
        await task

    seen = _seen(lambda: asyncio.run(cancel()), pieces)
    # How many pieces have come by then is a matter of luck.
    return Outcome(seen.pieces[:1], seen.error)


def _outcome(form: Form, url: str, pieces: list[object], *, limit: int | None) -> Outcome:
    if form.is_async:
        return _seen(lambda: asyncio.run(_read_async(form, url, pieces, limit=limit)), pieces)
    return _seen(lambda: _read(form, url, pieces, limit=limit), pieces)


def _seen(call: Callable[[], object], pieces: list[object]) -> Outcome:
    try:
        call()
    except (Exception, asyncio.CancelledError) as error:  # noqa: BLE001 - any is to be compared
        return Outcome(tuple(pieces), describe(error))
    return Outcome(tuple(pieces))


def _read(form: Form, url: str, pieces: list[object], *, limit: int | None) -> None:
    run = cast("Generator[object]", form.run(url))
    for piece in run:
        pieces.append(piece)
        if len(pieces) == limit:
            run.close()


async def _read_async(form: Form, url: str, pieces: list[object], *, limit: int | None) -> None:
    run: Any = form.run(url)
    async for piece in run:
        pieces.append(piece)
        if len(pieces) == limit:
            await run.aclose()


@dataclass(frozen=True, slots=True)
class Column:
    """One column of the matrix."""

    act: Cell
    fault: str = ""
    needs_stream: bool = False
    needs_async: bool = False

    def fits(self, form: Form) -> bool:
        """Whether the form can end up in this column at all."""
        return form.stream >= self.needs_stream and form.is_async >= self.needs_async


COLUMNS: Final = {
    "answered": Column(to_the_end),
    "401": Column(to_the_end, "401"),
    "429": Column(to_the_end, "429"),
    "500": Column(to_the_end, "500"),
    "cut": Column(to_the_end, "cut"),
    "dropped": Column(dropped, "stall", needs_stream=True),
    "cancelled": Column(cancelled, "hang", needs_async=True),
    "cancelled midway": Column(cancelled, "stall", needs_stream=True, needs_async=True),
}


def cells(forms: list[Form]) -> list[tuple[Form, str]]:
    """Every (form, column) that exists."""
    return [(form, name) for form in forms for name, column in COLUMNS.items() if column.fits(form)]


def name_of(value: object) -> str:
    """How a test of a cell is called."""
    return value.name if isinstance(value, Form) else str(value)


def check_cell(server: Server, recording: Recording, form: Form, column: str) -> None:
    """Make the call without us and with us: the app sees the same, and one span tells of it."""
    act, fault = COLUMNS[column].act, COLUMNS[column].fault
    url = server.urls[form.provider] + (f"/sim-{fault}" if fault else "")

    without_us = act(form, url, server)
    gc.collect()
    requests = server.stage.requests
    with recording.on():
        with_us = act(form, url, server)
        _collect(recording)

    assert with_us == without_us
    failed = column not in {"answered", "dropped"}
    if column == "cut":
        failed = bool(with_us.error)  # not every client finds a missing end worth an exception
    assert bool(with_us.error) is failed, with_us.error
    assert server.stage.requests - requests == 1, "an attempt is a span, and here is one attempt"
    check_span(form, column, billable(recording), failed=failed)


def _collect(recording: Recording) -> None:
    """Wait for what was dropped to be collected; an SDK's own threads may hold it for a while."""
    end = time.monotonic() + 30
    gc.collect()
    while not recording.spans and time.monotonic() < end:
        time.sleep(0.01)
        gc.collect()


def billable(recording: Recording) -> ReadableSpan:
    """The only span that is a call: others may stand around it, and say that it covers them."""
    (span,) = (span for span in recording.spans if COVERED not in (span.attributes or {}))
    return span


def check_span(form: Form, column: str, span: ReadableSpan, *, failed: bool) -> None:
    """What is on record of the form after what the column says has happened."""
    facts = dict(span.attributes or {})
    assert facts["gen_ai.provider.name"] == form.provider
    assert facts["gen_ai.operation.name"] == form.operation
    assert facts.get("gen_ai.request.model", "") == form.model
    assert span.status.status_code is (StatusCode.ERROR if failed else StatusCode.UNSET)
    assert ("error.type" in facts) is failed
    assert "canary" not in span.to_json()
    if column.startswith("cancelled"):
        assert facts["error.type"] == "asyncio.exceptions.CancelledError"
    usage = {
        name.removeprefix(USAGE): n for name, n in facts.items() if name.startswith(USAGE) and n
    }
    if column == "answered":
        assert facts.get("gen_ai.response.model", "") == form.answered
        if form.states_usage:
            assert usage == form.usage
        assert (facts["spanledger.usage.source"] == "provider") is form.states_usage
        assert "spanledger.usage.partial" not in facts
    elif column.isdigit():
        assert facts["error.type"] == column
        assert facts["http.response.status_code"] == int(column)
        assert usage == {}
    elif column == "cancelled":
        assert usage == {}
    elif form.stream:
        assert facts["spanledger.usage.partial"] is True
