"""`GET /v1/prices`: the book in force, model by model."""

from typing import Any

import pytest

from tests.api.conftest import Server


def ask(server: Server, query: str) -> Any:
    """The answer to a question about prices."""
    return server.get(f"/v1/prices?{query}").json()


def test_a_model_has_its_rates_with_their_source(server: Server) -> None:
    """S4.5, S4.6: every rate says for how much it is, and where it comes from."""
    answer = ask(server, "provider=openai&model=gpt-4o&at=2026-11-01")

    (price,) = answer["data"]
    rates = {rate["unit"]: rate for rate in price["rates"]}
    assert (price["provider"], price["model"], price["currency"]) == ("openai", "gpt-4o", "usd")
    assert (rates["input_tokens"]["rate"], rates["input_tokens"]["per"]) == ("2.5", 1_000_000)
    assert rates["input_tokens"]["source"].startswith("list:genai-prices/")
    assert price["missing"] is None
    assert answer["book_version"].startswith("genai-prices/")
    assert answer["at"].startswith("2026-11-01T00:00:00")


def test_tiers_and_other_times_have_their_own(server: Server) -> None:
    """A tier without rates says so; the day decides."""
    query = "provider=openai&model=gpt-4o&at=2026-11-01"
    (batch,) = ask(server, f"{query}&batch=true")["data"]
    (odd,) = ask(server, f"{query}&service_tier=no-such-tier")["data"]
    (before,) = ask(server, "provider=openai&model=o3&at=2025-05-01")["data"]

    assert batch["rates"][0]["rate"] == "1.25"
    assert odd["missing"] == "service_tier no-such-tier"
    assert before["rates"][0]["rate"] == "10"


def test_pages_go_through_all_models_once(server: Server) -> None:
    """The cursor goes on where the page ended."""
    seen: list[str] = []
    page, more = "", True
    while more:
        answer = ask(server, f"provider=anthropic&limit=7{page}")
        seen += [price["model"] for price in answer["data"]]
        page, more = f"&page={answer['next_page']}", answer["has_more"]

    assert len(seen) > 14
    assert len(seen) == len(set(seen))


@pytest.mark.parametrize("provider", ["aws", "aws.bedrock"])
def test_a_provider_goes_by_both_of_its_names(server: Server, provider: str) -> None:
    """OpenTelemetry's, and the one of the list."""
    assert ask(server, f"provider={provider}&model=amazon.nova-pro-v1:0")["data"]


def test_what_only_an_overlay_knows_is_found_by_its_name(server: Server) -> None:
    """It stands in no list, so a pattern does not find it."""
    (price,) = ask(server, "provider=sambanova&model=DeepSeek-R1")["data"]

    assert price["rates"][0]["source"].startswith("overlay:spanledger/sambanova.prices:")
    assert ask(server, "provider=sambanova&model=no-such-model")["data"] == []
    assert ask(server, "model=no-such-model")["data"] == []
