"""The names that libraries give to providers, as OpenTelemetry's for `gen_ai.provider.name`."""

from collections.abc import Mapping
from fnmatch import fnmatchcase
from functools import lru_cache
from typing import Final
from urllib.parse import urlsplit

from spanledger.dialects.hosts import HOSTS

__all__ = ["provider_name"]

_SPELLINGS: Final[Mapping[str, tuple[str, ...]]] = {
    "anthropic": ("anthropic-messages",),
    "aws.bedrock": (
        "amazon", "amazon-bedrock", "amazon_bedrock", "aws", "aws_bedrock", "bedrock",
        "bedrock_converse",
    ),
    "azure.ai.inference": ("az.ai.inference", "azure_ai", "azure-ai", "azure_ai_inference"),
    "azure.ai.openai": (
        "az.ai.openai", "azure", "azure-openai", "azure.openai", "azure_openai", "azureopenai",
    ),
    "cohere": ("cohere_chat",),
    "deepseek": ("deep_seek",),
    "fireworks": ("fireworks_ai",),
    "gcp.gemini": (
        "gcp.gen_ai", "gemini", "google", "google-genai", "google-gla", "google.genai",
        "google.generative-ai", "google_ai_studio", "google_generativeai", "google_genai",
    ),
    "gcp.vertex_ai": (
        "google-vertex", "google.vertex", "google_vertexai", "vertex", "vertex_ai",
        "vertex_ai_beta", "vertexai",
    ),
    "ibm.watsonx.ai": ("watsonx", "ibm-watsonx-ai"),
    "mistral_ai": ("mistral", "mistral-ai", "mistralai"),
    "moonshot_ai": ("moonshot", "moonshotai"),
    "ollama": ("ollama_chat",),
    "openai": ("open_ai", "text-completion-openai"),
    "perplexity": ("perplexity-ai", "pplx"),
    "together": ("together-ai", "together_ai", "togetherai"),
    "voyageai": ("voyage",),
    "x_ai": ("x-ai", "xai"),
}  # fmt: skip
"""OpenTelemetry's name, or the one of genai-prices, with what others write for it."""

_NAMES: Final = {
    spelling: name for name, others in _SPELLINGS.items() for spelling in (name, *others)
}

_SPEAKS_FOR_OTHERS: Final = frozenset({"", "openai"})
"""What a library says that knows its SDK only: OpenAI's is used to ask many."""


@lru_cache(maxsize=1024)
def provider_name(stated: str, address: str) -> str:
    """The provider under the one name that the price book and the reports know.

    Args:
        stated: what the span says, in any spelling, also with a kind of API behind a dot
            (`openai.responses`). An unknown one stays as it is, in lower case.
        address: a host or a URL that was asked, where known. It tells who answers through OpenAI's
            SDK.
    """
    lowered = stated.strip().lower()
    name = _NAMES.get(lowered) or _by_beginning(lowered) or lowered
    return (_by_host(address) or name) if name in _SPEAKS_FOR_OTHERS else name


def _by_beginning(stated: str) -> str:
    """By the longest beginning that is known: `google.vertex.chat` is not `google`."""
    while "." in stated:
        stated = stated.rpartition(".")[0]
        if name := _NAMES.get(stated):
            return name
    return ""


def _by_host(address: str) -> str:
    try:
        host = (urlsplit(address).hostname or "") if "://" in address else address
    except ValueError:
        return ""
    host = host.lower()
    return next((name for pattern, name in HOSTS if host and fnmatchcase(host, pattern)), "")
