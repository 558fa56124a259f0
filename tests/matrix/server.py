"""Providers on loopback, a port for each, that answer a repeated request with the same bytes.

The app's calls are made twice, without us and with us, and are to be equal to the last byte: so the
first answer to a request is kept and given again. A fault is asked for in the address, since not
every SDK can send headers of one's own: `<url>/sim-429/...`.
"""

import asyncio
import re
import threading
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from typing import Any, Final, cast

import uvicorn
from starlette.applications import Starlette
from starlette.routing import Mount
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from spanledger.demo.provider import create_provider
from spanledger.serving import base_url, listen
from tests.matrix.batch_forms import ROUTES as BATCH_ROUTES
from tests.matrix.bedrock import BEDROCK_ROUTES
from tests.matrix.wires import ROUTES

PROVIDERS: Final = (
    "openai",
    "azure.ai.openai",
    "anthropic",
    "gcp.gemini",
    "mistral_ai",
    "cohere",
    "groq",
    "ollama",
    "aws.bedrock",
    "voyageai",
)
"""`gen_ai.provider.name` of each; a port belongs to one of them, as a host does outside."""

_SIM: Final = re.compile(r"^/sim-([a-z0-9]+)(?=/)")
_AZURE: Final = re.compile(r"^/azure/openai/deployments/[^/]+")


class Stage:
    """The ASGI app: faults and replays before the providers' own answers."""

    def __init__(self, app: ASGIApp) -> None:
        self.requests = 0
        """How many requests have come, over all."""
        self.arrived = threading.Event()
        """Set when a request that asked to hang has come."""
        self._app = app
        self._kept: dict[tuple[object, ...], list[Message]] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        self.requests += 1
        headers = _headers(scope)
        body = await _body(receive)
        scope, fault = _staged(scope)
        if fault == "hang":
            await self._hang(receive)
            return
        key = _key(scope, headers, body, fault)
        if key not in self._kept:
            self._kept[key] = await self._ask(scope, body)
        messages = self._kept[key]
        if fault == "stall":
            for message in messages[: 1 + len(messages) // 2]:
                await send({**message, "more_body": True})
            await self._hang(receive)
            return
        for message in messages:
            await send(message)
            await asyncio.sleep(0)  # a packet of its own for each piece, as far as that can be had

    async def _ask(self, scope: Scope, body: bytes) -> list[Message]:
        said: list[Message] = []

        async def receive() -> Message:
            return {"type": "http.request", "body": body, "more_body": False}

        async def keep(message: Message) -> None:
            said.append(message)

        await self._app(scope, receive, keep)
        return said

    async def _hang(self, receive: Receive) -> None:
        self.arrived.set()
        while (await receive())["type"] != "http.disconnect":
            pass


def _staged(scope: Scope) -> tuple[Scope, str]:
    """The scope as the provider is to see it, and the fault that its path asks for."""
    path = str(scope["path"])
    match = _SIM.match(path)
    fault = match[1] if match else ""
    path = _AZURE.sub("/openai/v1", path[match.end() :] if match else path)
    headers = [*cast("list[tuple[bytes, bytes]]", scope["headers"]), (b"authorization", b"any key")]
    if fault and fault not in {"hang", "stall"}:
        headers.append((b"x-simulate", {"cut": "disconnect"}.get(fault, fault).encode()))
    return {**scope, "path": path, "raw_path": path.encode(), "headers": headers}, fault


def _key(scope: Scope, headers: Mapping[str, str], body: bytes, fault: str) -> tuple[object, ...]:
    multipart = headers.get("content-type", "").startswith("multipart/")
    return (
        fault if fault != "stall" else "",
        scope["path"],
        scope["query_string"],
        headers.get("accept-encoding"),
        headers.get("x-stainless-retry-count"),
        # Its boundary is another one each time.
        b'name="stream"' in body if multipart else body,
    )


def _headers(scope: Scope) -> dict[str, str]:
    return {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}


async def _body(receive: Receive) -> bytes:
    body = b""
    while True:
        message = await receive()
        body += message.get("body", b"")
        if not message.get("more_body"):
            return body


class Server:
    """The running providers."""

    def __init__(self, stage: Stage, urls: Mapping[str, str]) -> None:
        self.stage = stage
        self.urls = urls
        """Where each of `PROVIDERS` listens."""

    @property
    def endpoints(self) -> str:
        """The setting that names the providers behind the ports."""
        return ",".join(
            f"{url.removeprefix('http://')}={provider}" for provider, url in self.urls.items()
        )


@contextmanager
def running_providers() -> Generator[Server]:
    """All providers, in a thread of this process."""
    demo = create_provider(gap_seconds=0)
    routes = [*ROUTES, *BEDROCK_ROUTES, *BATCH_ROUTES, Mount("/", demo)]
    stage = Stage(Starlette(routes=routes))
    listeners = [listen("127.0.0.1", 0) for _ in PROVIDERS]
    config = uvicorn.Config(
        cast("Any", stage), http="h11", ws="none", lifespan="off", log_config=None, log_level=None,
        access_log=False, timeout_graceful_shutdown=1, date_header=False, server_header=False,
    )  # fmt: skip
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, args=(listeners,), daemon=True)
    thread.start()
    urls = {
        provider: base_url(listener)
        for provider, listener in zip(PROVIDERS, listeners, strict=True)
    }
    try:
        yield Server(stage, urls)
    finally:
        server.should_exit = True
        thread.join()
        for listener in listeners:
            listener.close()
