import pytest

from spanledger.demo.openai_model import Thought, dated, padding, service_tier, think
from spanledger.demo.prompt_cache import PromptCache
from spanledger.demo.wire import Ask


def ask(model: str = "gpt-4o", **body: object) -> Ask:
    """A request for `model`."""
    return Ask(model=model, body=body, stream=False, array=False, cache=PromptCache(), now=0)


def thought(model: str, effort: object = "medium", limit: int | None = None) -> Thought:
    """What `model` makes of one question."""
    return think(ask(model, input="Is it so?"), limit=limit, effort=effort)


def test_only_reasoning_models_reason() -> None:
    """Reasoning comes in blocks of 64 tokens, grows with the effort, and is part of the output."""
    assert thought("gpt-4o").reasoning_tokens == 0
    low, high = thought("gpt-5", "low"), thought("gpt-5", "high")
    assert low.reasoning_tokens % 64 == 0
    assert high.reasoning_tokens == 4 * low.reasoning_tokens > 0
    assert thought("o4-mini", "minimal").reasoning_tokens == 0
    assert high.output_tokens == high.reasoning_tokens + high.said.tokens


def test_reasoning_can_eat_the_whole_limit() -> None:
    """Nothing is said then, as happens with the real models."""
    eaten = thought("gpt-5", "high", limit=50)
    assert (eaten.reasoning_tokens, eaten.said.tokens, eaten.said.truncated) == (50, 0, True)


@pytest.mark.parametrize(
    ("asked", "served"),
    [(None, "default"), ("auto", "default"), ("flex", "flex"), ("priority", "priority")],
)
def test_the_service_tier_is_named(asked: str | None, served: str) -> None:
    """A tier that is asked for is the one that serves."""
    assert service_tier(ask(service_tier=asked)) == served


def test_an_alias_is_answered_by_its_version() -> None:
    """Unknown names are their own version."""
    assert dated("gpt-4o") == "gpt-4o-2024-08-06"
    assert dated("acme-internal-1") == "acme-internal-1"


def test_padding_varies_with_the_text() -> None:
    """Chunks are padded differently, the same text always alike."""
    assert padding("a") == padding("a")
    assert len({padding(f"{n}") for n in range(100)}) > 5
