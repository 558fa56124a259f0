"""The table of hosts: who answers where. A provider that speaks a known format is a line in it."""

import re
from collections.abc import Mapping
from fnmatch import fnmatchcase
from functools import lru_cache
from types import MappingProxyType
from typing import Final

from spanledger.dialects.dialect import Dialect

__all__ = ["HOSTS", "looks_like_model_call", "provider_of"]

HOSTS: Final[tuple[tuple[str, str], ...]] = (
    ("api.openai.com", "openai"),
    ("*.api.openai.com", "openai"),
    ("*.openai.azure.com", "azure.ai.openai"),
    ("*.cognitiveservices.azure.com", "azure.ai.openai"),
    ("*.services.ai.azure.com", "azure.ai.openai"),
    ("*.azure-api.net", "azure.ai.openai"),
    ("*.models.ai.azure.com", "azure.ai.inference"),
    ("models.inference.ai.azure.com", "azure.ai.inference"),
    ("models.github.ai", "azure.ai.inference"),
    ("api.anthropic.com", "anthropic"),
    ("aws-external-anthropic.*.api.aws", "anthropic"),
    ("generativelanguage.googleapis.com", "gcp.gemini"),
    ("aiplatform.googleapis.com", "gcp.vertex_ai"),
    ("*-aiplatform.googleapis.com", "gcp.vertex_ai"),
    ("aiplatform.*.rep.googleapis.com", "gcp.vertex_ai"),
    ("bedrock-runtime.*.amazonaws.com", "aws.bedrock"),
    ("bedrock-runtime-fips.*.amazonaws.com", "aws.bedrock"),
    ("bedrock-runtime.*.amazonaws.com.cn", "aws.bedrock"),
    ("*.bedrock-runtime.*.vpce.amazonaws.com", "aws.bedrock"),
    ("bedrock-mantle.*.api.aws", "aws.bedrock"),
    ("api.cohere.com", "cohere"),
    ("api.cohere.ai", "cohere"),
    ("*.ml.cloud.ibm.com", "ibm.watsonx.ai"),
    ("api.mistral.ai", "mistral_ai"),
    ("api.eu.mistral.ai", "mistral_ai"),
    ("api.us.mistral.ai", "mistral_ai"),
    ("codestral.mistral.ai", "mistral_ai"),
    ("api.groq.com", "groq"),
    ("api.deepseek.com", "deepseek"),
    ("api.x.ai", "x_ai"),
    ("*.api.x.ai", "x_ai"),
    ("api.perplexity.ai", "perplexity"),
    ("api.moonshot.ai", "moonshot_ai"),
    ("api.moonshot.cn", "moonshot_ai"),
    ("openrouter.ai", "openrouter"),
    ("*.openrouter.ai", "openrouter"),
    ("api.together.xyz", "together"),
    ("api.together.ai", "together"),
    ("api.fireworks.ai", "fireworks"),
    ("us.api.fireworks.ai", "fireworks"),
    ("api.cerebras.ai", "cerebras"),
    ("api.voyageai.com", "voyageai"),
    ("ai.mongodb.com", "voyageai"),
    ("api.studio.nebius.com", "nebius"),
    ("api.studio.nebius.ai", "nebius"),
    ("api.tokenfactory.nebius.com", "nebius"),
    ("api.sambanova.ai", "sambanova"),
    ("api.ai21.com", "ai21"),
    ("api.jina.ai", "jina"),
    ("api.hyperbolic.xyz", "hyperbolic"),
    ("api.deepinfra.com", "deepinfra"),
    ("api.novita.ai", "novita"),
    ("api.arcee.ai", "arcee"),
    ("api.avian.io", "avian"),
    ("inference.baseten.co", "baseten"),
    ("api.doubleword.ai", "doubleword"),
    ("api.githubcopilot.com", "github-copilot"),
    ("*.githubcopilot.com", "github-copilot"),
    ("api.meta.ai", "meta"),
    ("api.minimax.io", "minimax"),
    ("api.minimaxi.com", "minimax"),
    ("*.endpoints.kepler.ai.cloud.ovh.net", "ovhcloud"),
    ("api.z.ai", "zai"),
    ("open.bigmodel.cn", "zhipuai"),
    ("dashscope.aliyuncs.com", "dashscope"),
    ("dashscope-*.aliyuncs.com", "dashscope"),
    ("router.huggingface.co", "huggingface"),
    ("integrate.api.nvidia.com", "nvidia"),
    ("ollama.com", "ollama"),
    ("localhost:11434", "ollama"),
    ("127.0.0.1:11434", "ollama"),
    ("::1:11434", "ollama"),
    ("host.docker.internal:11434", "ollama"),
    ("ollama:11434", "ollama"),
    ("api.cloudflare.com", "cloudflare"),
    ("*.cloud.databricks.com", "databricks"),
    ("*.azuredatabricks.net", "databricks"),
    ("*.gcp.databricks.com", "databricks"),
)
"""(pattern of the host or `host:port`, `gen_ai.provider.name`); the first that matches stands.

A provider has OpenTelemetry's name where it has one, else its id in genai-prices."""

_NONE: Final[Mapping[str, str]] = MappingProxyType({})

_EXACT: Final = {pattern: provider for pattern, provider in HOSTS if "*" not in pattern}
_PATTERNS: Final = tuple(row for row in HOSTS if "*" in row[0])

_AZURE: Final = "azure.ai.openai"
_FOUNDRY: Final = re.compile(r"/(models|anthropic)/")
"""One host of Azure serves OpenAI's models and, under these paths, everybody's."""

_ROUTED: Final = re.compile(r"/(?!v\d+/)([\w-]+)/")
"""Hugging Face's router names in the path to whom it leads."""

_MIXED: Final = frozenset({"gcp.vertex_ai", "ibm.watsonx.ai", "cloudflare", "databricks"})
"""Providers whose hosts answer to much else than calls of models."""

_CALLS: Final = (
    "/complete",
    "/chat",
    "/generate",
    "/generate_stream",
    "/embed",
    "/rerank",
    "/invoke",
    "/invoke-with-response-stream",
    "/converse",
    "/converse-stream",
    ":predict",
    ":rawPredict",
    ":streamRawPredict",
    ":serverStreamingPredict",
)
_VERSIONED: Final = re.compile(r"/v\d[^/]*/[^/]+$|/model/[^/]+/[^/]+$|:\w+$")
"""What stands before a name that an app may well use for a service of its own, `/chat` say."""

_NO_CALLS: Final = re.compile(
    r"/(files|uploads|batches|fine[_-]tuning|fine_tunes|vector_stores|assistants|containers|evals"
    r"|organizations?|moderations|realtime|skills|cachedContents|fileSearchStores|credits|keys)\b"
    r"|/batch/jobs\b|/api/(pull|push|create|copy|show|delete|blobs)\b"
    r"|/(models|threads|cancel|count_tokens|input_tokens|tokenize|detokenize)$"
    r"|/threads/[^/]+/messages$"
    r"|openai[^/]*/.*/conversations\b"
    r"|:(countTokens|computeTokens|batch\w+|cancel)$"
)
"""What is posted to model hosts, and is no call: it costs nothing, or its calls come later."""


def provider_of(
    host: str,
    dialect: Dialect,
    *,
    port: int | None = None,
    path: str = "",
    endpoints: Mapping[str, str] = _NONE,
) -> str:
    """Who answers at `host`; behind proxies and own servers, the one whose dialect is spoken.

    Args:
        host: in any case.
        dialect: spoken there.
        port: where known; some hosts are told apart by it.
        path: of the request; some hosts serve several providers.
        endpoints: the user's own table, which comes first. Its keys are patterns like ours.
    """
    lowered = host.lower()
    if endpoints and (stated := _stated(lowered, port, endpoints)):
        return stated
    provider = _listed(lowered, port)
    if provider == _AZURE and _FOUNDRY.search(path):
        return "azure.ai.inference"
    if provider == "huggingface" and (routed := _ROUTED.match(path)):
        return f"huggingface_{routed[1]}"
    return provider or dialect.provider


def looks_like_model_call(
    host: str, path: str, *, port: int | None = None, endpoints: Mapping[str, str] = _NONE
) -> bool:
    """Whether a POST that fits no dialect may yet be a call of a model, and cost money.

    Arguments are as of `provider_of`.
    """
    lowered = host.lower()
    stated = _stated(lowered, port, endpoints) if endpoints else ""
    provider = stated or _listed(lowered, None)
    if provider and provider not in _MIXED:
        return not _NO_CALLS.search(f"{host}{path}")
    return path.endswith(_CALLS) and _VERSIONED.search(path) is not None


def _stated(host: str, port: int | None, endpoints: Mapping[str, str]) -> str:
    places = (f"{host}:{port}", host)
    return next(
        (
            provider
            for place in places
            for pattern, provider in endpoints.items()
            if fnmatchcase(place, pattern.lower())
        ),
        "",
    )


@lru_cache(maxsize=512)
def _listed(host: str, port: int | None) -> str:
    """The provider in our table, else ''; an app calls few hosts, each of them often."""
    exact = _EXACT.get(f"{host}:{port}") or _EXACT.get(host)
    if exact:
        return exact
    return next((provider for pattern, provider in _PATTERNS if fnmatchcase(host, pattern)), "")
