"""What a call used whose provider does not say: estimated from what was asked and answered."""

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Final, cast

from opentelemetry.util.types import AttributeValue

from spanledger import attributes as names
from spanledger.dialects.dialect import Dialect, Json, no_texts
from spanledger.dialects.tokens import READ_ONLY, count_prompt, has_more_than_text
from spanledger.instrumentation.answer import AnswerReader
from spanledger.instrumentation.written import Written
from spanledger.tokenizer import count_tokens

__all__ = ["Unstated", "can_be_estimated", "estimate"]

Facts = Mapping[str, AttributeValue]

Count = Callable[[str, Iterable[str]], int]
"""(model, texts) -> tokens."""

_HEARD: Final = frozenset({"openai.transcription"})
"""Dialects of calls that are paid by what is heard, of which the texts say nothing."""

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
    if dialect.operation in READ_ONLY:
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
    if body is None or has_more_than_text(call.prompt):
        facts[names.USAGE_PARTIAL] = True
    if call.dialect.operation not in READ_ONLY:
        tokens = count(model, written.texts)
        facts[names.USAGE["output_tokens"]] = round(tokens / written.share)
    return facts


def _answered(call: Unstated, written: Written) -> bool:
    if call.dialect.operation not in READ_ONLY:
        return any(written.texts)
    failed = names.ERROR_TYPE in call.facts or names.USAGE_PARTIAL in call.facts
    return written.readable and not failed and _parsed(call.prompt) is not None


def _parsed(body: bytes) -> Json | None:
    try:
        parsed = cast("object", json.loads(body))
    except (ValueError, RecursionError):
        return None
    return cast("Json", parsed) if isinstance(parsed, dict) else None
