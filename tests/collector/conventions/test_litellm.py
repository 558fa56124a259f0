"""What LiteLLM spells as Python does."""

from typing import Any

import pytest

from spanledger.collector.conventions import to_call
from spanledger.collector.conventions.litellm import evidence
from spanledger.usage import Usage
from tests.collector.span_records import build_span_record

SPELLED = (
    "{'completion_tokens': 503, 'prompt_tokens': 19505, 'completion_tokens_details': None, "
    "'prompt_tokens_details': {'cached_tokens': 18064, 'cache_creation_tokens': 1400}}"
)


def test_the_usage_object() -> None:
    """It has the cache, which the attributes beside it leave out."""
    stated = evidence("anthropic", {"usage_object": SPELLED})

    assert stated is not None
    assert stated[0] == Usage(
        input_tokens=19505, cache_read_tokens=18064, cache_write_tokens=1400, output_tokens=503
    )
    assert stated[1]["completion_tokens"] == 503


@pytest.mark.parametrize(
    "spelled", ["", "{}", "{'prompt_tokens': __import__('os')}", "{'cost': 1}", "[" * 4000, 7, None]
)
def test_what_is_no_usage_object(spelled: Any) -> None:
    """Threat 8: it is read as data, never run."""
    assert evidence("openai", {"usage_object": spelled}) is None


def test_an_answer_out_of_a_cache() -> None:
    """Nothing was consumed: LiteLLM had the answer."""
    attributes = {
        "litellm.call_id": "1",
        "litellm.cache_hit": True,
        "gen_ai.operation.name": "chat",
    }

    assert to_call(build_span_record(attributes), "default").replay


@pytest.mark.parametrize(
    ("deployment", "provider"), [("openai/text-embedding-3-small", "openai"), ("mine", "")]
)
def test_the_provider_is_in_the_name_of_the_model(deployment: str, provider: str) -> None:
    """Embeddings have it nowhere else."""
    attributes = {
        "litellm.call_id": "1", "litellm.provider.model": deployment, "gen_ai.system": "",
        "gen_ai.operation.name": "embedding",
    }  # fmt: skip

    assert to_call(build_span_record(attributes), "default").provider == provider
