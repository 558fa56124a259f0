"""Each provider's usage object as our `Usage`: here, and only here, they stop differing.

The collector reads the usage again from what the span carries, so the shape of the object must say
which reader it needs; the provider decides only where two shapes look the same.
"""

from collections.abc import Callable, Mapping
from typing import Final, cast

from spanledger.dialects.dialect import Json
from spanledger.errors import InvalidUsage
from spanledger.usage import QUANTITY_MAX, Usage

__all__ = ["read_usage"]

_CHAT: Final = {
    "input_tokens": "prompt_tokens",
    "cache_read_tokens": "prompt_tokens_details.cached_tokens",
    "cache_write_tokens": "prompt_tokens_details.cache_write_tokens",
    "input_audio_tokens": "prompt_tokens_details.audio_tokens",
    "input_image_tokens": "prompt_tokens_details.image_tokens",
    "output_tokens": "completion_tokens",
    "reasoning_tokens": "completion_tokens_details.reasoning_tokens",
    "output_audio_tokens": "completion_tokens_details.audio_tokens",
    "output_image_tokens": "completion_tokens_details.image_tokens",
}
_RESPONSES: Final = {
    "input_tokens": "input_tokens",
    "cache_read_tokens": "input_tokens_details.cached_tokens",
    "cache_write_tokens": "input_tokens_details.cache_write_tokens",
    "input_audio_tokens": "input_tokens_details.audio_tokens",
    "input_image_tokens": "input_tokens_details.image_tokens",
    "output_tokens": "output_tokens",
    "reasoning_tokens": "output_tokens_details.reasoning_tokens",
    "output_audio_tokens": "output_tokens_details.audio_tokens",
    "output_image_tokens": "output_tokens_details.image_tokens",
}


def read_usage(provider: str, raw: Json) -> Usage:
    """What `raw`, a usage object of `provider`, says in our units.

    Args:
        provider: `gen_ai.provider.name`.
        raw: the object as it came; one without any count that we know is an empty usage. It may
            be any JSON at all, for it has travelled as an attribute.

    Raises:
        InvalidUsage: the numbers cannot be true, or are no numbers.
    """
    stated = _object(raw, "usage")
    return _reader(provider, stated)(stated)


def _reader(provider: str, raw: Json) -> Callable[[Json], Usage]:
    if not _GEMINI_ONLY.isdisjoint(raw):
        return _read_gemini
    if not _CHAT_ONLY.isdisjoint(raw):
        return _read_chat
    if provider == "anthropic" or not _ANTHROPIC_ONLY.isdisjoint(raw):
        return _read_anthropic
    return _read_responses


def _read_chat(raw: Json) -> Usage:
    """OpenAI chat completions and embeddings: parts inside their wholes, as ours are."""
    return Usage(**{unit: _count_at(raw, path) for unit, path in _CHAT.items()})


def _read_responses(raw: Json) -> Usage:
    """OpenAI responses: the same under other names."""
    return Usage(**{unit: _count_at(raw, path) for unit, path in _RESPONSES.items()})


def _read_anthropic(raw: Json) -> Usage:
    """Anthropic counts fresh, read and written input apart; our input holds all three."""
    fresh = _count_at(raw, "input_tokens")
    read = _count_at(raw, "cache_read_input_tokens")
    write_5m = _count_at(raw, "cache_creation.ephemeral_5m_input_tokens")
    write_1h = _count_at(raw, "cache_creation.ephemeral_1h_input_tokens")
    write = _count_at(raw, "cache_creation_input_tokens")
    if write is None:
        write = _sum(write_5m, write_1h)
    return Usage(
        # Without the fresh input the whole is unknown: the cached parts alone would be too little.
        input_tokens=None if fresh is None else _sum(fresh, read, write),
        cache_read_tokens=read,
        cache_write_tokens=write,
        cache_write_5m_tokens=write_5m,
        cache_write_1h_tokens=write_1h,
        output_tokens=_count_at(raw, "output_tokens"),
        reasoning_tokens=_count_at(raw, "output_tokens_details.thinking_tokens"),
    )


def _read_gemini(raw: Json) -> Usage:
    """Google counts thoughts beside the candidates and tool results beside the prompt.

    A zero is left out of its JSON, so a whole is the sum of those of its parts that are stated.
    """
    thoughts = _count_at(raw, "thoughtsTokenCount")
    asked = _modalities(raw, "promptTokensDetails", "toolUsePromptTokensDetails")
    said = _modalities(raw, "candidatesTokensDetails")
    return Usage(
        input_tokens=_sum(
            _count_at(raw, "promptTokenCount"), _count_at(raw, "toolUsePromptTokenCount")
        ),
        cache_read_tokens=_count_at(raw, "cachedContentTokenCount"),
        input_audio_tokens=asked.get("AUDIO"),
        input_image_tokens=asked.get("IMAGE"),
        cache_read_audio_tokens=_modalities(raw, "cacheTokensDetails").get("AUDIO"),
        output_tokens=_sum(_count_at(raw, "candidatesTokenCount"), thoughts),
        reasoning_tokens=thoughts,
        output_audio_tokens=said.get("AUDIO"),
        output_image_tokens=said.get("IMAGE"),
    )


_GEMINI_ONLY: Final = frozenset(
    {
        "promptTokenCount",
        "candidatesTokenCount",
        "thoughtsTokenCount",
        "toolUsePromptTokenCount",
        "cachedContentTokenCount",
        "totalTokenCount",
    }
)
_CHAT_ONLY: Final = frozenset({"prompt_tokens", "completion_tokens"})
_ANTHROPIC_ONLY: Final = frozenset(
    {"cache_read_input_tokens", "cache_creation_input_tokens", "cache_creation"}
)


def _count_at(raw: Json, path: str) -> int | None:
    """The count at `path`, where one dot may lead into an object; null and absent are `None`."""
    outer, dot, last = path.partition(".")
    if not dot:
        return _count(raw.get(path), path)
    return _count(_object(raw.get(outer), outer).get(last), path)


def _modalities(raw: Json, *keys: str) -> dict[str, int]:
    """The tokens of each modality in Google's lists of `{modality, tokenCount}`."""
    tokens: dict[str, int] = {}
    for key in keys:
        for entry in _list(raw.get(key), key):
            fields = _object(entry, key)
            modality, count = fields.get("modality"), _count(fields.get("tokenCount"), key)
            if isinstance(modality, str) and count is not None:
                tokens[modality] = tokens.get(modality, 0) + count
    return tokens


def _list(value: object, name: str) -> list[object]:
    if value is None:
        return []
    if not isinstance(value, list):
        msg = f"{name} is a {type(value).__name__}, not a list"
        raise InvalidUsage(msg)
    return cast("list[object]", value)


def _object(value: object, name: str) -> Json:
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        msg = f"{name} is a {type(value).__name__}, not an object"
        raise InvalidUsage(msg)
    return cast("Json", value)


def _count(value: object, name: str) -> int | None:
    if value is None:
        return None
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if not isinstance(value, int) or isinstance(value, bool):
        msg = f"{name} is a {type(value).__name__}, not a whole number"
        raise InvalidUsage(msg)
    if not 0 <= value <= QUANTITY_MAX:
        # The number itself may be longer than Python is willing to print.
        msg = f"{name} is not between 0 and {QUANTITY_MAX}"
        raise InvalidUsage(msg)
    return value


def _sum(*counts: int | None) -> int | None:
    """The sum of what was stated; `None` when nothing was."""
    stated = [count for count in counts if count is not None]
    return sum(stated) if stated else None
