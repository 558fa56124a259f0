"""OpenAI's SDK: all its calls that cost money, and Azure's way of making them."""

import io
from collections.abc import AsyncGenerator, Callable, Generator
from typing import Any, Final

import openai

from tests.matrix.forms import (
    KEY,
    MESSAGES,
    PROMPT,
    Form,
    Sdk,
    pydantic,
    streamed,
    streamed_async,
    whole,
)

MODEL: Final = "gpt-4o"
DATED: Final = "gpt-4o-2024-08-06"
USAGE: Final[Any] = {"stream_options": {"include_usage": True}}


def _make(kind: type[Any]) -> Callable[[str], Any]:
    def make(url: str) -> object:
        return kind(api_key=KEY, base_url=f"{url}/openai/v1", max_retries=0)

    return make


def _make_azure(kind: type[Any]) -> Callable[[str], Any]:
    def make(url: str) -> object:
        return kind(
            api_key=KEY, azure_endpoint=f"{url}/azure", api_version="2024-10-21", max_retries=0
        )

    return make


SDK: Final = Sdk(_make(openai.OpenAI), _make(openai.AsyncOpenAI), pydantic)
AZURE: Final = Sdk(_make_azure(openai.AzureOpenAI), _make_azure(openai.AsyncAzureOpenAI), pydantic)

# The demo's provider counts four characters a token, and a few for the frame of a conversation.
CHAT: Final[dict[str, Any]] = {
    "provider": "openai",
    "model": MODEL,
    "answered": DATED,
    "usage": {"input_tokens": 4 + 6, "output_tokens": 86},
}
AZURE_CHAT: Final[dict[str, Any]] = {**CHAT, "provider": "azure.ai.openai"}
RESPONSES: Final[dict[str, Any]] = {**CHAT, "usage": {"input_tokens": 4 + 3, "output_tokens": 86}}
IMAGES: Final[dict[str, Any]] = {
    "provider": "openai",
    "operation": "generate_content",
    "model": "gpt-image-1",
    "usage": {"input_tokens": 50, "image.input_tokens": 40, "output_tokens": 1056},
}
TRANSCRIPTION: Final[dict[str, Any]] = {
    "provider": "openai",
    "operation": "generate_content",
    "model": "gpt-4o-transcribe",
    "usage": {"input_tokens": 14, "audio.input_tokens": 10, "output_tokens": 31},
}
SPEECH: Final[dict[str, Any]] = {
    "provider": "openai",
    "operation": "generate_content",
    "model": "gpt-4o-mini-tts",
}
SPOKEN: Final = Sdk(SDK.make, SDK.make_async, lambda answer: answer.content.hex())


def _speech(client: Any, **options: Any) -> Any:
    return client.audio.speech.with_streaming_response.create(
        model="gpt-4o-mini-tts", input=PROMPT, voice="alloy", **options
    )


def _heard(client: Any, **options: Any) -> Generator[bytes]:
    with _speech(client, **options) as response:
        yield from response.iter_bytes()


async def _heard_async(client: Any, **options: Any) -> AsyncGenerator[bytes]:
    async with _speech(client, **options) as response:
        async for piece in response.iter_bytes():
            yield piece


def _sound() -> Any:
    return ("a.wav", io.BytesIO(b"RIFF" + bytes(100)), "audio/wav")


def _raw(client: Any) -> Any:
    with client.chat.completions.with_streaming_response.create(
        model=MODEL, messages=MESSAGES
    ) as response:
        return response.parse()


def _helper(client: Any) -> Any:
    with client.chat.completions.stream(model=MODEL, messages=MESSAGES, **USAGE) as stream:
        yield from stream


FORMS: Final[list[Form]] = [
    *SDK.both(
        "openai chat", lambda c: c.chat.completions.create(model=MODEL, messages=MESSAGES), **CHAT
    ),
    *SDK.both(
        "openai chat, streamed",
        lambda c: c.chat.completions.create(model=MODEL, messages=MESSAGES, stream=True, **USAGE),
        stream=True,
        **CHAT,
    ),
    *SDK.both(
        "openai chat, streamed without usage",
        lambda c: c.chat.completions.create(model=MODEL, messages=MESSAGES, stream=True),
        stream=True,
        states_usage=False,
        **CHAT,
    ),
    Form(
        name="openai chat, raw response",
        run=whole(
            SDK.make,
            lambda c: c.chat.completions.with_raw_response.create(
                model=MODEL, messages=MESSAGES
            ).parse(),
            pydantic,
        ),
        **CHAT,
    ),
    Form(name="openai chat, with_streaming_response", run=whole(SDK.make, _raw, pydantic), **CHAT),
    Form(
        name="openai chat, stream helper",
        run=streamed(SDK.make, _helper, pydantic),
        stream=True,
        **CHAT,
    ),
    *SDK.both(
        "openai responses", lambda c: c.responses.create(model=MODEL, input=PROMPT), **RESPONSES
    ),
    *SDK.both(
        "openai responses, streamed",
        lambda c: c.responses.create(model=MODEL, input=PROMPT, stream=True),
        stream=True,
        **RESPONSES,
    ),
    *SDK.both(
        "openai embeddings",
        lambda c: c.embeddings.create(model="text-embedding-3-small", input=PROMPT),
        provider="openai",
        operation="embeddings",
        model="text-embedding-3-small",
        answered="text-embedding-3-small",
        usage={"input_tokens": 4},
    ),
    *AZURE.both(
        "azure chat",
        lambda c: c.chat.completions.create(model=MODEL, messages=MESSAGES),
        **AZURE_CHAT,
    ),
    *AZURE.both(
        "azure chat, streamed",
        lambda c: c.chat.completions.create(model=MODEL, messages=MESSAGES, stream=True, **USAGE),
        stream=True,
        **AZURE_CHAT,
    ),
    *SDK.both(
        "openai completions",
        lambda c: c.completions.create(model="gpt-3.5-turbo-instruct", prompt=PROMPT),
        provider="openai",
        operation="text_completion",
        model="gpt-3.5-turbo-instruct",
        answered="gpt-3.5-turbo-instruct:20230824-v2",
        usage={"input_tokens": 5, "output_tokens": 7},
    ),
    *SDK.both(
        "openai completions, streamed",
        lambda c: c.completions.create(
            model="gpt-3.5-turbo-instruct", prompt=PROMPT, stream=True, **USAGE
        ),
        stream=True,
        provider="openai",
        operation="text_completion",
        model="gpt-3.5-turbo-instruct",
        answered="gpt-3.5-turbo-instruct:20230824-v2",
        usage={"input_tokens": 5, "output_tokens": 7},
    ),
    *SDK.both(
        "openai images",
        lambda c: c.images.generate(model="gpt-image-1", prompt=PROMPT),
        **IMAGES,
    ),
    *SDK.both(
        "openai images, streamed",
        lambda c: c.images.generate(
            model="gpt-image-1", prompt=PROMPT, stream=True, partial_images=1
        ),
        stream=True,
        **IMAGES,
    ),
    *SDK.both(
        "openai transcription",
        lambda c: c.audio.transcriptions.create(model="gpt-4o-transcribe", file=_sound()),
        **TRANSCRIPTION,
    ),
    *SDK.both(
        "openai transcription, streamed",
        lambda c: c.audio.transcriptions.create(
            model="gpt-4o-transcribe", file=_sound(), stream=True
        ),
        stream=True,
        **TRANSCRIPTION,
    ),
    *SPOKEN.both(
        "openai speech",
        lambda c: c.audio.speech.create(model="gpt-4o-mini-tts", input=PROMPT, voice="alloy"),
        **SPEECH,
    ),
    Form(
        name="openai speech, with_streaming_response",
        run=whole(SDK.make, lambda c: b"".join(_heard(c)), bytes.hex),
        **SPEECH,
    ),
    Form(
        name="openai speech, streamed",
        run=streamed(SDK.make, lambda c: _heard(c, stream_format="sse"), bytes.hex),
        stream=True,
        usage={"input_tokens": 14, "output_tokens": 101},
        **SPEECH,
    ),
    Form(
        name="openai speech, streamed, async",
        run=streamed_async(
            SDK.make_async, lambda c: _heard_async(c, stream_format="sse"), bytes.hex
        ),
        stream=True,
        usage={"input_tokens": 14, "output_tokens": 101},
        **SPEECH,
    ),
]
