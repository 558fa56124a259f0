"""LiteLLM, which calls other providers in their own formats."""

from collections.abc import AsyncGenerator, Generator
from typing import Any, Final

import litellm as _litellm

from tests.matrix.forms import KEY, MESSAGES, Form

litellm: Final[Any] = _litellm
ASK: Final[dict[str, Any]] = {"messages": MESSAGES, "num_retries": 0, "max_retries": 0}


def _shown(answer: Any) -> object:
    """LiteLLM makes up ids and times of its own."""
    return [choice.model_dump(mode="json") for choice in answer.choices]


def _forms(name: str, call: str, path: str, **expected: Any) -> list[Form]:
    def options(url: str) -> dict[str, Any]:
        return {**ASK, "model": call, "api_key": KEY, "api_base": url + path}

    streaming: Any = {"stream": True, "stream_options": {"include_usage": True}}

    def whole(url: str) -> Generator[object]:
        yield _shown(litellm.completion(**options(url)))

    def stream(url: str) -> Generator[object]:
        for chunk in litellm.completion(**options(url), **streaming):
            yield _shown(chunk)

    async def whole_async(url: str) -> AsyncGenerator[object]:
        yield _shown(await litellm.acompletion(**options(url)))

    async def stream_async(url: str) -> AsyncGenerator[object]:
        async for chunk in await litellm.acompletion(**options(url), **streaming):
            yield _shown(chunk)

    return [
        Form(name=name, run=whole, **expected),
        Form(name=f"{name}, streamed", run=stream, stream=True, **expected),
        Form(name=f"{name}, async", run=whole_async, **expected),
        Form(name=f"{name}, streamed, async", run=stream_async, stream=True, **expected),
    ]


FORMS: Final[list[Form]] = [
    *_forms(
        "litellm to openai",
        "openai/gpt-4o",
        "/openai/v1",
        provider="openai",
        model="gpt-4o",
        answered="gpt-4o-2024-08-06",
        usage={"input_tokens": 4 + 6, "output_tokens": 86},
    ),
    *_forms(
        "litellm to mistral",
        "mistral/mistral-small-latest",
        "/mistral/v1",
        provider="mistral_ai",
        model="mistral-small-latest",
        answered="mistral-small-latest",
        usage={"input_tokens": 15, "output_tokens": 9},
    ),
]
