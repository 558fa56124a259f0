"""Usage is estimated from what was seen, and never where nothing shows that a model answered."""

import hashlib
import json
from collections.abc import Iterable, Mapping

import pytest

from spanledger.dialects import anthropic, bedrock, gemini, ollama, openai, openai_media
from spanledger.dialects.dialect import Dialect
from spanledger.dialects.table import DIALECTS
from spanledger.instrumentation.answer import AnswerReader
from spanledger.instrumentation.unstated import (
    Facts,
    Unstated,
    can_be_estimated,
    estimate,
)
from tests.counting import chat_tokens, tokens
from tests.instrumentation.provider import EVENTS, JSON

IN, OUT = "gen_ai.usage.input_tokens", "gen_ai.usage.output_tokens"
SOURCE, PARTIAL = "spanledger.usage.source", "spanledger.usage.partial"

MESSAGES = [
    {"role": "system", "content": "You are terse, and polite."},
    {"role": "user", "content": "How much is 今天的费用? 👩🏽‍🚀"},
]
CONTENTS = [message["content"] for message in MESSAGES]


def unstated(
    dialect: Dialect,
    asked: object,
    answer: object,
    *,
    content_type: str = JSON,
    facts: Facts | None = None,
) -> Unstated:
    """A call that has ended; texts and bytes stand as they are, all else becomes JSON."""
    reader = AnswerReader(dialect, {"content-type": content_type})
    reader.hold(answer if isinstance(answer, bytes) else json.dumps(answer).encode())
    reader.answer(ended=True)
    prompt = asked if isinstance(asked, bytes) else json.dumps(asked).encode()
    told = {"gen_ai.request.model": "gpt-4o"} if facts is None else facts
    return Unstated(dialect=dialect, facts=told, prompt=prompt, reader=reader)


def said(text: str) -> Mapping[str, object]:
    """A whole answer of a chat."""
    return {"choices": [{"message": {"role": "assistant", "content": text}}]}


def deltas(*words: str) -> bytes:
    """The same as a stream."""
    chunks = [{"choices": [{"delta": {"content": word}}]} for word in words]
    return "".join(f"data: {json.dumps(chunk)}\n\n" for chunk in chunks).encode()


@pytest.mark.parametrize("streamed", [False, True])
def test_both_directions_are_estimated(*, streamed: bool) -> None:
    """S4.3: tokens in and out, marked as an estimate, whether the answer was streamed or not."""
    answer = deltas("It is ", "七", ".") if streamed else said("It is 七.")
    content_type = EVENTS if streamed else JSON
    call = unstated(openai.CHAT, {"messages": MESSAGES}, answer, content_type=content_type)

    assert estimate(call) == {
        SOURCE: "estimated",
        IN: chat_tokens(*CONTENTS),
        OUT: tokens("It is 七."),
    }


def test_the_model_that_answered_decides() -> None:
    """A deployment may have any name; the answer says which model it was."""
    facts = {"gen_ai.request.model": "our-deployment", "gen_ai.response.model": "gpt-4-0613"}
    text = "お誕生日おめでとう"
    estimated = estimate(unstated(openai.CHAT, {"messages": []}, said(text), facts=facts))

    assert estimated[OUT] == tokens(text, "cl100k_base") != tokens(text)


@pytest.mark.parametrize("prompt", [b"", b"\x1f\x8b", b"[1]"])
def test_an_input_that_is_not_known_makes_it_partial(prompt: bytes) -> None:
    """A streamed or compressed request: the output alone would be too cheap, which is said."""
    estimated = estimate(unstated(openai.CHAT, prompt, said("four")))

    assert estimated == {SOURCE: "estimated", PARTIAL: True, OUT: 1}


@pytest.mark.parametrize(
    ("dialect", "body", "partial_"),
    [
        (openai.CHAT, {"content": [{"type": "image_url", "image_url": {"url": "data:"}}]}, True),
        (openai.RESPONSES, {"input": [{"content": [{"type": "input_file"}]}]}, True),
        (anthropic.MESSAGES, {"messages": [{"content": [{"type": "image"}]}]}, True),
        (gemini.GENERATE, {"contents": [{"parts": [{"inline_data": {"data": ""}}]}]}, True),
        (ollama.CHAT, {"messages": [{"images": ["iVBOR"]}]}, True),
        (bedrock.CONVERSE, {"messages": [{"content": [{"image": {"bytes": "i"}}]}]}, True),
        (openai.CHAT, {"messages": [{"content": '{"type": "image_url", "images": ["i"]}'}]}, False),
        (openai.CHAT, {"tools": [{"properties": {"images": {"type": "array"}}}]}, False),
    ],
)  # fmt: skip
def test_more_than_text_makes_it_partial(
    dialect: Dialect, body: Mapping[str, object], partial_: object
) -> None:
    """Images, sound and files cost tokens that no text shows; talk of them costs what it says."""
    answers: Mapping[str, object] = {
        "ollama.chat": {"message": {"content": "a cat"}},
        "anthropic.messages": {"content": [{"text": "a cat"}]},
        "gemini.generate_content": {"candidates": [{"content": {"parts": [{"text": "a cat"}]}}]},
        "openai.responses": {"output": [{"content": [{"text": "a cat"}]}]},
        "bedrock.converse": {"output": {"message": {"content": [{"text": "a cat"}]}}},
    }
    estimated = estimate(unstated(dialect, body, answers.get(dialect.name, said("a cat"))))

    assert estimated[OUT] == 2
    assert (PARTIAL in estimated) is partial_


@pytest.mark.parametrize(
    ("answer", "content_type"),
    [
        (b"<html>Please sign in to go on.</html>", "text/html"),
        ({"error": {"message": "no"}, "choices": []}, JSON),
        (deltas("", ""), EVENTS),
        (b"data: [DONE]\n\n", EVENTS),
        (b"\xff" * 100, "application/octet-stream"),
    ],
)
def test_nothing_written_is_nothing_known(answer: object, content_type: str) -> None:
    """Unknown is not zero, nor is it the prompt: without a word of the model there is no call."""
    call = unstated(openai.CHAT, {"messages": MESSAGES}, answer, content_type=content_type)

    assert estimate(call) == {}


@pytest.mark.parametrize(
    ("answer", "facts", "known"),
    [
        ({"data": [{"embedding": [0.5]}]}, {}, True),
        ({"data": [{"embedding": [0.5]}]}, {"error.type": "500"}, False),
        ({"data": [{"embedding": [0.5]}]}, {PARTIAL: True}, False),
        ({}, {}, False),
        (b"<html>", {}, False),
    ],
)
def test_embeddings_have_an_input_only(answer: object, facts: Facts, *, known: bool) -> None:
    """S4.3: a model that writes nothing has answered where its answer has come whole."""
    estimated = estimate(unstated(openai.EMBEDDINGS, {"input": "a b"}, answer, facts=facts))

    assert estimated == ({SOURCE: "estimated", IN: 2} if known else {})


def test_embeddings_of_unknown_texts_stay_unknown() -> None:
    """Where the request was streamed there is nothing to count at all."""
    assert estimate(unstated(openai.EMBEDDINGS, b"", {"data": [{"embedding": [0.5]}]})) == {}


def test_what_was_not_kept_is_scaled() -> None:
    """Of a stream that was too long to be kept the rest is taken to be like its start."""
    word = "wonder "
    reader = AnswerReader(openai.CHAT, {"content-type": EVENTS})
    noise = [hashlib.shake_256(bytes([number])).hexdigest(3000) for number in range(200)]
    for filler in noise:
        event = json.dumps({"choices": [{"delta": {"content": word * 500}}], "x": filler})
        reader.hold(f"data: {event}\n\n".encode())
        reader.read()
    reader.answer(ended=True)
    call = Unstated(dialect=openai.CHAT, facts={}, prompt=b"{}", reader=reader)

    assert reader.written().share < 0.9
    assert estimate(call)[OUT] == pytest.approx(tokens(word * 500) * 200, rel=0.02)


def test_the_counting_can_be_anybodys() -> None:
    """Who estimates in the background counts so that it can be stopped."""
    seen: list[tuple[str, list[str]]] = []

    def count(model: str, texts: Iterable[str]) -> int:
        seen.append((model, list(texts)))
        return 10

    estimated = estimate(
        unstated(openai.COMPLETIONS, {"prompt": "a"}, {"choices": [{"text": "b"}]}), count
    )

    assert (estimated[IN], estimated[OUT]) == (10, 10)
    assert seen == [("gpt-4o", ["a"]), ("gpt-4o", ["b"])]


def test_what_follows_from_texts_can_be_estimated() -> None:
    """Images, speech, transcriptions and decisions stay without: no text tells what they cost."""
    answer = {"answer": "long enough to be one"}
    without = {row.name for row in DIALECTS if not can_be_estimated(unstated(row, {}, answer))}

    assert without == {
        "openai.decisions",
        "openai.images",
        "openai.speech",
        "openai.transcription",
        "gemini.predict_images",
        "mistral.ocr",
    }
    assert not can_be_estimated(unstated(openai.CHAT, {}, b"{}"))
    assert openai_media.TRANSCRIPTION.name in without


def test_the_weight_is_what_is_held() -> None:
    """The prompt and what is left of the answer: a bound on many can be kept."""
    call = unstated(openai.CHAT, b"x" * 1000, b"y" * 500)

    assert call.weight == 1500
