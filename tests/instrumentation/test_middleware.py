"""Requests of an app, over real servers, and what the calls made for them know."""

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Generator, Iterable, Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

import httpx
import pytest
from fastapi import APIRouter, FastAPI
from starlette.applications import Starlette
from starlette.background import BackgroundTask
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse
from starlette.routing import Mount, Route
from uvicorn import Config, Server

import spanledger
from spanledger.instrumentation.attribution import current_attribution

HEADERS = {"user_id": "X-User-Id", "conversation_id": "x-conversation", "message_id": "x-message"}
SENT = {"x-user-id": "ann", "X-Conversation": "c-1", "x-other": "no"}


@contextmanager
def asgi_served(app: Any) -> Generator[httpx.Client]:
    """A client of the app over uvicorn."""
    server = Server(Config(app, port=0, log_level="critical", lifespan="on"))
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        while not server.started and thread.is_alive():
            threading.Event().wait(0.01)
        port = server.servers[0].sockets[0].getsockname()[1]
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", trust_env=False) as client:
            yield client
    finally:
        server.should_exit = True
        thread.join()


class Quiet(WSGIRequestHandler):
    """Writes no log."""

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the library's name
        """Be quiet."""


@contextmanager
def wsgi_served(app: Any) -> Generator[httpx.Client]:
    """A client of the app over wsgiref."""
    server: WSGIServer = make_server("127.0.0.1", 0, app, handler_class=Quiet)
    with server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            url = f"http://127.0.0.1:{server.server_port}"
            with httpx.Client(base_url=url, trust_env=False) as client:
                yield client
        finally:
            server.shutdown()
            thread.join()


class Seen:
    """What was attributed at each step of the app."""

    def __init__(self) -> None:
        self.steps: dict[str, dict[str, Any]] = {}
        self.finished = threading.Event()

    def note(self, step: str) -> None:
        """Keep what a call made here would be attributed to."""
        self.steps[step] = dict(current_attribution())


def starlette_app(seen: Seen) -> Starlette:
    """Whole and streamed answers, a mounted app, a background task."""

    async def chat(request: Request) -> Response:
        seen.note("handler")
        return PlainTextResponse(request.path_params["id"])

    async def stream(_: Request) -> Response:
        async def pieces() -> AsyncIterator[str]:
            yield "a"
            await asyncio.sleep(0)
            seen.note("async body")
            yield "b"

        return StreamingResponse(pieces(), background=BackgroundTask(after))

    async def threaded(_: Request) -> Response:
        def pieces() -> Iterator[str]:
            seen.note("sync body")
            yield "a"

        return StreamingResponse(pieces())

    def after() -> None:
        seen.note("background")
        seen.finished.set()

    async def mounted(_: Request) -> Response:
        seen.note("mounted")
        return PlainTextResponse("")

    routes = [
        Route("/chat/{id}", chat),
        Route("/stream", stream),
        Route("/threaded", threaded),
        Mount("/tenants/{tenant}", routes=[Route("/chat/{id}", mounted)]),
    ]
    return Starlette(routes=routes)


def test_a_starlette_app_attributes_whole_answers_and_streams() -> None:
    """Route, user and conversation reach handler, body, threads and background tasks."""
    seen = Seen()
    app = spanledger.ASGIMiddleware(starlette_app(seen), headers=HEADERS)
    with asgi_served(app) as client:
        assert client.get("/chat/7", headers=SENT).text == "7"
        assert client.get("/stream", headers=SENT).text == "ab"
        assert client.get("/threaded", headers=SENT).text == "a"
        client.get("/tenants/acme/chat/8", headers=SENT)
        assert seen.finished.wait(10)

    who = {"user.id": "ann", "gen_ai.conversation.id": "c-1"}
    assert seen.steps == {
        "handler": {**who, "spanledger.route": "/chat/{id}"},
        "async body": {**who, "spanledger.route": "/stream"},
        "background": {**who, "spanledger.route": "/stream"},
        "sync body": {**who, "spanledger.route": "/threaded"},
        "mounted": {**who, "spanledger.route": "/tenants/{tenant}/chat/{id}"},
    }


def test_a_fastapi_app_adds_it_as_its_middleware() -> None:
    """The usual way; the callback sees what the app has found out about the request since."""
    seen = Seen()
    app = FastAPI()
    router = APIRouter(prefix="/v1")

    def describe(scope: Any) -> dict[str, object]:
        return {"user_id": scope["state"]["user"], "tags": {"plan": "pro"}, "unknown": 1}

    @router.get("/items/{item}")
    def item(item: str, request: Request) -> str:
        request.state.user = f"owner of {item}"
        seen.note("handler")
        with spanledger.attribute(user_id="explicit", skip_charge=True):
            seen.note("explicit")
        return item

    app.include_router(router)
    app.add_middleware(spanledger.ASGIMiddleware, describe=describe)
    with asgi_served(app) as client:
        assert client.get("/v1/items/3").json() == "3"

    found = {"spanledger.route": "/v1/items/{item}", "spanledger.tag.plan": "pro"}
    assert seen.steps == {
        "handler": {**found, "user.id": "owner of 3"},
        "explicit": {**found, "user.id": "explicit", "spanledger.skip_charge": True},
    }


def test_a_callback_that_fails_is_no_harm_to_the_request() -> None:
    """The app answers, and what else is known stays known."""
    seen = Seen()

    def describe(scope: Any) -> dict[str, object]:
        return scope["nothing"]

    app = spanledger.ASGIMiddleware(starlette_app(seen), headers=HEADERS, describe=describe)
    with asgi_served(app) as client:
        assert client.get("/chat/7", headers=SENT).status_code == 200

    assert seen.steps["handler"]["spanledger.route"] == "/chat/{id}"


def test_requests_do_not_mix() -> None:
    """Two at once each have their own user."""
    seen: list[tuple[str, object]] = []
    both = asyncio.Barrier(2)

    async def app(scope: Any, _receive: object, _send: object) -> None:
        await both.wait()
        seen.append((scope["headers"][0][1].decode(), current_attribution().get("user.id")))

    async def requests() -> None:
        guarded_app = spanledger.ASGIMiddleware(app, headers=HEADERS)
        scopes = [{"type": "http", "headers": [(b"x-user-id", name)]} for name in (b"a", b"b")]
        await asyncio.gather(*(guarded_app(scope, never, never) for scope in scopes))
        assert dict(current_attribution()) == {}

    async def never(*_: object) -> Any:
        raise AssertionError

    asyncio.run(requests())
    assert sorted(seen) == [("a", "a"), ("b", "b")]


def test_a_wsgi_app_attributes_whole_answers_and_streams() -> None:
    """The handler, each piece of the body and its end are inside; the server is not."""
    seen = Seen()

    class Body:
        def __iter__(self) -> Iterator[bytes]:
            seen.note("first")
            yield b"a"
            seen.note("second")
            yield b"b"

        def close(self) -> None:
            seen.note("close")

    def app(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        seen.note("handler")
        # As Werkzeug and Flask leave it there.
        rule = SimpleNamespace(rule="/chat/<id>")
        environ["werkzeug.request"] = SimpleNamespace(url_rule=rule)
        seen.note("routed")
        start_response("200 OK", [("content-type", "text/plain")])
        environ["werkzeug.request"] = None
        return [b"whole"] if environ["PATH_INFO"] == "/whole" else Body()

    with wsgi_served(spanledger.WSGIMiddleware(app, headers=HEADERS)) as client:
        assert client.get("/whole", headers=SENT).text == "whole"
        assert client.get("/chat/7", headers=SENT).text == "ab"

    who = {"user.id": "ann", "gen_ai.conversation.id": "c-1"}
    routed = {**who, "spanledger.route": "/chat/<id>"}
    assert seen.steps == {
        "handler": who,
        "routed": routed,
        "first": routed,
        "second": routed,
        "close": routed,
    }


def test_a_wsgi_server_is_not_attributed_between_the_pieces() -> None:
    """A generator's context would leak into its consumer otherwise."""

    def app(_environ: object, _start: object) -> Iterable[bytes]:
        yield b"a"
        yield b"b"

    def describe(environ: Any) -> dict[str, object]:
        return {"route": environ["PATH_INFO"]}

    body: Any = spanledger.WSGIMiddleware(app, describe=describe)({"PATH_INFO": "/x"}, print)
    assert next(body) == b"a"
    assert dict(current_attribution()) == {}
    assert next(body) == b"b"
    body.close()
    assert dict(current_attribution()) == {}


def test_a_misspelt_name_is_refused_at_the_start() -> None:
    """A middleware that reads no header for a typo would be noticed far too late."""
    with pytest.raises(ValueError, match=r"usr_id: known are user_id"):
        spanledger.WSGIMiddleware(print, headers={"usr_id": "x"})  # pyright: ignore[reportArgumentType] - any callable
