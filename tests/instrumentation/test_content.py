"""Prompts and answers are on the span if the app asks for them, and nowhere else."""

import json
from collections.abc import Sequence
from typing import Any

import httpx
import pytest

import spanledger
from tests.instrumentation.calls import (
    CHAT,
    CHAT_PATH,
    CHAT_STREAM,
    LIBRARIES,
    MODES,
    Recording,
    post,
)
from tests.instrumentation.provider import Provider, Reply, gzipped, recorded

PROMPT, ANSWER = "canary-prompt", "canary-answer"

WHOLE = Reply(
    json.dumps(
        {"id": "x", "choices": [{"message": {"role": "assistant", "content": ANSWER}}]}
    ).encode()
)
STREAM = Reply(
    b"".join(
        b"data: %s\n\n" % json.dumps({"choices": [{"delta": {"content": piece}}]}).encode()
        for piece in ("canary", "-", "answer")
    )
    + b"data: [DONE]\n\n",
    content_type="text/event-stream",
)


@pytest.fixture
def capture(monkeypatch: pytest.MonkeyPatch) -> None:
    """The setting is on."""
    monkeypatch.setenv("SPANLEDGER_CAPTURE_CONTENT", "true")


def message(role: str, *texts: str) -> list[object]:
    """A message in the form of the conventions."""
    return [{"role": role, "parts": [{"type": "text", "content": text} for text in texts]}]


def messages(recording: Recording) -> tuple[object, object]:
    """What was asked and what was answered, as the only span has it."""
    facts = recording.facts
    return tuple(  # pyright: ignore[reportReturnType] - two of them
        json.loads(facts[name]) if name in facts else None
        for name in ("gen_ai.input.messages", "gen_ai.output.messages")
    )


@pytest.mark.usefixtures("capture")
def test_prompt_and_answer_are_captured_whole_and_streamed(
    recording: Recording, provider: Provider, library: Any, mode: str
) -> None:
    """The texts of a stream are put together; compressed bodies are read as well."""
    stream = mode.endswith("stream")
    provider.answer_with(gzipped(STREAM if stream else WHOLE))
    with recording.on():
        post(library, mode, provider.url + CHAT_PATH, CHAT_STREAM if stream else CHAT)

    assert messages(recording) == (message("user", PROMPT), message("assistant", ANSWER))


@pytest.mark.parametrize("library", LIBRARIES, ids=lambda library: library.__name__)
@pytest.mark.parametrize("mode", MODES)
def test_nothing_is_captured_unless_asked_for(
    recording: Recording, provider: Provider, library: Any, mode: str
) -> None:
    """The canary stands nowhere on the span, whatever the app has set as a redaction."""
    stream = mode.endswith("stream")
    provider.answer_with(STREAM if stream else WHOLE)
    spanledger.instrument(tracer_provider=recording.provider, redact=list)
    post(library, mode, provider.url + CHAT_PATH, CHAT_STREAM if stream else CHAT)
    spanledger.uninstrument()

    assert "canary" not in recording.span.to_json()


@pytest.mark.usefixtures("capture")
def test_the_apps_redaction_has_the_last_word(recording: Recording, provider: Provider) -> None:
    """It sees the texts before anything is kept."""
    provider.answer_with(STREAM)

    def redact(texts: Sequence[str]) -> list[str]:
        return [text.replace("canary", "***") for text in texts]

    spanledger.instrument(tracer_provider=recording.provider, redact=redact)
    post(httpx, "sync stream", provider.url + CHAT_PATH, CHAT_STREAM)
    spanledger.uninstrument()

    assert messages(recording) == (
        message("user", "***-prompt"),
        message("assistant", "***-answer"),
    )
    assert "canary" not in recording.span.to_json()


@pytest.mark.usefixtures("capture")
def test_a_redaction_that_fails_keeps_nothing(
    recording: Recording, provider: Provider, caplog: pytest.LogCaptureFixture
) -> None:
    """No content rather than unredacted content; the rest of the span stays, the log is silent."""
    provider.answer_with(recorded("openai_chat.json"))

    def redact(texts: Sequence[str]) -> list[str]:
        raise ValueError(texts)

    spanledger.instrument(tracer_provider=recording.provider, redact=redact)
    post(httpx, "sync", provider.url + CHAT_PATH, CHAT)
    spanledger.uninstrument()

    assert messages(recording) == (None, None)
    assert recording.facts["gen_ai.usage.input_tokens"] > 0
    assert "canary" not in caplog.text


@pytest.mark.usefixtures("capture")
def test_what_is_kept_is_bounded(recording: Recording, provider: Provider) -> None:
    """65,536 characters of a prompt, and of an answer, whole texts first."""
    piece = json.dumps({"choices": [{"delta": {"content": "y" * 1000}}]}).encode()
    provider.answer_with(Reply(b"data: %s\n\n" % piece * 200, content_type="text/event-stream"))
    contents = [{"role": "user", "content": "x" * 40_000} for _ in range(5)]
    with recording.on():
        body = {**CHAT_STREAM, "messages": contents}
        post(httpx, "sync stream", provider.url + CHAT_PATH, body)

    asked, answered = messages(recording)
    assert asked == message("user", "x" * 40_000, "x" * 25_536)
    assert answered == message("assistant", "y" * 65_536)


@pytest.mark.usefixtures("capture")
@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'{"choices": 1}', b"\xff" * 100])
def test_hostile_answers_have_no_content(
    recording: Recording, provider: Provider, body: bytes
) -> None:
    """What cannot be read is not captured, and the prompt still is."""
    provider.answer_with(Reply(body))
    with recording.on():
        post(httpx, "sync", provider.url + CHAT_PATH, CHAT)

    assert messages(recording) == (message("user", PROMPT), None)
