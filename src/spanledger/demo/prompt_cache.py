"""The providers' prompt caches: what was read before is cheaper to read again."""

import hashlib
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final, Literal

from spanledger.demo.wording import CHARS_PER_TOKEN, count_tokens

__all__ = ["CacheUse", "Lifetime", "PromptCache", "Segment"]

Lifetime = Literal["5m", "1h"]

_PREFIXES_MAX: Final = 10_000
"""Beyond this many the prefix unused for longest is forgotten."""


@dataclass(frozen=True, slots=True)
class Segment:
    """A piece of an Anthropic prompt; one with a lifetime asks to cache all up to its end."""

    text: str
    cache_for: Lifetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CacheUse:
    """How many tokens of a prompt went through an explicit cache."""

    read: int = 0
    written_5m: int = 0
    written_1h: int = 0

    @property
    def written(self) -> int:
        """The tokens written, whatever their lifetime."""
        return self.written_5m + self.written_1h


@dataclass(slots=True)
class PromptCache:
    """Remembers prefixes by hash. Nothing expires, so equal runs see equal usage."""

    _seen: OrderedDict[bytes, None] = field(default_factory=OrderedDict[bytes, None])

    def reuse(self, model: str, prompt: str, *, minimum: int, block: int) -> int:
        """Tokens of `prompt` that `model` has read before, and remember it from now on.

        This is the caching nobody asks for (OpenAI, Gemini): whole blocks of tokens, from
        `minimum` tokens on.
        """
        digest, reused = hashlib.sha256(model.encode()), 0
        chars = block * CHARS_PER_TOKEN
        for end in range(chars, len(prompt) + 1, chars):
            digest.update(prompt[end - chars : end].encode())
            if self._touch(digest.digest()):
                reused = end // CHARS_PER_TOKEN
        return reused if reused >= minimum else 0

    def use(self, model: str, segments: Sequence[Segment], *, minimum: int) -> CacheUse:
        """What of `segments` is read from the cache, and what is written to it.

        This is the caching that is asked for (Anthropic): up to each marked segment, from
        `minimum` tokens on. The longest known prefix is read, the rest up to the last mark is
        written with the lifetime of the mark that ends it.
        """
        digest, total, accounted, read = hashlib.sha256(model.encode()), 0, 0, 0
        written: dict[Lifetime, int] = {"5m": 0, "1h": 0}
        for segment in segments:
            digest.update(segment.text.encode())
            total += count_tokens(segment.text)
            if segment.cache_for is None or total < minimum:
                continue
            if self._touch(digest.digest()):
                read, written["5m"], written["1h"] = total, 0, 0
            else:
                written[segment.cache_for] += total - accounted
            accounted = total
        return CacheUse(read=read, written_5m=written["5m"], written_1h=written["1h"])

    def _touch(self, prefix: bytes) -> bool:
        """Remember `prefix`, and say whether it was known."""
        known = prefix in self._seen
        self._seen[prefix] = None
        self._seen.move_to_end(prefix)
        if len(self._seen) > _PREFIXES_MAX:
            self._seen.popitem(last=False)
        return known
