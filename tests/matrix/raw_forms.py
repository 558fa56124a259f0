"""Plain HTTP clients, without any SDK: `POST /v1/chat/completions` as one writes it oneself."""

import json
from collections.abc import AsyncGenerator, Generator
from typing import Any, Final

import aiohttp
import httpx
import httpx2
import requests

from tests.matrix.forms import KEY, MESSAGES, Form

BODY: Final = {"model": "gpt-4o", "messages": MESSAGES}
STREAM: Final = {**BODY, "stream": True, "stream_options": {"include_usage": True}}
HEADERS: Final = {"authorization": f"Bearer {KEY}", "helicone-user-id": "somebody"}
PATH: Final = "/openai/v1/chat/completions"

CHAT: Final[dict[str, Any]] = {
    "provider": "openai",
    "model": "gpt-4o",
    "answered": "gpt-4o-2024-08-06",
    "usage": {"input_tokens": 4 + 6, "output_tokens": 86},
}


def _httpx(library: Any) -> list[Form]:
    name = library.__name__

    def post(url: str) -> Generator[object]:
        with library.Client(headers=HEADERS) as client:
            yield client.post(url + PATH, json=BODY).raise_for_status().json()

    def stream(url: str) -> Generator[object]:
        with (
            library.Client(headers=HEADERS) as client,
            client.stream("POST", url + PATH, json=STREAM) as response,
        ):
            yield from response.raise_for_status().iter_lines()

    async def post_async(url: str) -> AsyncGenerator[object]:
        async with library.AsyncClient(headers=HEADERS) as client:
            yield (await client.post(url + PATH, json=BODY)).raise_for_status().json()

    async def stream_async(url: str) -> AsyncGenerator[object]:
        async with (
            library.AsyncClient(headers=HEADERS) as client,
            client.stream("POST", url + PATH, json=STREAM) as response,
        ):
            async for line in response.raise_for_status().aiter_lines():
                yield line

    return [
        Form(name=name, run=post, **CHAT),
        Form(name=f"{name}, streamed", run=stream, stream=True, **CHAT),
        Form(name=f"{name}, async", run=post_async, **CHAT),
        Form(name=f"{name}, streamed, async", run=stream_async, stream=True, **CHAT),
    ]


def _requests_post(url: str) -> Generator[object]:
    with requests.Session() as session:
        response = session.post(url + PATH, json=BODY, headers=HEADERS, timeout=30)
        response.raise_for_status()
        yield response.json()


def _requests_stream(url: str) -> Generator[object]:
    with (
        requests.Session() as session,
        session.post(url + PATH, json=STREAM, headers=HEADERS, stream=True, timeout=30) as response,
    ):
        response.raise_for_status()
        yield from response.iter_lines()


async def _aiohttp_post(url: str) -> AsyncGenerator[object]:
    async with (
        aiohttp.ClientSession(headers=HEADERS, raise_for_status=True) as session,
        session.post(url + PATH, json=BODY) as response,
    ):
        yield json.loads(await response.text())


async def _aiohttp_stream(url: str) -> AsyncGenerator[object]:
    async with (
        aiohttp.ClientSession(headers=HEADERS, raise_for_status=True) as session,
        session.post(url + PATH, json=STREAM) as response,
    ):
        async for line in response.content:
            yield line


HTTPX_FORMS: Final[list[Form]] = [*_httpx(httpx), *_httpx(httpx2)]
REQUESTS_FORMS: Final[list[Form]] = [
    Form(name="requests", run=_requests_post, **CHAT),
    Form(name="requests, streamed", run=_requests_stream, stream=True, **CHAT),
]
AIOHTTP_FORMS: Final[list[Form]] = [
    Form(name="aiohttp", run=_aiohttp_post, **CHAT),
    Form(name="aiohttp, streamed", run=_aiohttp_stream, stream=True, **CHAT),
]


def _voyage(name: str, path: str, body: dict[str, object], **expected: Any) -> list[Form]:
    """Voyage has an SDK, but it is a plain call that most make."""

    def post(url: str) -> Generator[object]:
        with httpx2.Client(headers=HEADERS) as client:
            yield client.post(url + path, json=body).raise_for_status().json()

    async def post_async(url: str) -> AsyncGenerator[object]:
        async with (
            aiohttp.ClientSession(headers=HEADERS, raise_for_status=True) as session,
            session.post(url + path, json=body) as response,
        ):
            yield json.loads(await response.text())

    expected = {
        "provider": "voyageai",
        "answered": body["model"],
        "model": body["model"],
    } | expected
    return [
        Form(name=name, run=post, **expected),
        Form(name=f"{name}, async", run=post_async, **expected),
    ]


VOYAGE_FORMS: Final[list[Form]] = [
    *_voyage(
        "voyage embeddings",
        "/voyage/v1/embeddings",
        {"model": "voyage-3.5", "input": [MESSAGES[0]["content"]]},
        operation="embeddings",
        usage={"input_tokens": 10},
    ),
    *_voyage(
        "voyage multimodal embeddings",
        "/voyage/v1/multimodalembeddings",
        {"model": "voyage-multimodal-3", "inputs": [{"content": [{"type": "text", "text": "a"}]}]},
        operation="embeddings",
        usage={"input_tokens": 5},
    ),
    *_voyage(
        "voyage rerank",
        "/voyage/v1/rerank",
        {"model": "rerank-2.5", "query": MESSAGES[0]["content"], "documents": ["a", "b"]},
        operation="rerank",
        usage={"input_tokens": 26},
    ),
]
