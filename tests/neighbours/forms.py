"""Calls as an app makes them, with the recorded answer of each."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from importlib import import_module
from importlib.util import find_spec
from typing import Any, Final
from uuid import uuid4

from tests.instrumentation.provider import Reply, recorded

__all__ = ["FORMS", "Form", "forms_for", "replies"]

Form = tuple[Callable[[str], None], str]
"""Of the provider's address; and the recorded answer."""

KEY: Final = "canary-key"
MESSAGES: Final[Any] = [{"role": "user", "content": "hi"}]
CLAUDE: Final[dict[str, Any]] = {
    "model": "claude-haiku-4-5",
    "messages": MESSAGES,
    "max_tokens": 9,
}

_held: Final[list[object]] = []
"""Google's clients close what they hold when they are collected."""


_modules: Final = {"openai": "openai"}
"""Langfuse has a module of its own that takes the place of OpenAI's."""


def _openai(url: str, kind: str = "OpenAI") -> Any:
    library = import_module(_modules["openai"])
    return getattr(library, kind)(api_key=KEY, base_url=url + "/v1", max_retries=0)


def _anthropic(url: str, kind: str = "Anthropic") -> Any:
    return getattr(import_module("anthropic"), kind)(api_key=KEY, base_url=url, max_retries=0)


def _google(url: str) -> Any:
    client = import_module("google.genai").Client(
        api_key=KEY, vertexai=False, http_options={"base_url": url}
    )
    _held.append(client)
    return client


def _chat(url: str) -> None:
    _openai(url).chat.completions.create(model="gpt-5-mini", messages=MESSAGES)


def _chat_stream(url: str) -> None:
    usage = {"include_usage": True}
    list(
        _openai(url).chat.completions.create(
            model="gpt-4o", messages=MESSAGES, stream=True, stream_options=usage
        )
    )


def _chat_left(url: str) -> None:
    stream = _openai(url).chat.completions.create(model="gpt-4o", messages=MESSAGES, stream=True)
    next(iter(stream))
    stream.close()


def _chat_in_parallel(url: str) -> None:
    async def one() -> None:
        client = _openai(url, "AsyncOpenAI")
        usage = {"include_usage": True}
        async for _ in await client.chat.completions.create(
            model="gpt-4o", messages=MESSAGES, stream=True, stream_options=usage
        ):
            pass

    async def many() -> None:
        await asyncio.gather(*[one() for _ in range(5)])

    asyncio.run(many())


def _responses(url: str) -> None:
    _openai(url).responses.create(model="gpt-5", input="hi")


def _responses_stream(url: str) -> None:
    list(_openai(url).responses.create(model="gpt-5", input="hi", stream=True))


def _embeddings(url: str) -> None:
    _openai(url).embeddings.create(model="text-embedding-3-small", input="hi")


def _messages(url: str) -> None:
    _anthropic(url).messages.create(**CLAUDE)


def _messages_stream(url: str) -> None:
    with _anthropic(url).messages.stream(**CLAUDE) as stream:
        list(stream)


def _messages_in_parallel(url: str) -> None:
    async def one() -> None:
        async with _anthropic(url, "AsyncAnthropic").messages.stream(**CLAUDE) as stream:
            async for _ in stream:
                pass

    async def many() -> None:
        await asyncio.gather(*[one() for _ in range(5)])

    asyncio.run(many())


def _gemini(url: str) -> None:
    _google(url).models.generate_content(model="gemini-2.5-flash", contents="hi")


def _gemini_stream(url: str) -> None:
    list(_google(url).models.generate_content_stream(model="gemini-2.5-pro", contents="hi"))


def _gemini_embed(url: str) -> None:
    _google(url).models.embed_content(model="gemini-embedding-001", contents="hi")


def _agent(model: Any) -> Any:
    library: Any = import_module("pydantic_ai")
    return library.Agent(model, name="canary")


def _openai_agent(url: str) -> Any:
    models: Any = import_module("pydantic_ai.models.openai")
    provider: Any = import_module("pydantic_ai.providers.openai").OpenAIProvider(
        base_url=url + "/v1", api_key=KEY
    )
    return _agent(models.OpenAIChatModel("gpt-4o", provider=provider))


def _anthropic_agent(url: str) -> Any:
    models: Any = import_module("pydantic_ai.models.anthropic")
    provider: Any = import_module("pydantic_ai.providers.anthropic").AnthropicProvider(
        anthropic_client=_anthropic(url, "AsyncAnthropic")
    )
    return _agent(models.AnthropicModel("claude-haiku-4-5", provider=provider))


def _run_stream(agent: Any) -> None:
    async def run() -> None:
        async with agent.run_stream("hi") as answer:
            async for _ in answer.stream_text():
                pass

    asyncio.run(run())


def _openai_agent_stream(url: str) -> None:
    _run_stream(_openai_agent(url))


def _anthropic_agent_stream(url: str) -> None:
    _run_stream(_anthropic_agent(url))


FORMS: Final[dict[str, Form]] = {
    "chat": (_chat, "openai_chat.json"),
    "chat stream": (_chat_stream, "openai_chat_stream.sse"),
    "chat stream left": (_chat_left, "openai_chat_stream.sse"),
    "chat in parallel": (_chat_in_parallel, "openai_chat_stream.sse"),
    "responses": (_responses, "openai_responses.json"),
    "responses stream": (_responses_stream, "openai_responses_stream.sse"),
    "embeddings": (_embeddings, "openai_embeddings.json"),
    "messages": (_messages, "anthropic_messages.json"),
    "messages stream": (_messages_stream, "anthropic_messages_stream.sse"),
    "messages in parallel": (_messages_in_parallel, "anthropic_messages_stream.sse"),
    "gemini": (_gemini, "gemini_generate.json"),
    "gemini stream": (_gemini_stream, "gemini_stream.sse"),
    "gemini embed": (_gemini_embed, "gemini_embed_batch.json"),
}
"""Through the SDKs of the providers."""

AGENTS: Final[dict[str, Form]] = {
    "chat": (lambda url: _openai_agent(url).run_sync("hi"), "openai_chat.json"),
    "chat stream": (_openai_agent_stream, "openai_chat_stream.sse"),
    "messages stream": (_anthropic_agent_stream, "anthropic_messages_stream.sse"),
}
"""Through agents of pydantic-ai."""


def forms_for(library: str) -> dict[str, Form]:
    """The calls that a library is tried with, as far as their SDKs are installed."""
    if library == "pydantic-ai":
        return AGENTS
    if library == "langfuse":
        _modules["openai"] = "langfuse.openai"
    google = find_spec("google.genai") if find_spec("google") else None
    return {name: form for name, form in FORMS.items() if google or "gemini" not in name}


def replies(answer: str) -> list[Reply]:
    """What the provider answers; a response that is complete, with an id of its own."""
    reply = recorded(answer)
    if answer != "openai_responses.json":
        return [reply]
    body = reply.body.replace(b'"incomplete"', b'"completed"')
    return [replace(reply, body=body.replace(b"resp_68f0c2a91c", b"resp_" + uuid4().hex.encode()))]
