"""The names of OpenTelemetry, as they were."""

from typing import Any

import pytest

from spanledger.collector.conventions import to_call
from spanledger.collector.conventions.genai import raw_usage
from spanledger.usage import Usage
from tests.collector.span_records import build_span_record

OLDER = {
    "gen_ai.system": "anthropic",
    "gen_ai.operation.name": "chat",
    "gen_ai.request.model": "claude-haiku-4-5",
}


@pytest.mark.parametrize(
    "counts",
    [
        {"gen_ai.usage.prompt_tokens": 900, "gen_ai.usage.completion_tokens": 70,
         "gen_ai.usage.cache_read_input_tokens": 500,
         "gen_ai.usage.cache_creation_input_tokens": 200},
        {"llm.usage.prompt_tokens": 900, "llm.usage.completion_tokens": 70,
         "llm.usage.cache_read_input_tokens": 500, "llm.usage.cache_creation_input_tokens": 200},
        {"gen_ai.usage.input_tokens": 900, "gen_ai.usage.output_tokens": 70,
         "gen_ai.usage.cache_read.input_tokens": 500,
         "gen_ai.usage.cache_creation.input_tokens": 200},
        {"gen_ai.usage.input_tokens": 900, "gen_ai.usage.output_tokens": 70,
         "gen_ai.usage.prompt_tokens": 1, "gen_ai.usage.completion_tokens": 1,
         "gen_ai.usage.details.cache_read_tokens": 500,
         "gen_ai.usage.details.cache_write_tokens": 200},
    ],
)  # fmt: skip
def test_older_names(counts: dict[str, Any]) -> None:
    """S4.2: of each generation; the current name stands where a span has both."""
    call = to_call(build_span_record({**OLDER, **counts}), "default")

    assert call.provider == "anthropic"
    assert call.usage == Usage(
        input_tokens=900, cache_read_tokens=500, cache_write_tokens=200, output_tokens=70
    )


def test_a_raw_usage_of_somebody_else() -> None:
    """Logfire keeps the provider's object too."""
    found = {"usage_raw": '{"prompt_tokens": 8, "completion_tokens": 2}'}

    assert raw_usage("openai", found) == (
        Usage(input_tokens=8, output_tokens=2),
        {"prompt_tokens": 8, "completion_tokens": 2},
    )
    assert raw_usage("openai", {"usage_raw": "{"}) is None
    assert raw_usage("openai", {}) is None
