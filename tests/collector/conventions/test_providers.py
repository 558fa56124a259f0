"""Providers under one name each."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spanledger.collector.conventions.providers import provider_name


@pytest.mark.parametrize(
    ("stated", "name"),
    [
        ("openai", "openai"),
        ("OpenAI", "openai"),
        ("openai.responses", "openai"),
        ("openai.chat", "openai"),
        ("azure-openai.chat", "azure.ai.openai"),
        ("az.ai.openai", "azure.ai.openai"),
        ("azure.ai.openai", "azure.ai.openai"),
        ("anthropic.messages", "anthropic"),
        ("google.generative-ai", "gcp.gemini"),
        ("google.vertex.chat", "gcp.vertex_ai"),
        ("google", "gcp.gemini"),
        ("gemini", "gcp.gemini"),
        ("gcp.gen_ai", "gcp.gemini"),
        ("vertex_ai", "gcp.vertex_ai"),
        ("aws.bedrock", "aws.bedrock"),
        ("amazon-bedrock", "aws.bedrock"),
        ("mistralai", "mistral_ai"),
        ("xai.chat", "x_ai"),
        ("moonshotai", "moonshot_ai"),
        ("SomebodyNew", "somebodynew"),
        ("", ""),
    ],
)
def test_spellings(stated: str, name: str) -> None:
    """S4.2: `gen_ai.provider.name` as OpenTelemetry has it; an unknown one stays."""
    assert provider_name(stated, "") == name


@pytest.mark.parametrize(
    ("stated", "address", "name"),
    [
        ("openai", "openrouter.ai", "openrouter"),
        ("openai", "https://api.deepseek.com/v1/", "deepseek"),
        ("openai", "shop.openai.azure.com", "azure.ai.openai"),
        ("", "api.anthropic.com", "anthropic"),
        ("openai", "127.0.0.1", "openai"),
        ("openai", "http://[broken/", "openai"),
        ("anthropic", "openrouter.ai", "anthropic"),
    ],
)
def test_who_answers_through_the_sdk_of_openai(stated: str, address: str, name: str) -> None:
    """Libraries that know the SDK only take everybody for OpenAI; the address tells."""
    assert provider_name(stated, address) == name


@given(st.text(), st.text())
def test_any_text_is_some_name(stated: str, address: str) -> None:
    """Threat 5: whatever is stated."""
    assert isinstance(provider_name(stated, address), str)
