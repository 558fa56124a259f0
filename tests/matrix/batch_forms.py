"""What is no call that we read: fetching the results of batches, and posting where nothing fits."""

from collections.abc import AsyncGenerator, Generator
from pathlib import Path
from typing import Any, Final

import aiohttp
import httpx2
import requests
from starlette.requests import Request
from starlette.routing import Route

from spanledger.demo.wire import Delivery
from tests.matrix.forms import KEY, Form

RECORDED: Final = Path(__file__).parents[1] / "recorded"
HEADERS: Final = {"authorization": f"Bearer {KEY}"}
FILE: Final = "/openai/v1/files/file-out/content"
BATCH: Final = "/openai/v1/batches/batch_67a1"

NAMELESS: Final = b'{"custom_id":"","response":{"body":{"object":"list"}}}\n'
"""A result that cannot be told from any other."""

UNKNOWN: Final = "/openai/v1/something-new"
"""A path at a provider that fits no dialect."""

RESULTS: Final[dict[str, Any]] = {"provider": "openai", "model": ""}


def _get(url: str) -> Generator[object]:
    with httpx2.Client(headers=HEADERS) as client:
        yield client.get(url + BATCH).raise_for_status().json()
        yield client.get(url + FILE).raise_for_status().content


def _stream(url: str) -> Generator[object]:
    with (
        requests.Session() as session,
        session.get(url + FILE, headers=HEADERS, stream=True, timeout=30) as response,
    ):
        response.raise_for_status()
        yield from response.iter_lines()


async def _get_async(url: str) -> AsyncGenerator[object]:
    async with (
        aiohttp.ClientSession(headers=HEADERS, raise_for_status=True) as session,
        session.get(url + FILE) as response,
    ):
        yield await response.read()


def _post(url: str) -> Generator[object]:
    with httpx2.Client(headers=HEADERS) as client:
        yield client.post(url + UNKNOWN, json={}).raise_for_status().json()


FORMS: Final[list[Form]] = [
    Form(name="batch results", run=_get, **RESULTS),
    Form(name="batch results, streamed", run=_stream, stream=True, **RESULTS),
    Form(name="batch results, async", run=_get_async, **RESULTS),
    Form(name="unknown", run=_post, **RESULTS),
]


def _route(path: str, *parts: bytes) -> Route:
    async def respond(request: Request) -> Delivery:
        cut = request.headers.get("x-simulate") == "disconnect"
        headers = {"content-type": "application/octet-stream"}
        return Delivery(status=200, parts=list(parts), headers=headers, stream=True, cut=cut)

    return Route(path, respond, methods=["GET", "POST"])


ROUTES: Final = [
    _route(BATCH, (RECORDED / "openai_batch.json").read_bytes()),
    _route(FILE, (RECORDED / "openai_batch_results.jsonl").read_bytes(), NAMELESS),
    _route(UNKNOWN, b"{}"),
]
