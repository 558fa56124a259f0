"""What fails in our code never reaches the app, and is said once."""

import logging
from collections.abc import Iterator, Sequence
from typing import Any, NoReturn

import pytest
from opentelemetry import trace
from opentelemetry.util.types import AttributeValue

import spanledger
from spanledger.instrumentation.guard import failures, guarded
from tests.instrumentation.calls import CHAT, CHAT_PATH, CHAT_STREAM, post
from tests.instrumentation.provider import Provider, recorded


class Failure(Exception):
    """What fails, with a text that nobody should see."""

    def __init__(self) -> None:
        super().__init__("canary-secret")


def test_the_first_failure_warns_and_later_ones_do_not(caplog: pytest.LogCaptureFixture) -> None:
    """One warning per kind, without the text of the error, which may quote a secret."""
    caplog.set_level(logging.DEBUG, logger="spanledger")
    kind = "test the guard"

    for _ in range(3):
        with guarded(kind):
            raise Failure

    assert [record.levelno for record in caplog.records] == [10 * 3, 10, 10]
    assert "could not test the guard: Failure at " in caplog.text
    assert "test_guard.py:" in caplog.text
    assert "canary-secret" not in caplog.text
    assert failures()[kind] == 3


@pytest.mark.parametrize("kind", [KeyboardInterrupt, SystemExit, GeneratorExit])
def test_what_is_no_exception_passes(kind: type[BaseException]) -> None:
    """Interrupts and exits belong to the app."""
    with pytest.raises(kind), guarded("be interrupted"):
        raise kind


class Broken(trace.NonRecordingSpan):
    """A span of an SDK that fails at everything."""

    def is_recording(self) -> bool:
        """It says so."""
        return True

    def _fail(self, *_given: Any, **_more: Any) -> NoReturn:
        raise Failure

    set_attribute = set_attributes = set_status = end = _fail


class BrokenTracer(trace.NoOpTracer):
    """A tracer that fails, or whose spans do."""

    def __init__(self, *, at_start: bool) -> None:
        self._at_start = at_start

    def start_span(self, *_given: Any, **_more: Any) -> trace.Span:
        """Fail, or make a span that will."""
        if self._at_start:
            raise Failure
        return Broken(trace.INVALID_SPAN_CONTEXT)


class BrokenProvider(trace.NoOpTracerProvider):
    """A provider of such tracers."""

    def __init__(self, *, at_start: bool) -> None:
        self._tracer = BrokenTracer(at_start=at_start)

    def get_tracer(self, *_given: Any, **_more: Any) -> trace.Tracer:
        """The broken tracer."""
        return self._tracer


@pytest.mark.parametrize("at_start", [True, False])
def test_a_broken_sdk_does_not_touch_the_call(
    provider: Provider, library: Any, mode: str, *, at_start: bool
) -> None:
    """The app gets its answer byte for byte, however much fails in the recording of it."""
    stream = mode.endswith("stream")
    reply = recorded("openai_chat_stream.sse" if stream else "openai_chat.json")
    provider.answer_with(reply)

    spanledger.instrument(tracer_provider=BrokenProvider(at_start=at_start))
    try:
        seen = post(library, mode, provider.url + CHAT_PATH, CHAT_STREAM if stream else CHAT)
    finally:
        spanledger.uninstrument()

    assert b"".join(seen.chunks) == reply.body
    assert seen.error == ()


class Unreadable(Sequence[str]):
    """A value that cannot be made a text."""

    def __getitem__(self, index: Any) -> Any:
        raise IndexError

    def __len__(self) -> int:
        return 0

    def __str__(self) -> str:
        raise Failure


def test_a_broken_value_spares_the_others() -> None:
    """An attribution that cannot be read is left out, and the rest of it stands."""
    from spanledger.instrumentation.attribution import (  # noqa: PLC0415 - looked at here only
        current_attribution,
    )

    values: dict[str, AttributeValue] = {}
    with spanledger.attribute(user_id=Unreadable(), team="red"):
        values.update(current_attribution())

    assert values == {"spanledger.team": "red"}


def test_a_broken_config_does_not_stop_the_app(monkeypatch: pytest.MonkeyPatch) -> None:
    """Variables that OpenTelemetry refuses leave the app unrecorded, and running."""
    monkeypatch.setenv("OTEL_ATTRIBUTE_COUNT_LIMIT", "no number")
    before = failures().get("start the recording", 0)

    spanledger.instrument()
    spanledger.uninstrument()

    assert failures()["start the recording"] == before + 1


@pytest.fixture(autouse=True)
def quiet(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """What the guard logs is looked at where it matters."""
    with caplog.at_level(logging.DEBUG):
        yield
