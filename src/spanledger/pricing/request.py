"""A request that has not been sent: what is to be read in it, and how much may be written."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final, cast

from spanledger.dialects import anthropic, bedrock, gemini, openai
from spanledger.dialects.dialect import Dialect, Json
from spanledger.dialects.fields import section, sections, text
from spanledger.dialects.tokens import READ_ONLY, CountTexts, count_prompt, has_more_than_text
from spanledger.errors import InvalidQuery
from spanledger.usage import QUANTITY_MAX

__all__ = ["FORMS", "Planned", "read_planned"]

FORMS: Final = ("messages", "contents", "input", "prompt", "text")
"""Where a request has what the model is to read."""

_OUTPUT_MAX: Final = (
    ("", "max_output_tokens"),
    ("", "max_completion_tokens"),
    ("", "max_tokens"),
    ("generationConfig", "maxOutputTokens"),
    ("inferenceConfig", "maxTokens"),
)
"""Where a request says how much may be written: the object in it, and the name."""

_ANSWERS: Final = (("", "n"), ("generationConfig", "candidateCount"))
"""Where a request says how many answers it wants."""

_ANTHROPIC_BLOCKS: Final = frozenset({"tool_use", "tool_result", "thinking"})


@dataclass(frozen=True, slots=True)
class Planned:
    """A request that can be counted."""

    dialect: Dialect
    body: Json
    encoded: bytes
    """The body as JSON."""

    @property
    def service_tier(self) -> str:
        """The tier that is asked for; empty where none is."""
        return self.dialect.read_request("", self.body).service_tier

    @property
    def has_tools(self) -> bool:
        """Whether the model may call something."""
        return bool(self.body.get("tools") or self.body.get("toolConfig"))

    @property
    def is_text(self) -> bool:
        """Whether it is a text by itself, with nothing around it."""
        return self.dialect is openai.COMPLETIONS

    @property
    def partial(self) -> bool:
        """There is more than text in it."""
        return has_more_than_text(self.encoded)

    def count(self, count: CountTexts) -> int:
        """Its tokens, whose texts `count` counts."""
        return count_prompt(self.dialect, self.body, count)

    def output(self, expected: int | None) -> tuple[int, int | None]:
        """The least and the most that may be written, in tokens; `None`: there is no limit.

        Raises:
            InvalidQuery: a number is none, below zero, absurd, or more than the limit.
        """
        if self.dialect.operation in READ_ONLY:
            return 0, 0
        answers = self._number(_ANSWERS)
        limit = self._number(_OUTPUT_MAX)
        if expected is not None:
            _check("expected_output_tokens", expected)
            if limit is not None and expected > limit:
                msg = f"expected_output_tokens {expected} is more than the limit of {limit}"
                raise InvalidQuery(msg)
        most = limit if expected is None else expected
        if most is None:
            return 0, None
        high = _check("the output of all answers", most * (1 if answers is None else answers))
        return (0 if expected is None else high), high

    def _number(self, places: tuple[tuple[str, str], ...]) -> int | None:
        """What stands at the first of `places` that has something."""
        for within, name in places:
            value = (section(self.body, within) or {} if within else self.body).get(name)
            if value is not None:
                return _check(name, value)
        return None


def read_planned(request: Json, model: str) -> Planned:
    """Tell whose form `request` has; `model` is who will answer it.

    Raises:
        InvalidQuery: it has nothing to read, more than one thing, or something else in its place.
    """
    try:
        encoded = json.dumps(request).encode()
    except (TypeError, ValueError, RecursionError):
        msg = "the request is no JSON, or too deep"
        raise InvalidQuery(msg) from None
    form = _form_of(request)
    if form == "messages":
        return Planned(_speaker(request), request, encoded)
    if form == "contents":
        return Planned(gemini.GENERATE, _spelled(request), encoded)
    if form == "input":
        embeds = "embed" in model.lower()
        return Planned(openai.EMBEDDINGS if embeds else openai.RESPONSES, request, encoded)
    prompt = {**request, "prompt": request[form]}
    return Planned(openai.COMPLETIONS, prompt, encoded)


def _form_of(request: Json) -> str:
    # OpenAI's responses may name a stored prompt, as an object, beside their input.
    found = [
        name
        for name in FORMS
        if request.get(name) is not None and not (name == "prompt" and section(request, name))
    ]
    if len(found) != 1:
        words = ", ".join(found) or "none"
        msg = f"give one of {', '.join(FORMS)}: there is {words}"
        raise InvalidQuery(msg)
    (form,) = found
    accepts, expected = _ACCEPTED[form]
    if not accepts(request[form]):
        msg = f"{form} is not what providers take: use {expected}"
        raise InvalidQuery(msg)
    return form


def _is_text(value: object) -> bool:
    return isinstance(value, str)


def _are_objects(value: object) -> bool:
    """Some, and nothing else."""
    if not isinstance(value, list) or not value:
        return False
    return all(isinstance(item, dict) for item in cast("list[object]", value))


def _is_text_or_list(value: object) -> bool:
    return isinstance(value, str | list)


def _speaker(request: Json) -> Dialect:
    """Whose messages they are: where it makes no difference, OpenAI's."""
    if "toolConfig" in request or "inferenceConfig" in request:
        return bedrock.CONVERSE
    blocks = [
        block for message in sections(request, "messages") for block in sections(message, "content")
    ]
    if (
        "system" in request
        or any(text(block, "type") in _ANTHROPIC_BLOCKS for block in blocks)
        or any("input_schema" in tool for tool in sections(request, "tools"))
    ):
        return anthropic.MESSAGES
    return openai.CHAT


def _spelled(request: Json) -> Json:
    """Gemini's body with its system instruction in the one form that is read."""
    found = next(
        (
            request[name]
            for name in ("systemInstruction", "system_instruction", "system")
            if request.get(name)
        ),
        None,
    )
    if isinstance(found, str):
        return {**request, "systemInstruction": {"parts": [{"text": found}]}}
    return {**request, "systemInstruction": found} if found else request


def _check(name: str, value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= QUANTITY_MAX:
        msg = f"{name} is {str(value)[:100]!r}: use a whole number, 0 to {QUANTITY_MAX}"
        raise InvalidQuery(msg)
    return value


_ACCEPTED: Final[Mapping[str, tuple[Callable[[object], bool], str]]] = {
    "messages": (_are_objects, "a list of messages"),
    "contents": (_are_objects, "a list of contents"),
    "input": (_is_text_or_list, "a text or a list"),
    "prompt": (_is_text_or_list, "a text or a list"),
    "text": (_is_text, "a text"),
}
"""For each form what can stand there."""
