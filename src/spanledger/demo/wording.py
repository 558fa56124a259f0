"""What the simulated models read and say: text in, token counts and a reply out, always the same.

A token is four characters. Real tokenizers differ; what matters here is that the provider's word
about usage is exact, follows from the request alone, and can be checked by hand.
"""

import json
import re
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, cast

__all__ = [
    "CHARS_PER_TOKEN",
    "Draft",
    "Json",
    "count_tokens",
    "draft",
    "mapping",
    "prompt_of",
    "sequence",
    "texts_of",
    "whole",
]

Json = Mapping[str, object]
"""A decoded JSON object of which nothing is certain yet."""

CHARS_PER_TOKEN: Final = 4

_PROMPT_KEYS: Final = (
    "tools",
    "instructions",
    "systemInstruction",
    "messages",
    "input",
    "contents",
)
"""Where the providers keep what the model reads, in the order in which it reads."""

_TEXT_KEYS: Final = ("text", "content", "parts")

_SENTENCES: Final = (
    "The short answer is yes, with one reservation that is easy to overlook.",
    "Start with the invoice of last month and compare it line by line.",
    "Your café order was delayed — the courier has it now and will call you first.",
    "Three of the five sources agree; the other two measured something else.",
    "I would keep the second draft, and cut its opening by half.",
    "There is no charge for a call that was answered from the cache.",
    "In Münster the figure is 12 % higher, which the 2025 census explains.",
    "Nothing else needs to be done today.",
)


@dataclass(frozen=True, slots=True)
class Draft:
    """What the model says."""

    text: str
    tokens: int
    truncated: bool
    """The limit of the request ended it, not the model."""

    def pieces(self) -> list[str]:
        """The text as it is streamed, three words at a time; joined again it is the text."""
        return re.findall(r"\S+\s*(?:\S+\s*){0,2}", self.text) or [""]


def count_tokens(text: str) -> int:
    """The tokens of `text`, a begun one counted in full."""
    return -(-len(text) // CHARS_PER_TOKEN)


def draft(prompt: str, limit: int | None) -> Draft:
    """A reply that follows from `prompt` alone, cut after `limit` tokens."""
    seed = zlib.crc32(prompt.encode())
    first, count = seed % len(_SENTENCES), 1 + (seed >> 8) % 5
    text = " ".join(_SENTENCES[(first + n) % len(_SENTENCES)] for n in range(count))
    if limit is None or count_tokens(text) <= limit:
        return Draft(text=text, tokens=count_tokens(text), truncated=False)
    return Draft(text=text[: limit * CHARS_PER_TOKEN], tokens=limit, truncated=True)


def prompt_of(body: Json) -> str:
    """All that the model reads of a request, as one text."""
    parts = (
        json.dumps(body[key]) if key == "tools" else "\n".join(texts_of(body[key]))
        for key in _PROMPT_KEYS
        if body.get(key)
    )
    return "\n".join(parts)


def texts_of(content: object) -> Iterator[str]:
    """Every text within a message, part or list of them, in order."""
    if isinstance(content, str):
        yield content
    elif isinstance(content, Mapping):
        for key in _TEXT_KEYS:
            yield from texts_of(mapping(cast("object", content)).get(key))
    else:
        for item in sequence(content):
            yield from texts_of(item)


def mapping(value: object) -> Json:
    """`value` if it is a JSON object, else an empty one."""
    return cast("Json", value) if isinstance(value, Mapping) else {}


def sequence(value: object) -> Sequence[object]:
    """`value` if it is a JSON array, else an empty one."""
    return cast("Sequence[object]", value) if isinstance(value, list | tuple) else ()


def whole(value: object) -> int | None:
    """`value` if it is a positive whole number, such as a limit."""
    return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else None
