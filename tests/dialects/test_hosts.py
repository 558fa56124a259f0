import pytest

from spanledger.dialects.anthropic import MESSAGES
from spanledger.dialects.hosts import HOSTS, looks_like_model_call, provider_of
from spanledger.dialects.openai import CHAT
from spanledger.dialects.table import DIALECTS

CHAT_PATH = "/v1/chat/completions"


@pytest.mark.parametrize(
    ("host", "provider"),
    [
        ("api.openai.com", "openai"),
        ("eu.api.openai.com", "openai"),
        ("API.OpenAI.com", "openai"),
        ("myteam.openai.azure.com", "azure.ai.openai"),
        ("myteam.cognitiveservices.azure.com", "azure.ai.openai"),
        ("gateway.azure-api.net", "azure.ai.openai"),
        ("api.anthropic.com", "anthropic"),
        ("generativelanguage.googleapis.com", "gcp.gemini"),
        ("aiplatform.googleapis.com", "gcp.vertex_ai"),
        ("europe-west4-aiplatform.googleapis.com", "gcp.vertex_ai"),
        ("aiplatform.eu.rep.googleapis.com", "gcp.vertex_ai"),
        ("bedrock-runtime.us-east-1.amazonaws.com", "aws.bedrock"),
        ("openrouter.ai", "openrouter"),
        ("api.groq.com", "groq"),
        ("api.together.xyz", "together"),
        ("api.fireworks.ai", "fireworks"),
        ("api.deepseek.com", "deepseek"),
        ("api.x.ai", "x_ai"),
        ("us-east-1.api.x.ai", "x_ai"),
        ("api.perplexity.ai", "perplexity"),
        ("api.mistral.ai", "mistral_ai"),
        ("api.moonshot.cn", "moonshot_ai"),
        ("api.cerebras.ai", "cerebras"),
        ("api.studio.nebius.com", "nebius"),
    ],
)
def test_hosts(host: str, provider: str) -> None:
    """S4.5: the host says who answers, and so whose prices hold, whatever dialect is spoken."""
    assert {provider_of(host, dialect) for dialect in DIALECTS} == {provider}


@pytest.mark.parametrize("host", ["127.0.0.1", "llm.example", "api.openai.com.example", ""])
def test_unknown_hosts(host: str) -> None:
    """Behind a proxy or an own server the dialect names its own provider."""
    assert provider_of(host, CHAT) == "openai"
    assert provider_of(host, MESSAGES) == "anthropic"


def test_a_port_tells_hosts_apart() -> None:
    """Ollama is known by its port on this machine; another port there is any server."""
    assert provider_of("localhost", CHAT, port=11434) == "ollama"
    assert provider_of("localhost", CHAT, port=8000) == "openai"
    assert provider_of("localhost", CHAT) == "openai"
    assert provider_of("api.openai.com", CHAT, port=443) == "openai"


@pytest.mark.parametrize(
    ("path", "provider"),
    [
        ("/openai/deployments/gpt4o/chat/completions", "azure.ai.openai"),
        ("/openai/v1/responses", "azure.ai.openai"),
        ("/models/chat/completions", "azure.ai.inference"),
        ("/anthropic/v1/messages", "azure.ai.inference"),
    ],
)
def test_paths_of_azure(path: str, provider: str) -> None:
    """One Azure host serves OpenAI's models and those of others, told apart by the path."""
    assert provider_of("team.services.ai.azure.com", CHAT, path=path) == provider


@pytest.mark.parametrize(
    ("path", "provider"),
    [
        ("/v1/chat/completions", "huggingface"),
        ("/groq/v1/chat/completions", "huggingface_groq"),
        ("/fireworks-ai/inference/v1/chat/completions", "huggingface_fireworks-ai"),
    ],
)
def test_paths_of_a_router(path: str, provider: str) -> None:
    """Where the path says to whom a router leads, the provider says it too."""
    assert provider_of("router.huggingface.co", CHAT, path=path) == provider


@pytest.mark.parametrize(
    ("host", "port", "provider"),
    [
        ("llm.corp.example", 443, "azure.ai.openai"),
        ("LLM.corp.example", None, "azure.ai.openai"),
        ("10.0.0.7", 8000, "vllm"),
        ("10.0.0.7", 8001, "openai"),
        ("a.models.example", 443, "together"),
        ("models.example", 443, "openai"),
        ("both.example", 1, "by_port"),
        ("both.example", 2, "by_host"),
        ("api.openai.com", 443, "my_proxy"),
    ],
)
def test_the_users_own_table(host: str, port: int | None, provider: str) -> None:
    """The setting `endpoints` comes before ours; `host:port` in it before the host alone."""
    endpoints = {
        "llm.Corp.example": "azure.ai.openai",
        "10.0.0.7:8000": "vllm",
        "*.models.example": "together",
        "both.example": "by_host",
        "both.example:1": "by_port",
        "api.openai.com": "my_proxy",
    }
    assert provider_of(host, CHAT, port=port, endpoints=endpoints) == provider


def test_every_line_counts() -> None:
    """No pattern stands twice, and each is in the form in which hosts are compared."""
    patterns = [pattern for pattern, _ in HOSTS]
    assert len(set(patterns)) == len(patterns)
    assert patterns == [pattern.lower() for pattern in patterns]


@pytest.mark.parametrize(
    ("host", "path"),
    [
        ("api.openai.com", "/v1/videos"),
        ("api.openai.com", "/v1/something-new"),
        ("API.mistral.ai", "/v1/ocr"),
        ("api.mistral.ai", "/v1/conversations"),
        ("generativelanguage.googleapis.com", "/v1beta/models/veo:predictLongRunning"),
        ("bedrock-runtime.eu-west-1.amazonaws.com", "/model/m/async-thing"),
        ("europe-west4-aiplatform.googleapis.com", "/v1/publishers/anthropic/models/c:rawPredict"),
        ("gpu.corp.example", "/v1/rerank"),
        ("gpu.corp.example", "/model/my-model/invoke"),
    ],
)
def test_what_looks_like_a_call(host: str, path: str) -> None:
    """S4.1: a POST to a model host, or to a path like theirs, is not passed over in silence."""
    assert looks_like_model_call(host, path)


@pytest.mark.parametrize(
    ("host", "path"),
    [
        ("api.openai.com", "/v1/files"),
        ("api.openai.com", "/v1/uploads/upload_1/parts"),
        ("api.openai.com", "/v1/batches"),
        ("api.openai.com", "/v1/moderations"),
        ("api.openai.com", "/v1/conversations/conv_1/items"),
        ("api.openai.com", "/v1/threads/thread_1/messages"),
        ("api.openai.com", "/v1/responses/resp_1/cancel"),
        ("api.openai.com", "/v1/responses/input_tokens"),
        ("team.openai.azure.com", "/openai/v1/conversations"),
        ("api.anthropic.com", "/v1/messages/count_tokens"),
        ("api.anthropic.com", "/v1/messages/batches"),
        ("generativelanguage.googleapis.com", "/v1beta/models/gemini-2.5-pro:countTokens"),
        ("generativelanguage.googleapis.com", "/v1beta/models/gemini-2.5-pro:batchGenerateContent"),
        ("generativelanguage.googleapis.com", "/v1beta/cachedContents"),
        ("aiplatform.googleapis.com", "/v1/projects/p/locations/l/customJobs"),
        ("api.mistral.ai", "/v1/batch/jobs"),
        ("api.mistral.ai", "/v1/batch/jobs/b9a5/cancel"),
        ("ollama.com", "/api/pull"),
        ("shop.example", "/chat"),
        ("shop.example", "/api/generate"),
        ("shop.example", "/orders"),
        ("", ""),
    ],
)
def test_what_is_no_call(host: str, path: str) -> None:
    """Housekeeping at a model host costs nothing, and an app's own services are its own."""
    assert not looks_like_model_call(host, path)


def test_hosts_of_the_users_own_are_model_hosts() -> None:
    """S4.1: a POST to a host that `endpoints` names is not passed over either."""
    endpoints = {"llm.corp.example": "openai", "gpu.corp.example:8000": "gcp.vertex_ai"}
    assert looks_like_model_call("llm.corp.example", "/new", endpoints=endpoints)
    assert not looks_like_model_call("llm.corp.example", "/v1/files", endpoints=endpoints)
    assert not looks_like_model_call("shop.corp.example", "/new", endpoints=endpoints)
    assert not looks_like_model_call("gpu.corp.example", "/new", port=8000, endpoints=endpoints)
    assert looks_like_model_call("gpu.corp.example", "/v1/chat", port=8000, endpoints=endpoints)
