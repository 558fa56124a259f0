"""What a call used whose provider does not say: estimated from what was asked and answered."""

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Final, cast

from opentelemetry.util.types import AttributeValue

from spanledger import attributes as names
from spanledger.dialects.dialect import Dialect, Json, no_texts
from spanledger.dialects.fields import section, sections, text
from spanledger.instrumentation.answer import AnswerReader
from spanledger.instrumentation.written import Written
from spanledger.tokenizer import count_tokens

__all__ = ["Unstated", "can_be_estimated", "count_prompt", "estimate"]

Facts = Mapping[str, AttributeValue]

Count = Callable[[str, Iterable[str]], int]
"""(model, texts) -> tokens."""

CountTexts = Callable[[Iterable[str]], int]
"""The same for a model."""

_READ_ONLY: Final = frozenset({"embeddings", "rerank"})
"""Operations whose models read, and write no text."""

_HEARD: Final = frozenset({"openai.transcription"})
"""Dialects of calls that are paid by what is heard, of which the texts say nothing."""

_MORE_THAN_TEXT: Final = re.compile(
    rb'"type"\s*:\s*"(?:image|image_url|input_image|input_audio|audio|video|file|input_file|document)"'
    rb'|"(?:inline_?[dD]ata|file_?[dD]ata)"\s*:\s*\{|"images"\s*:\s*\[\s*"|"bytes"\s*:\s*"'
)
"""Names of images, sound and files in a request. Within a text its quotation marks would have
backslashes before them."""

_MESSAGE_TOKENS: Final = 3
_ROLE_TOKENS: Final = 1
_NAME_TOKENS: Final = 1
_REPLY_TOKENS: Final = 3

_FUNCTION_TOKENS: Final = 7
_PROPERTIES_TOKENS: Final = 3
_PROPERTY_TOKENS: Final = 3
_ENUM_TOKENS: Final = -3
_ENUM_ITEM_TOKENS: Final = 3
_TOOLS_TOKENS: Final = 12

_DEPTH_MAX: Final = 16

_ANSWER_BYTES_MIN: Final = 16
"""Less is no answer of a model's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Unstated:
    """A call that has ended, of which no usage was stated."""

    dialect: Dialect
    facts: Facts
    """What is on its span so far."""
    prompt: bytes
    """The body of the request; empty where it is not known."""
    reader: AnswerReader

    @property
    def weight(self) -> int:
        """What it holds, in bytes."""
        return len(self.prompt) + self.reader.weight


def can_be_estimated(call: Unstated) -> bool:
    """Whether what calls of this kind cost follows from texts, and so much came as a text takes.

    What images, speech and transcriptions cost does not follow from their texts.
    """
    dialect = call.dialect
    if call.reader.weight < _ANSWER_BYTES_MIN:
        return False
    if dialect.operation in _READ_ONLY:
        return dialect.read_prompt is not no_texts
    return dialect.read_output is not no_texts and dialect.name not in _HEARD


def estimate(call: Unstated, count: Count = count_tokens) -> Facts:
    """The estimate as attributes of the span; none where nothing shows that a model answered.

    A model that writes has answered where it has written; one that only reads, where its answer has
    come whole. Where a part of the input is not known, be it that the request was streamed or that
    it has images, sound or files, the estimate is marked as partial: it is too low.
    """
    written = call.reader.written()
    if not _answered(call, written):
        return {}
    model = str(call.facts.get(names.RESPONSE_MODEL) or call.facts.get(names.REQUEST_MODEL) or "")
    facts: dict[str, AttributeValue] = {names.USAGE_SOURCE: "estimated"}
    body = _parsed(call.prompt)
    if body is not None:
        facts[names.USAGE["input_tokens"]] = count_prompt(call.dialect, body, partial(count, model))
    if body is None or _MORE_THAN_TEXT.search(call.prompt):
        facts[names.USAGE_PARTIAL] = True
    if call.dialect.operation not in _READ_ONLY:
        tokens = count(model, written.texts)
        facts[names.USAGE["output_tokens"]] = round(tokens / written.share)
    return facts


def count_prompt(dialect: Dialect, body: Json, count: CountTexts) -> int:
    """The tokens of a request, whose texts `count` counts.

    Messages become tokens as OpenAI describes it in its cookbook (How to count tokens with
    tiktoken): 3 for each message and 1 for its role, 1 more for a name, and 3 for the reply that
    begins. Functions become declarations: 7 for each, 3 for its properties and 3 for each of them,
    3 for each value of an enumeration less 3 for the first, and 12 at the end. That is exact for
    OpenAI's chat completions with texts and functions; for everybody else's it is the same guess.
    """
    tools, rest = _functions(body), {**body, "tools": None, "functions": None}
    texts = list(dialect.read_prompt(rest if tools else body))
    tokens = count(texts) + _given_tokens(body)
    if dialect.operation in _READ_ONLY or dialect.operation == "text_completion":
        return tokens
    return tokens + _count_frame(body, count) + _count_functions(tools, count)


def _answered(call: Unstated, written: Written) -> bool:
    if call.dialect.operation not in _READ_ONLY:
        return any(written.texts)
    failed = names.ERROR_TYPE in call.facts or names.USAGE_PARTIAL in call.facts
    return written.readable and not failed and _parsed(call.prompt) is not None


def _count_frame(body: Json, count: CountTexts) -> int:
    """What stands between the texts of a conversation."""
    messages = sections(body, "messages") or sections(body, "contents") or sections(body, "input")
    apart = any(body.get(name) for name in ("instructions", "system", "systemInstruction"))
    named = [name for message in messages if (name := text(message, "name"))]
    return (
        (len(messages) or 1) * (_MESSAGE_TOKENS + _ROLE_TOKENS)
        + apart * (_MESSAGE_TOKENS + _ROLE_TOKENS)
        + len(named) * _NAME_TOKENS
        + count(named)
        + _REPLY_TOKENS
    )


def _given_tokens(body: Json) -> int:
    """Texts may come as tokens already: a list of numbers, or lists of them."""
    found, pending = 0, [body.get("input"), body.get("prompt")]
    while pending:
        value = pending.pop()
        if isinstance(value, list):
            pending.extend(cast("list[object]", value))
        found += isinstance(value, int)
    return found


def _functions(body: Json) -> list[Json]:
    """The functions that the model may call, where they are described as OpenAI has them."""
    tools = [section(tool, "function") or tool for tool in sections(body, "tools")]
    found = [*tools, *sections(body, "functions")]
    return found if all(text(tool, "name") and "parameters" in tool for tool in found) else []


def _count_functions(functions: list[Json], count: CountTexts) -> int:
    if not functions:
        return 0
    lines: list[str] = []
    frame = _TOOLS_TOKENS
    for function in functions:
        lines.append(_line(text(function, "name"), text(function, "description")))
        frame += _FUNCTION_TOKENS
        for tokens, line in _declared(section(function, "parameters") or {}, _DEPTH_MAX):
            frame += tokens
            lines.append(line)
    return frame + count(lines)


def _declared(schema: Json, depth: int) -> Iterator[tuple[int, str]]:
    """(tokens of the frame, line) of each property, and of each value that it may have."""
    properties = section(schema, "properties") or {}
    if properties:
        yield _PROPERTIES_TOKENS, ""
    for name in properties:
        of_it = section(properties, name) or {}
        yield _PROPERTY_TOKENS, _line(name, text(of_it, "type"), text(of_it, "description"))
        values = of_it.get("enum")
        if isinstance(values, list) and values:
            yield _ENUM_TOKENS, ""
            yield from ((_ENUM_ITEM_TOKENS, str(value)) for value in cast("list[object]", values))
        if depth:
            yield from _declared(section(of_it, "items") or of_it, depth - 1)


def _line(*parts: str) -> str:
    return ":".join(filter(None, parts)).removesuffix(".")


def _parsed(body: bytes) -> Json | None:
    try:
        parsed = cast("object", json.loads(body))
    except (ValueError, RecursionError):
        return None
    return cast("Json", parsed) if isinstance(parsed, dict) else None
