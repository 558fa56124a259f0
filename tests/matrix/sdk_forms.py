"""The SDKs of the other providers."""

from collections.abc import Generator
from typing import Any, Final

import anthropic
import cohere
import groq
import ollama
from google import genai
from google.genai import types
from mistralai.client import Mistral

from tests.matrix.forms import (
    KEY,
    MESSAGES,
    PROMPT,
    Form,
    Sdk,
    pydantic,
    streamed,
)

CLAUDE: Final = "claude-haiku-4-5"
GEMINI: Final = "gemini-2.5-flash"
MISTRAL: Final = "mistral-small-latest"
LLAMA: Final = "llama-3.3-70b-versatile"
COMMAND: Final = "command-a-03-2025"
NO_RETRIES: Final[Any] = {"max_retries": 0}


ANTHROPIC: Final = Sdk(
    lambda url: anthropic.Anthropic(api_key=KEY, base_url=f"{url}/anthropic", max_retries=0),
    lambda url: anthropic.AsyncAnthropic(api_key=KEY, base_url=f"{url}/anthropic", max_retries=0),
    pydantic,
)
MESSAGE: Final[dict[str, Any]] = {
    "provider": "anthropic",
    "model": CLAUDE,
    "answered": "claude-haiku-4-5-20251001",
    "usage": {"input_tokens": 4 + 7, "output_tokens": 9},
}


def _message(client: Any, **options: Any) -> Any:
    return client.messages.create(model=CLAUDE, messages=MESSAGES, max_tokens=9, **options)


def _message_helper(client: Any) -> Generator[Any]:
    with client.messages.stream(model=CLAUDE, messages=MESSAGES, max_tokens=9) as stream:
        yield from stream


ANTHROPIC_FORMS: Final[list[Form]] = [
    *ANTHROPIC.both("anthropic", _message, **MESSAGE),
    *ANTHROPIC.both(
        "anthropic, streamed", lambda c: _message(c, stream=True), stream=True, **MESSAGE
    ),
    Form(
        name="anthropic, stream helper",
        run=streamed(ANTHROPIC.make, _message_helper, pydantic),
        stream=True,
        **MESSAGE,
    ),
]


def _google(url: str) -> genai.Client:
    options = types.HttpOptions(base_url=f"{url}/gemini")
    return genai.Client(api_key=KEY, vertexai=False, http_options=options)


GOOGLE: Final = Sdk(_google, lambda url: _google(url).aio, pydantic)
GENERATED: Final[dict[str, Any]] = {
    "provider": "gcp.gemini",
    "operation": "generate_content",
    "model": GEMINI,
    "answered": GEMINI,
    # Thoughts are counted beside what is said.
    "usage": {"input_tokens": 4, "output_tokens": 86 + 143, "reasoning.output_tokens": 143},
}

GOOGLE_FORMS: Final[list[Form]] = [
    *GOOGLE.both(
        "google", lambda c: c.models.generate_content(model=GEMINI, contents=PROMPT), **GENERATED
    ),
    *GOOGLE.both(
        "google, streamed",
        lambda c: c.models.generate_content_stream(model=GEMINI, contents=PROMPT),
        stream=True,
        **GENERATED,
    ),
    *GOOGLE.both(
        "google embeddings",
        lambda c: c.models.embed_content(model="gemini-embedding-001", contents=PROMPT),
        provider="gcp.gemini",
        operation="embeddings",
        model="gemini-embedding-001",
        states_usage=False,
    ),
]


def _mistral(url: str) -> Mistral:
    return Mistral(api_key=KEY, server_url=f"{url}/mistral")


MISTRAL_SDK: Final = Sdk(_mistral, _mistral, pydantic)
MISTRAL_CHAT: Final[dict[str, Any]] = {
    "provider": "mistral_ai",
    "model": MISTRAL,
    "answered": MISTRAL,
    "usage": {"input_tokens": 15, "output_tokens": 9},
}

MISTRAL_FORMS: Final[list[Form]] = [
    *MISTRAL_SDK.both(
        "mistral",
        lambda c: c.chat.complete(model=MISTRAL, messages=MESSAGES),
        lambda c: c.chat.complete_async(model=MISTRAL, messages=MESSAGES),
        **MISTRAL_CHAT,
    ),
    *MISTRAL_SDK.both(
        "mistral, streamed",
        lambda c: c.chat.stream(model=MISTRAL, messages=MESSAGES),
        lambda c: c.chat.stream_async(model=MISTRAL, messages=MESSAGES),
        stream=True,
        **MISTRAL_CHAT,
    ),
    *MISTRAL_SDK.both(
        "mistral embeddings",
        lambda c: c.embeddings.create(model="mistral-embed", inputs=[PROMPT]),
        lambda c: c.embeddings.create_async(model="mistral-embed", inputs=[PROMPT]),
        provider="mistral_ai",
        operation="embeddings",
        model="mistral-embed",
        answered="mistral-embed",
        usage={"input_tokens": 6},
    ),
]


COHERE: Final = Sdk(
    lambda url: cohere.ClientV2(api_key=KEY, base_url=f"{url}/cohere"),
    lambda url: cohere.AsyncClientV2(api_key=KEY, base_url=f"{url}/cohere"),
    pydantic,
)
COHERE_CHAT: Final[dict[str, Any]] = {
    "provider": "cohere",
    "model": COMMAND,
    "usage": {"input_tokens": 5, "output_tokens": 8},
}

COHERE_FORMS: Final[list[Form]] = [
    *COHERE.both(
        "cohere",
        lambda c: c.chat(model=COMMAND, messages=MESSAGES, request_options=NO_RETRIES),
        **COHERE_CHAT,
    ),
    *COHERE.both(
        "cohere, streamed",
        lambda c: c.chat_stream(model=COMMAND, messages=MESSAGES, request_options=NO_RETRIES),
        stream=True,
        **COHERE_CHAT,
    ),
    *COHERE.both(
        "cohere embed",
        lambda c: c.embed(
            model="embed-v4.0",
            texts=[PROMPT],
            input_type="search_query",
            embedding_types=["float"],
            request_options=NO_RETRIES,
        ),
        provider="cohere",
        operation="embeddings",
        model="embed-v4.0",
        usage={"input_tokens": 7},
    ),
    *COHERE.both(
        "cohere rerank",
        lambda c: c.rerank(
            model="rerank-v3.5",
            query=PROMPT,
            documents=["a", "b"],
            request_options=NO_RETRIES,
        ),
        provider="cohere",
        operation="rerank",
        model="rerank-v3.5",
    ),
]


GROQ: Final = Sdk(
    lambda url: groq.Groq(api_key=KEY, base_url=f"{url}/groq", max_retries=0),
    lambda url: groq.AsyncGroq(api_key=KEY, base_url=f"{url}/groq", max_retries=0),
    pydantic,
)
GROQ_CHAT: Final[dict[str, Any]] = {
    "provider": "groq",
    "model": LLAMA,
    "answered": LLAMA,
    "usage": {"input_tokens": 38, "cache_read.input_tokens": 32, "output_tokens": 11},
}

GROQ_FORMS: Final[list[Form]] = [
    *GROQ.both(
        "groq", lambda c: c.chat.completions.create(model=LLAMA, messages=MESSAGES), **GROQ_CHAT
    ),
    *GROQ.both(
        "groq, streamed",
        lambda c: c.chat.completions.create(model=LLAMA, messages=MESSAGES, stream=True),
        stream=True,
        **GROQ_CHAT,
    ),
]


OLLAMA_CHAT: Final[dict[str, Any]] = {
    "provider": "ollama",
    "model": "llama3.2",
    "answered": "llama3.2",
    "usage": {"input_tokens": 26, "output_tokens": 13},
}
OLLAMA_TEXT: Final[dict[str, Any]] = {**OLLAMA_CHAT, "operation": "text_completion"}
OLLAMA: Final = Sdk(
    lambda url: ollama.Client(host=f"{url}/ollama"),
    lambda url: ollama.AsyncClient(host=f"{url}/ollama"),
    pydantic,
)

OLLAMA_FORMS: Final[list[Form]] = [
    *OLLAMA.both("ollama", lambda c: c.chat(model="llama3.2", messages=MESSAGES), **OLLAMA_CHAT),
    *OLLAMA.both(
        "ollama, streamed",
        lambda c: c.chat(model="llama3.2", messages=MESSAGES, stream=True),
        stream=True,
        **OLLAMA_CHAT,
    ),
    *OLLAMA.both(
        "ollama generate",
        lambda c: c.generate(model="llama3.2", prompt=PROMPT),
        **OLLAMA_TEXT,
    ),
    *OLLAMA.both(
        "ollama generate, streamed",
        lambda c: c.generate(model="llama3.2", prompt=PROMPT, stream=True),
        stream=True,
        **OLLAMA_TEXT,
    ),
    *OLLAMA.both(
        "ollama embed",
        lambda c: c.embed(model="all-minilm", input=PROMPT),
        provider="ollama",
        operation="embeddings",
        model="all-minilm",
        answered="all-minilm",
        usage={"input_tokens": 8},
    ),
]
