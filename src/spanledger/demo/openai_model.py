"""What OpenAI's text models do alike, whichever endpoint asks them."""

import zlib
from dataclasses import dataclass
from typing import Final

from spanledger.demo.wire import Ask
from spanledger.demo.wording import Draft, count_tokens, draft, prompt_of, sequence

__all__ = ["STREAM", "Thought", "dated", "padding", "service_tier", "think"]

_DATED: Final = {
    "gpt-4o": "gpt-4o-2024-08-06",
    "gpt-4o-mini": "gpt-4o-mini-2024-07-18",
    "gpt-4.1": "gpt-4.1-2025-04-14",
    "gpt-5": "gpt-5-2025-08-07",
    "gpt-5-mini": "gpt-5-mini-2025-08-07",
}
"""An alias is answered with the name of the version behind it."""

_REASONERS: Final = ("gpt-5", "o1", "o3", "o4")
_EFFORT: Final = {"minimal": 0, "none": 0, "low": 1, "medium": 2, "high": 4}
_REASONING_BLOCK: Final = 64
"""OpenAI counts reasoning in blocks of so many tokens."""
_CACHE_MINIMUM: Final = 1024
_CACHE_BLOCK: Final = 128
_TOKENS_PER_MESSAGE: Final = 3
STREAM: Final = "text/event-stream; charset=utf-8"


@dataclass(frozen=True, slots=True, kw_only=True)
class Thought:
    """What a model made of a prompt."""

    input_tokens: int
    cached_tokens: int
    reasoning_tokens: int
    said: Draft

    @property
    def output_tokens(self) -> int:
        """Reasoning is part of the output."""
        return self.reasoning_tokens + self.said.tokens


def think(ask: Ask, *, limit: int | None, effort: object) -> Thought:
    """Read the prompt, reason where the model does, and draft a reply within `limit`."""
    prompt = prompt_of(ask.body)
    messages = 1 + len(sequence(ask.body.get("messages") or ask.body.get("input")))
    reasoning = 0
    if ask.model.startswith(_REASONERS):
        blocks = _EFFORT.get(str(effort), 2) * (1 + zlib.crc32(prompt.encode()) % 3)
        reasoning = blocks * _REASONING_BLOCK
    if limit is not None:
        reasoning = min(reasoning, limit)
    return Thought(
        input_tokens=count_tokens(prompt) + messages * _TOKENS_PER_MESSAGE,
        cached_tokens=ask.cache.reuse(
            f"openai/{ask.model}", prompt, minimum=_CACHE_MINIMUM, block=_CACHE_BLOCK
        ),
        reasoning_tokens=reasoning,
        said=draft(prompt, None if limit is None else limit - reasoning),
    )


def service_tier(ask: Ask) -> str:
    """The tier that is said to have served the request."""
    tier = ask.body.get("service_tier")
    return tier if isinstance(tier, str) and tier != "auto" else "default"


def dated(model: str) -> str:
    """The version that answers for an alias."""
    return _DATED.get(model, model)


def padding(text: str) -> str:
    """What hides the length of `text` from a reader of the encrypted line."""
    return "xK9mQ2vB7nR4tW1z"[: zlib.crc32(text.encode()) % 16]
