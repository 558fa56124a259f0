"""What real libraries put on their spans, and what the answers that they were given had consumed.

The spans are in `golden_spans/`, recorded by `tests/emitters`. The figures here are copied by hand
from the answers in `tests/recorded`, by the rules in docs/conventions.md.
"""

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from spanledger.collector.conventions import Reading, SpanRecord, read_calls

__all__ = ["ANSWERS", "EMITTERS", "FORMS", "Answer", "expected", "read", "records_of"]

FOLDER: Final = Path(__file__).parent / "golden_spans"

EMITTERS: Final[dict[str, Any]] = {
    path.stem: json.loads(path.read_text("utf-8")) for path in sorted(FOLDER.glob("*.json"))
}

FORMS: Final = [(emitter, form) for emitter, told in EMITTERS.items() for form in told["forms"]]


@dataclass(frozen=True)
class Answer:
    """What one form is: who answered, and what it took. Zeros are not listed."""

    provider: str
    model: str
    units: dict[str, int] = field(default_factory=dict[str, int])
    failed: bool = False
    embeds: bool = False


def _units(asked: int, read: int, written: int, said: int, thoughts: int) -> dict[str, int]:
    units = {
        "input_tokens": asked,
        "cache_read_tokens": read,
        "cache_write_tokens": written,
        "output_tokens": said,
        "reasoning_tokens": thoughts,
    }
    return {unit: count for unit, count in units.items() if count}


MINI, FULL = "gpt-5-mini-2025-08-07", "gpt-5-2025-08-07"
SONNET, HAIKU = "claude-sonnet-4-5-20250929", "claude-haiku-4-5-20251001"

ANSWERS: Final = {
    "chat": Answer("openai", MINI, _units(2306, 1920, 0, 497, 448)),
    "workflow": Answer("openai", MINI, _units(2306, 1920, 0, 497, 448)),
    "chat stream": Answer("openai", "gpt-4o-2024-08-06", _units(1117, 1024, 0, 46, 0)),
    "chat stream left": Answer("openai", "gpt-4o-2024-08-06"),
    "responses": Answer("openai", FULL, _units(5329, 4096, 1024, 800, 768)),
    "responses stream": Answer("openai", MINI, _units(37, 0, 0, 11, 0)),
    "embeddings": Answer("openai", "text-embedding-3-small", {"input_tokens": 8}, embeds=True),
    "messages": Answer("anthropic", SONNET, _units(19505, 18064, 1400, 503, 380)),
    "messages stream": Answer("anthropic", HAIKU, _units(2316, 2048, 256, 64, 0)),
    # The prompt with what a tool brought: 5120 + 50. The thoughts are inside the output.
    "gemini": Answer("gcp.gemini", "gemini-2.5-flash", _units(5170, 4000, 0, 620, 500)),
    "gemini stream": Answer("gcp.gemini", "gemini-2.5-pro", _units(31, 0, 0, 109, 100)),
    "gemini embed": Answer("gcp.gemini", "gemini-embedding-001", embeds=True),
    "chat error": Answer("openai", "error-model", failed=True),
    "messages error": Answer("anthropic", "error-model", failed=True),
    "observed": Answer("", "claude-haiku-4-5", _units(19505, 18064, 1400, 503, 0)),
}

NOTHING: Final[dict[str, int]] = {}

_CACHE: Final = frozenset({"cache_read_tokens", "cache_write_tokens"})
_THOUGHTS: Final = frozenset({"reasoning_tokens"})
_WRITTEN: Final = frozenset({"cache_write_tokens"})

UNSAID: Final = {
    # Libraries that do not tell the parts at all; the wholes are right.
    "openai-v2": _CACHE | _THOUGHTS,
    "semantic-kernel": _CACHE | _THOUGHTS,
    "openllmetry-langchain": _THOUGHTS,
    "vercel-ai-7": _THOUGHTS,
}
"""Units that a library leaves out everywhere."""

UNSAID_IN: Final = {
    ("openlit", "chat"): _THOUGHTS,
    ("openlit", "messages"): _THOUGHTS,
    ("openllmetry", "responses"): _WRITTEN,
    ("traceloop", "responses"): _WRITTEN,
    ("openinference-js", "responses"): _WRITTEN,
    ("traceloop-js", "chat"): _CACHE | _THOUGHTS,
    ("traceloop-js", "responses"): _CACHE | _THOUGHTS,
    ("traceloop-js", "messages"): _THOUGHTS,
    ("vercel-ai-4", "responses"): _WRITTEN,
    ("vercel-ai-5", "chat"): _CACHE | _THOUGHTS,
    ("vercel-ai-5", "responses"): _CACHE | _THOUGHTS,
    # Next to it stands Anthropic's own span, which has them.
    ("openllmetry-langchain", "messages"): frozenset[str](),
}
"""Units that a library leaves out in one form."""

OTHER_UNITS: Final = {
    # It does not read the end of streams, or no usage of embeddings.
    ("openinference-js", "chat stream"): NOTHING,
    ("traceloop-js", "chat stream"): NOTHING,
    ("openinference-js", "embeddings"): NOTHING,
    ("langfuse-js", "embeddings"): NOTHING,
    # What the tool brought is left out.
    ("official", "gemini"): _units(5120, 4000, 0, 620, 500),
    ("openlit", "gemini"): _units(5120, 4000, 0, 620, 500),
    ("vercel-ai-5", "gemini"): _units(5120, 4000, 0, 620, 500),
    # Neither thoughts nor that are on the span, but in its total: all of it passes for thoughts.
    ("openllmetry", "gemini"): _units(5120, 4000, 0, 670, 550),
    ("traceloop", "gemini"): _units(5120, 4000, 0, 670, 550),
}
"""What can be known of a call whose library says less or other than the answer did."""

CALLS: Final = {
    # The span is never ended, has no attributes, or does not exist.
    ("openlit", "chat stream left"): 0,
    ("openlit", "messages error"): 0,
    ("openlit", "gemini embed"): 0,
    # Two spans side by side without an id; neither costs anything.
    ("openllmetry", "messages error"): 2,
    ("traceloop", "messages error"): 2,
}
"""How many calls are read, where it is not one."""

MODELS: Final = {
    ("langfuse-js", "chat stream"): "gpt-4o",
    ("langfuse-langchain", "chat stream"): "gpt-4o",
    ("litellm", "chat stream"): "gpt-4o",
    ("openinference-js", "chat stream"): "gpt-4o",
    ("openinference-langchain", "chat stream"): "gpt-4o",
    ("openllmetry-langchain", "chat stream"): "gpt-4o",
    ("semantic-kernel", "chat"): "gpt-5-mini",
    ("semantic-kernel", "chat stream"): "gpt-4o",
}
"""The model that was asked, where the library does not say which answered."""


def expected(emitter: str, form: str) -> tuple[int, str, dict[str, int]]:
    """(calls, model, units of each call) by the tables above."""
    answer = ANSWERS[form]
    units = OTHER_UNITS.get((emitter, form), answer.units)
    unsaid = UNSAID_IN.get((emitter, form), UNSAID.get(emitter, frozenset[str]()))
    told = {unit: count for unit, count in units.items() if unit not in unsaid}
    return CALLS.get((emitter, form), 1), MODELS.get((emitter, form), answer.model), told


def records_of(emitter: str, form: str) -> list[SpanRecord]:
    """The spans as the receiver hands them on."""
    return [
        SpanRecord(
            trace_id=span["trace_id"],
            span_id=span["span_id"],
            parent_span_id=span["parent_span_id"],
            start_unix_nano=span["start"],
            end_unix_nano=span["end"],
            attributes=span["attributes"],
            resource={"service.name": "golden"},
            failed=span["failed"],
            name=span["name"],
            scope=span["scope"],
        )
        for span in EMITTERS[emitter]["forms"][form]
    ]


def read(emitter: str, form: str) -> Reading:
    """What is read of them in one delivery."""
    return read_calls(records_of(emitter, form), "default")
