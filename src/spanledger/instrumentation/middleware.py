"""ASGI and WSGI middleware: model calls made for a request know its route, user and conversation.

What a client's header says is the client's word: name only headers that your own front end sets.
"""

from collections.abc import (
    Awaitable,
    Callable,
    Iterable,
    Iterator,
    Mapping,
    MutableMapping,
)
from typing import Any, Final, cast

from spanledger import attributes as names
from spanledger.instrumentation.attribution import Attribution, Late, Values, read_values
from spanledger.instrumentation.guard import guarded

__all__ = ["ASGIMiddleware", "Describe", "WSGIMiddleware"]

Describe = Callable[[Any], Mapping[str, object]]
"""From the ASGI scope or WSGI environ to what `attribute` takes, by the same names, and `route`."""

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
AsgiApp = Callable[[Scope, Receive, Send], Awaitable[None]]

Environ = dict[str, Any]
StartResponse = Callable[..., Any]
WsgiApp = Callable[[Environ, StartResponse], Iterable[bytes]]

_NAMES: Final = {
    "user_id": names.USER_ID,
    "team": names.TEAM,
    "department": names.DEPARTMENT,
    "agent_id": names.AGENT_ID,
    "conversation_id": names.CONVERSATION_ID,
    "message_id": names.MESSAGE_ID,
    "feature": names.FEATURE,
    "route": names.ROUTE,
}

_ROUTE: Final = "spanledger.route"
"""In environ: Flask takes its request out of there before the body is sent."""

_ASGI_TYPES: Final = frozenset({"http", "websocket"})


class _Middleware:
    """What both have in common: the headers to read, and whom to ask when a call is made."""

    def __init__(
        self, headers: Mapping[str, str] | None = None, describe: Describe | None = None
    ) -> None:
        headers = headers or {}
        if unknown := sorted(headers.keys() - _NAMES.keys()):
            msg = f"headers for {', '.join(unknown)}: known are {', '.join(_NAMES)}"
            raise ValueError(msg)
        self._headers = {_NAMES[name]: header.lower() for name, header in headers.items()}
        self._describe = describe

    def _attribution(
        self, request: Mapping[str, Any], found: Mapping[str, str], route: Callable[[], str]
    ) -> Attribution:
        stated = {name: found.get(header) for name, header in self._headers.items()}
        return Attribution(read_values(stated), self._late(request, route))

    def _late(self, request: Mapping[str, Any], route: Callable[[], str]) -> Late:
        def late() -> Values:
            values: dict[str, str | bool] = {}
            with guarded("read the route of a request"):
                values |= read_values({names.ROUTE: route() or None})
            with guarded("describe a request"):
                if self._describe is not None:
                    values |= _described(self._describe(request))
            return values

        return late


class ASGIMiddleware(_Middleware):
    """Around a Starlette, FastAPI or any other ASGI app.

    The attribution lasts until the app has sent the last byte and has run its background tasks.

    Args:
        app: the app.
        headers: which header names what, for instance `{"user_id": "x-user-id"}`.
        describe: asked at each model call, so it may use what the app has put into the scope since.
    """

    def __init__(
        self,
        app: AsgiApp,
        *,
        headers: Mapping[str, str] | None = None,
        describe: Describe | None = None,
    ) -> None:
        super().__init__(headers, describe)
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Run the app inside."""
        attribution = Attribution({})
        with guarded("attribute a request"):
            if scope["type"] in _ASGI_TYPES:
                found = {
                    name.decode("latin-1").lower(): value.decode("latin-1")
                    for name, value in scope["headers"]
                }
                root = str(scope.get("root_path", ""))
                attribution = self._attribution(scope, found, lambda: _asgi_route(scope, root))
        with attribution:
            await self._app(scope, receive, send)


class WSGIMiddleware(_Middleware):
    """Around a Flask, Django or any other WSGI app.

    The attribution lasts until the server has closed the body; between two pieces of it, the server
    is not attributed.

    Args:
        app: the app.
        headers: which header names what, for instance `{"user_id": "x-user-id"}`.
        describe: asked at each model call, so it may use what the app has put into environ since.
    """

    def __init__(
        self,
        app: WsgiApp,
        *,
        headers: Mapping[str, str] | None = None,
        describe: Describe | None = None,
    ) -> None:
        super().__init__(headers, describe)
        self._app = app

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        """Run the app inside."""
        attribution = Attribution({})
        with guarded("attribute a request"):
            found = {
                name[5:].replace("_", "-").lower(): value
                for name, value in environ.items()
                if name.startswith("HTTP_")
            }
            attribution = self._attribution(environ, found, lambda: _wsgi_route(environ))

        def start(*args: Any, **kwargs: Any) -> Any:  # noqa: ANN401 - whatever WSGI says
            with guarded("remember the route of a request"):
                environ[_ROUTE] = _wsgi_route(environ)
            return start_response(*args, **kwargs)

        with attribution:
            body = self._app(environ, start)
        # Such a body is made already: no code of the app runs while it is sent.
        return body if isinstance(body, list | tuple) else _Body(attribution, body)


class _Body:
    """A body whose pieces are made inside the attribution."""

    def __init__(self, attribution: Attribution, body: Iterable[bytes]) -> None:
        self._attribution = attribution
        self._body = body
        self._pieces: Iterator[bytes] | None = None

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        with self._attribution:
            if self._pieces is None:
                self._pieces = iter(self._body)
            return next(self._pieces)

    def close(self) -> None:
        """Close the app's body, if it can be closed."""
        close = getattr(self._body, "close", None)
        if close is not None:
            with self._attribution:
                close()


def _described(given: Mapping[str, object]) -> dict[str, str | bool]:
    """What a callback of the app said, by attribute name."""
    values = read_values(
        {_NAMES[name]: value for name, value in given.items() if name in _NAMES},
        cast("Mapping[str, object] | None", given.get("tags")),
    )
    if isinstance(skip_charge := given.get("skip_charge"), bool):
        values[names.SKIP_CHARGE] = skip_charge
    return values


def _asgi_route(scope: Scope, outer_root: str) -> str:
    """The template that the router has put into the scope, below the one that it is mounted at."""
    path = getattr(scope.get("route"), "path", "")
    if not isinstance(path, str) or not path:
        return ""
    mounted_at = str(scope.get("root_path", "")).removeprefix(outer_root)
    parameters = {str(value): name for name, value in scope.get("path_params", {}).items()}
    # What stands there is the request's own path: a value in it becomes its parameter again.
    segments = (
        f"{{{parameters[one]}}}" if one in parameters else one for one in mounted_at.split("/")
    )
    return "/".join(segments) + path


def _wsgi_route(environ: Environ) -> str:
    """The template that Werkzeug's request object, in its environ, has from Flask's router."""
    request = environ.get("werkzeug.request")
    rule = getattr(getattr(request, "url_rule", None), "rule", environ.get(_ROUTE))
    return rule if isinstance(rule, str) else ""
