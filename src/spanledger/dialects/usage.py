"""Each provider's usage object as our `Usage`: here, and only here, they stop differing.

The collector reads the usage again from what the span carries, so the shape of the object must say
which reader it needs; the provider decides only where two shapes look the same.
"""

from collections.abc import Callable, Mapping
from typing import Final

from spanledger.dialects.counts import Shape, count_in, gather, list_in, object_in, total
from spanledger.dialects.dialect import Json
from spanledger.dialects.usage_units import read_units
from spanledger.usage import Usage

__all__ = ["read_usage"]

_Reader = Callable[[str, Json], Mapping[str, int | None]]

_CHAT: Final[Shape] = {
    "prompt_tokens": "input_tokens",
    "prompt_tokens_details": {
        "cached_tokens": "cache_read_tokens",
        "cache_write_tokens": "cache_write_tokens",
        # LiteLLM's names.
        "cache_creation_tokens": "cache_write_tokens",
        "cache_creation_token_details": {
            "ephemeral_5m_input_tokens": "cache_write_5m_tokens",
            "ephemeral_1h_input_tokens": "cache_write_1h_tokens",
        },
        "web_search_requests": "web_searches",
        "audio_tokens": "input_audio_tokens",
        "image_tokens": "input_image_tokens",
    },
    "completion_tokens": "output_tokens",
    "completion_tokens_details": {
        "reasoning_tokens": "reasoning_tokens",
        "audio_tokens": "output_audio_tokens",
        "image_tokens": "output_image_tokens",
    },
    # DeepSeek, Moonshot, LiteLLM (twice), Perplexity and SGLang, in this order.
    "prompt_cache_hit_tokens": "cache_read_tokens",
    "cached_tokens": "cache_read_tokens",
    "cache_read_input_tokens": "cache_read_tokens",
    "cache_creation_input_tokens": "cache_write_tokens",
    "reasoning_tokens": "reasoning_tokens",
}
"""OpenAI's chat completions and embeddings, and what others who speak them add."""

_INPUT_DETAILS: Final[Shape] = {
    "cached_tokens": "cache_read_tokens",
    "cache_write_tokens": "cache_write_tokens",
    "cached_tokens_details": {
        "audio_tokens": "cache_read_audio_tokens",
        "image_tokens": "cache_read_image_tokens",
    },
    # What is kept for twelve hours costs more, as what Anthropic keeps for one does.
    "cache_write_tokens_details": {"ttl_12h_tokens": "cache_write_12h_tokens"},
    "audio_tokens": "input_audio_tokens",
    "image_tokens": "input_image_tokens",
    # Perplexity.
    "cache_read_input_tokens": "cache_read_tokens",
    "cache_creation_input_tokens": "cache_write_tokens",
}
_OUTPUT_DETAILS: Final[Shape] = {
    "reasoning_tokens": "reasoning_tokens",
    "audio_tokens": "output_audio_tokens",
    "image_tokens": "output_image_tokens",
}
_RESPONSES: Final[Shape] = {
    "input_tokens": "input_tokens",
    "input_tokens_details": _INPUT_DETAILS,
    "input_token_details": _INPUT_DETAILS,
    "output_tokens": "output_tokens",
    "output_tokens_details": _OUTPUT_DETAILS,
    "output_token_details": _OUTPUT_DETAILS,
}
"""OpenAI's responses and images; transcriptions and realtime have a word in the singular."""

_MESSAGE: Final[Shape] = {
    "input_tokens": "input_tokens",
    "cache_read_input_tokens": "cache_read_tokens",
    "cache_creation_input_tokens": "cache_write_tokens",
    "cache_creation": {
        "ephemeral_5m_input_tokens": "cache_write_5m_tokens",
        "ephemeral_1h_input_tokens": "cache_write_1h_tokens",
    },
    "output_tokens": "output_tokens",
    "output_tokens_details": {"thinking_tokens": "reasoning_tokens"},
}
"""Anthropic's, of a message or of one round of it: the input is the fresh one alone."""

_COUNTED: Final[Shape] = {
    "prompt_eval_count": "input_tokens",
    "eval_count": "output_tokens",
    "prompt_token_count": "input_tokens",
    "generation_token_count": "output_tokens",
    "inputTextTokenCount": "input_tokens",
    "tokenCount": "output_tokens",
}
"""Plain counts: Ollama's, and on Bedrock those of Llama and Titan."""


def read_usage(provider: str, raw: Json) -> Usage:
    """What `raw`, a usage object of `provider`, says in our units.

    Args:
        provider: `gen_ai.provider.name`.
        raw: the object as it came; one without any count that we know is an empty usage. It may
            be any JSON at all, for it has travelled as an attribute.

    Raises:
        InvalidUsage: the numbers cannot be true, or are no numbers.
    """
    stated = object_in({"usage": raw}, "usage")
    tokens = _reader(provider, stated)(provider, stated)
    return Usage(**{**tokens, **read_units(provider, stated)})


def _reader(provider: str, raw: Json) -> _Reader:
    for names, reader in _READERS:
        if not names.isdisjoint(raw):
            return reader
    if provider == "anthropic":
        return _read_anthropic
    return _read_voyage if provider == "voyageai" else _read_responses


def _read_chat(provider: str, raw: Json) -> Mapping[str, int | None]:
    """OpenAI chat completions and embeddings: parts inside their wholes, as ours are."""
    return _with_reasoning_inside(gather(raw, _CHAT), provider, raw)


def _read_responses(_provider: str, raw: Json) -> Mapping[str, int | None]:
    """OpenAI responses: the same under other names."""
    return _with_reasoning_inside(gather(raw, _RESPONSES), "", raw)


def _with_reasoning_inside(found: dict[str, int], provider: str, raw: Json) -> dict[str, int]:
    """The counts with reasoning as a part of the output, which it is not for everybody.

    xAI counts it beside the output and into the total, Perplexity beside both; Google, where it
    speaks OpenAI's dialect, into the total alone.
    """
    reasoning, output = found.get("reasoning_tokens"), found.get("output_tokens", 0)
    stated, together = raw.get("total_tokens"), found.get("input_tokens", 0) + output
    if reasoning:
        apart = provider == "perplexity" or (provider == "x_ai" and stated != together)
        if apart or stated == together + reasoning:
            found["output_tokens"] = output + reasoning
    elif provider in _GOOGLE and output and isinstance(stated, int) and stated > together:
        found["reasoning_tokens"] = stated - together
        found["output_tokens"] = output + stated - together
    return found


_GOOGLE: Final = frozenset({"gcp.gemini", "gcp.vertex_ai"})


def _read_anthropic(_provider: str, raw: Json) -> Mapping[str, int | None]:
    """Anthropic counts fresh, read and written input apart; our input holds all three."""
    found: dict[str, int | None] = {**_over_iterations(gather(raw, _MESSAGE), raw)}
    if "cache_write_tokens" not in found:
        written = (found.get("cache_write_5m_tokens"), found.get("cache_write_1h_tokens"))
        found["cache_write_tokens"] = total(*written)
    # Without the fresh input the whole is unknown: the cached parts alone would be too little.
    if "input_tokens" in found:
        parts = (found.get(unit) for unit in ("input_tokens", *_CACHED))
        found["input_tokens"] = total(*parts)
    return found


_CACHED: Final = ("cache_read_tokens", "cache_write_tokens")


def _over_iterations(found: dict[str, int], raw: Json) -> dict[str, int]:
    """The counts with those of all rounds of the model that one request took.

    The counts at the top are those of the messages, or of one of them; what it took to compact the
    conversation stands beside them. What other models were asked has rates of its own, and is
    counted apart.
    """
    rounds = list_in(raw, "iterations")
    if not rounds:
        return found
    sums: dict[str, dict[str, int]] = {"message": {}, "compaction": {}, "other": {}}
    for one in rounds:
        kind = str(one.get("type"))
        so_far = sums[kind if kind in sums else "other"]
        for unit, count in gather(one, _MESSAGE).items():
            so_far[unit] = so_far.get(unit, 0) + count
    said, compacted, other = sums["message"], sums["compaction"], sums["other"]
    summed = {
        unit: max(found.get(unit, 0), said.get(unit, 0)) + compacted.get(unit, 0)
        for unit in {**found, **said, **compacted}
    }
    if others := sum(other.get(unit, 0) for unit in _APART):
        summed["other_model_tokens"] = others
    return summed


_APART: Final = ("input_tokens", "cache_read_tokens", "cache_write_tokens", "output_tokens")
"""What a round of Anthropic's counts, none of it inside the other."""


def _read_bedrock(_provider: str, raw: Json) -> Mapping[str, int | None]:
    """Amazon counts fresh, read and written input apart, under one of two sets of names."""
    fresh = count_in(raw, "inputTokens", "inputTokenCount")
    read = count_in(raw, "cacheReadInputTokens", "cacheReadInputTokenCount")
    write = count_in(raw, "cacheWriteInputTokens", "cacheWriteInputTokenCount")
    lives = _tally(raw, ("cacheDetails",), "ttl", "inputTokens")
    if write is None:
        write = total(*lives.values())
    return {
        "input_tokens": None if fresh is None else total(fresh, read, write),
        "cache_read_tokens": read,
        "cache_write_tokens": write,
        "cache_write_5m_tokens": lives.get("5m"),
        "cache_write_1h_tokens": lives.get("1h"),
        "output_tokens": count_in(raw, "outputTokens", "outputTokenCount"),
    }


def _read_cohere(_provider: str, raw: Json) -> Mapping[str, int | None]:
    """Cohere says beside the tokens what it bills, which is fewer: its own preamble is free."""
    billed = object_in(raw, "billed_units")
    stated, images = count_in(billed, "input_tokens"), count_in(billed, "image_tokens")
    texts = count_in(billed, "text_tokens")
    if texts is None and images and images > (stated or 0):
        texts = stated  # the images stand beside the input, which is the texts then
    parts = total(texts, images)
    return {
        "input_tokens": None if stated is None and parts is None else max(stated or 0, parts or 0),
        "input_image_tokens": images,
        "output_tokens": count_in(billed, "output_tokens"),
    }


def _read_counted(_provider: str, raw: Json) -> Mapping[str, int | None]:
    return gather(raw, _COUNTED)


def _read_voyage(_provider: str, raw: Json) -> Mapping[str, int | None]:
    """Voyage states a total, and all of it is input: nothing is generated.

    Where there are images they are paid by the pixel, and the total holds them as tokens too.
    """
    return {"input_tokens": count_in(raw, "text_tokens", "total_tokens")}


def _read_gemini(_provider: str, raw: Json) -> Mapping[str, int | None]:
    """Google counts thoughts beside the candidates and tool results beside the prompt.

    A zero is left out of its JSON, so a whole is the sum of those of its parts that are stated.
    """
    thoughts = count_in(raw, "thoughtsTokenCount")
    asked = _modalities(raw, "promptTokensDetails", "toolUsePromptTokensDetails")
    cached = _modalities(raw, "cacheTokensDetails")
    # The live interface has a word of its own.
    said = _modalities(raw, "candidatesTokensDetails", "responseTokensDetails")
    return {
        "input_tokens": total(
            count_in(raw, "promptTokenCount"), count_in(raw, "toolUsePromptTokenCount")
        ),
        "cache_read_tokens": count_in(raw, "cachedContentTokenCount"),
        "input_audio_tokens": asked.get("audio"),
        "input_image_tokens": _seen(asked),
        "input_video_tokens": asked.get("video"),
        "cache_read_audio_tokens": cached.get("audio"),
        "cache_read_image_tokens": _seen(cached),
        "output_tokens": total(
            count_in(raw, "candidatesTokenCount", "responseTokenCount"), thoughts
        ),
        "reasoning_tokens": thoughts,
        "output_audio_tokens": said.get("audio"),
        "output_image_tokens": said.get("image"),
    }


def _read_interaction(_provider: str, raw: Json) -> Mapping[str, int | None]:
    """The same of Google's interactions, under other names and with a total."""
    thoughts, said = count_in(raw, "total_thought_tokens"), count_in(raw, "total_output_tokens")
    asked = total(count_in(raw, "total_input_tokens"), count_in(raw, "total_tool_use_tokens"))
    heard = _tally(raw, _HEARD, "modality", "tokens")
    cached = _tally(raw, ("cached_tokens_by_modality",), "modality", "tokens")
    spoken = _tally(raw, ("output_tokens_by_modality",), "modality", "tokens")
    inside = thoughts and raw.get("total_tokens") == total(asked, said)
    return {
        "input_tokens": asked,
        "cache_read_tokens": count_in(raw, "total_cached_tokens"),
        "input_audio_tokens": heard.get("audio"),
        "input_image_tokens": _seen(heard),
        "input_video_tokens": heard.get("video"),
        "cache_read_audio_tokens": cached.get("audio"),
        "cache_read_image_tokens": _seen(cached),
        "output_tokens": said if inside else total(said, thoughts),
        "reasoning_tokens": thoughts,
        "output_audio_tokens": spoken.get("audio"),
        "output_image_tokens": spoken.get("image"),
    }


def _seen(tokens: Mapping[str, int]) -> int | None:
    """Pages of documents are read as images."""
    return total(tokens.get("image"), tokens.get("document"))


_HEARD: Final = ("input_tokens_by_modality", "tool_use_tokens_by_modality")


def _modalities(raw: Json, *names: str) -> dict[str, int]:
    """The tokens of each modality in Google's lists of `{modality, tokenCount}`."""
    return _tally(raw, names, "modality", "tokenCount")


def _tally(raw: Json, names: tuple[str, ...], kind: str, count: str) -> dict[str, int]:
    """The counts of each kind, over the lists at `names`."""
    tokens: dict[str, int] = {}
    for name in names:
        for entry in list_in(raw, name):
            label, quantity = entry.get(kind), count_in(entry, count)
            if isinstance(label, str) and quantity is not None:
                label = label.lower()
                tokens[label] = tokens.get(label, 0) + quantity
    return tokens


_READERS: Final[tuple[tuple[frozenset[str], _Reader], ...]] = (
    (
        frozenset(
            {
                "promptTokenCount",
                "candidatesTokenCount",
                "thoughtsTokenCount",
                "toolUsePromptTokenCount",
                "cachedContentTokenCount",
                "totalTokenCount",
                "responseTokenCount",
            }
        ),
        _read_gemini,
    ),
    (frozenset({"prompt_tokens", "completion_tokens"}), _read_chat),
    (frozenset({"total_input_tokens", "total_output_tokens"}), _read_interaction),
    (
        frozenset({"cache_read_input_tokens", "cache_creation_input_tokens", "cache_creation"}),
        _read_anthropic,
    ),
    (
        frozenset({"inputTokens", "outputTokens", "inputTokenCount", "outputTokenCount"}),
        _read_bedrock,
    ),
    (frozenset({"billed_units"}), _read_cohere),
    (frozenset(_COUNTED), _read_counted),
)
"""Names that only one shape has, with its reader; the first that has one stands."""
