import pytest

from spanledger.dialects.table import DIALECTS, find_dialect


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("/v1/chat/completions", "openai.chat"),
        ("/chat/completions", "openai.chat"),
        ("/openai/deployments/gpt4o/chat/completions", "openai.chat"),
        ("/v1beta/openai/chat/completions", "openai.chat"),
        ("/openai/v1/chat/completions", "openai.chat"),
        ("/api/v1/chat/completions", "openai.chat"),
        ("/inference/v1/chat/completions", "openai.chat"),
        ("/models/chat/completions", "openai.chat"),
        ("/v1/completions", "openai.completions"),
        ("/v1/fim/completions", "openai.completions"),
        ("/v1/engines/davinci-002/completions", "openai.completions"),
        ("/v1/responses", "openai.responses"),
        ("/v1/responses/compact", "openai.responses"),
        ("/v1/images/generations", "openai.images"),
        ("/openai/deployments/d/images/edits", "openai.images"),
        ("/v1/images/variations", "openai.images"),
        ("/v1/audio/transcriptions", "openai.transcription"),
        ("/v1/audio/translations", "openai.transcription"),
        ("/v1/audio/speech", "openai.speech"),
        ("/v1/embeddings", "openai.embeddings"),
        ("/v1/messages", "anthropic.messages"),
        ("/anthropic/v1/messages", "anthropic.messages"),
        ("/v1beta/models/gemini-2.5-flash:generateContent", "gemini.generate_content"),
        ("/v1beta/models/gemini-2.5-flash:streamGenerateContent", "gemini.generate_content"),
        (
            "/v1/projects/p/locations/l/publishers/google/models/m:generateContent",
            "gemini.generate_content",
        ),
        (
            "/v1/projects/p/locations/l/publishers/anthropic/models/claude:rawPredict",
            "anthropic.vertex",
        ),
        (
            "/v1/projects/p/locations/l/publishers/anthropic/models/claude:streamRawPredict",
            "anthropic.vertex",
        ),
        ("/v1beta/models/gemini-embedding-001:embedContent", "gemini.embed_content"),
        ("/v1beta/models/gemini-embedding-001:batchEmbedContents", "gemini.embed_content"),
        (
            "/v1/projects/p/locations/l/publishers/google/models/text-embedding-005:predict",
            "gemini.predict_embeddings",
        ),
        ("/v1beta/models/imagen-4.0-generate-001:predict", "gemini.predict_images"),
        ("/v1beta/interactions", "gemini.interactions"),
        ("/v1beta1/projects/p/locations/l/interactions", "gemini.interactions"),
        ("/model/us.amazon.nova-lite-v1:0/converse", "bedrock.converse"),
        ("/model/us.amazon.nova-lite-v1%3A0/converse-stream", "bedrock.converse"),
        ("/model/meta.llama3-8b-instruct-v1:0/invoke", "bedrock.invoke"),
        ("/model/m/invoke-with-response-stream", "bedrock.invoke"),
        ("/model/amazon.titan-embed-text-v2:0/invoke", "bedrock.invoke_embeddings"),
        ("/v2/chat", "cohere.chat"),
        ("/v1/chat", "cohere.chat_v1"),
        ("/v2/embed", "cohere.embed"),
        ("/v2/rerank", "cohere.rerank"),
        ("/v1/rerank", "cohere.rerank"),
        ("/api/chat", "ollama.chat"),
        ("/api/generate", "ollama.generate"),
        ("/api/embed", "ollama.embed"),
        ("/v1/multimodalembeddings", "voyage.embeddings"),
        ("/v1/ocr", "mistral.ocr"),
        ("/v1/contextualizedembeddings", "voyage.embeddings"),
    ],
)
def test_paths_of_calls(path: str, name: str) -> None:
    """S4.1: each path that costs money has exactly one dialect."""
    assert [dialect.name for dialect in DIALECTS if dialect.path.search(path)] == [name]
    found = find_dialect(path)
    assert found is not None
    assert found.name == name


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "",
        "/v1/models",
        "/v1/responses/resp_1",
        "/v1/responses/resp_1/cancel",
        "/v1/edits",
        "/v1/batches",
        "/v1/moderations",
        "/blog/generations",
        "/v1/responses/input_tokens",
        "/v1/messages/count_tokens",
        "/v1/messages/batches",
        "/v1/threads/thread_1/messages",
        "/v1beta/models/gemini-2.5-flash:countTokens",
        "/v1beta/models/gemini-2.5-flash:batchGenerateContent",
        "/v1beta/models/gemini-2.5-flash/generateContent",
        "/v1beta/models/veo-3.0:predictLongRunning",
        "/v1/publishers/anthropic/models/count-tokens:rawPredict",
        "/model/m/count-tokens",
        "/chain/invoke",
        "/log-stream",
        "/chat",
        "/api/pull",
        "/v1beta/interactions/i/cancel",
        "/crm/interactions",
    ],
)
def test_other_paths(path: str) -> None:
    """Requests that are no call of a model are none of ours."""
    assert find_dialect(path) is None
