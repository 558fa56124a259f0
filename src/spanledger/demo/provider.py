"""A simulated provider: OpenAI, Anthropic and Gemini as their SDKs see them, on one port.

It answers from the request alone, states usage that can be computed by hand, and keeps a record of
what it stated, so that what others recorded can be held against it.
"""

import json
import time
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import asdict, dataclass
from typing import Final, Literal, cast

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route
from starlette.types import ASGIApp

from spanledger.demo import anthropic_wire, gemini_wire, openai_wire
from spanledger.demo.prompt_cache import PromptCache
from spanledger.demo.wire import Ask, Delivery, Endpoint, Habits, Reply, new_id
from spanledger.demo.wording import Json

__all__ = ["STATEMENTS_MAX", "Statement", "create_provider"]

STATEMENTS_MAX: Final = 100_000
"""Beyond this many the oldest statement is forgotten."""

SIMULATE: Final = "x-simulate"
"""Request header that asks for a fault: 401, 429, 500, 429-once, 500-once or disconnect.

`-once` fails only the first attempt of a call, which the SDKs say in `x-stainless-retry-count`.
"""

_PROVIDERS: Final = (openai_wire, anthropic_wire, gemini_wire)
_FAULTS: Final = {"401": 401, "429": 429, "500": 500}

_Handler = Callable[[Request], Awaitable[ASGIApp]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """What the provider said of one call that it answered to the end."""

    provider: str
    """`gen_ai.provider.name`."""
    model: str
    """The model that answered."""
    response_id: str
    """Empty for embeddings, which have none."""
    usage: Json | None
    """The usage object; `None` for an OpenAI chat stream that did not ask for it."""


def create_provider(*, gap_seconds: float = 0.001) -> Starlette:
    """Make the ASGI app; `app.state.statements` holds what it stated, oldest first.

    Args:
        gap_seconds: The time between two events of a stream.
    """
    statements = deque[Statement](maxlen=STATEMENTS_MAX)
    desk = _Desk(PromptCache(), statements, gap_seconds)
    routes = [Route("/statements", _show(statements))]
    for provider in _PROVIDERS:
        routes += [
            Route(endpoint.path, desk.handler(provider.HABITS, endpoint), methods=["POST"])
            for endpoint in provider.ENDPOINTS
        ]
    for provider in _PROVIDERS:
        path = f"{provider.HABITS.prefix}/{{path:path}}"
        methods = ["GET", "POST", "PUT", "PATCH", "DELETE"]
        routes.append(Route(path, _unknown(provider.HABITS), methods=methods))
    app = Starlette(routes=routes)
    app.state.statements = statements
    return app


def _show(statements: deque[Statement]) -> _Handler:
    async def show(_request: Request) -> ASGIApp:
        return JSONResponse({"data": [asdict(statement) for statement in statements]})

    return show


def _unknown(habits: Habits) -> _Handler:
    async def unknown(request: Request) -> ASGIApp:
        detail = f"Invalid URL ({request.method} {request.url.path.removeprefix(habits.prefix)})"
        return _refuse(habits, 404, detail)

    return unknown


def _refuse(habits: Habits, status: int, detail: str = "", *, gzip: bool = False) -> Delivery:
    request_id = new_id("req_")
    return Delivery(
        status=status,
        parts=(habits.error(status, request_id, detail),),
        headers={"content-type": "application/json", **habits.headers(request_id, status)},
        gzip=gzip,
    )


@dataclass(frozen=True, slots=True)
class _Desk:
    """Where requests are received: refused, or answered and recorded."""

    cache: PromptCache
    statements: deque[Statement]
    gap_seconds: float

    def handler(self, habits: Habits, endpoint: Endpoint) -> _Handler:
        async def handle(request: Request) -> ASGIApp:
            gzip = "gzip" in request.headers.get("accept-encoding", "")
            body = _decoded(await request.body())
            fault = _fault(request)
            if not _has_key(request, habits):
                return _refuse(habits, 401, gzip=gzip)
            if isinstance(fault, int):
                return _refuse(habits, fault, gzip=gzip)
            model = request.path_params.get("model") or (body or {}).get("model")
            if body is None or not isinstance(model, str):
                detail = "" if body is None else "you must provide a model parameter"
                return _refuse(habits, 400, detail, gzip=gzip)
            stream = bool(body.get("stream")) if endpoint.stream is None else endpoint.stream
            ask = Ask(
                model=model,
                body=body,
                stream=stream,
                array=request.query_params.get("alt") != "sse",
                cache=self.cache,
                now=int(time.time()),
            )
            gzip = gzip and (habits.gzip_streams or not stream)
            return self._deliver(
                ask, habits, endpoint.answer(ask), cut=fault is not None, gzip=gzip
            )

        return handle

    def _deliver(
        self, ask: Ask, habits: Habits, reply: Reply, *, cut: bool, gzip: bool
    ) -> Delivery:
        statement = Statement(
            provider=habits.provider,
            model=reply.model,
            response_id=reply.response_id,
            usage=reply.usage,
        )
        return Delivery(
            status=200,
            parts=reply.parts,
            headers={"content-type": reply.media_type, **habits.headers(new_id("req_"), 200)},
            stream=ask.stream,
            gzip=gzip,
            cut=cut,
            gap_seconds=self.gap_seconds,
            before_last=lambda: self.statements.append(statement),
        )


def _decoded(body: bytes) -> Json | None:
    """The JSON object in `body`, or `None` where there is none."""
    try:
        value = cast("object", json.loads(body))
    except ValueError:
        return None
    return cast("Json", value) if isinstance(value, dict) else None


def _has_key(request: Request, habits: Habits) -> bool:
    given = [request.headers.get(name, "") for name in habits.key_headers]
    if habits.key_in_url:
        given.append(request.query_params.get("key", ""))
    return any(value.removeprefix("Bearer").strip() for value in given)


def _fault(request: Request) -> int | Literal["disconnect"] | None:
    """The fault that the request asks for: a status, or a cut connection."""
    wanted = request.headers.get(SIMULATE, "")
    once = wanted.endswith("-once")
    if once and request.headers.get("x-stainless-retry-count", "0") != "0":
        return None
    status = _FAULTS.get(wanted.removesuffix("-once"))
    return "disconnect" if wanted == "disconnect" else status
