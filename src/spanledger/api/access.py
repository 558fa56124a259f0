"""Who may ask what: the gate that stands before every route, and what lies behind it.

A handler gets its store, its project and its parameters from the `Asked` that the gate hands it,
and from nowhere else; so a route without a declared `Access` cannot be registered, and one that
forgets to check a key cannot be written.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, Final, Literal, cast
from urllib.parse import parse_qsl, urlsplit

from fastapi import Depends, FastAPI
from starlette.requests import Request
from starlette.responses import Response

from spanledger.api.cursors import Cursor, Question, read_cursor, write_cursor
from spanledger.api.errors import Refused, SignInNeeded
from spanledger.api.parameters import Parameter, Parameters, json_items, read_parameters
from spanledger.api.sessions import Sessions
from spanledger.pricing.book import PriceBook
from spanledger.pricing.exchange_rates import ExchangeRates
from spanledger.storage.keys import Key, KeyRing, Role, allows
from spanledger.storage.protocol import Store
from spanledger.storage.query import Selection

__all__ = [
    "ADMIN",
    "ANYONE",
    "FORM_BYTES_MAX",
    "SESSION_COOKIE",
    "SIGNED_IN",
    "VIEWER",
    "Access",
    "Asked",
    "Endpoint",
    "House",
    "add_endpoint",
]

SESSION_COOKIE: Final = "spanledger_session"
FORM_BYTES_MAX: Final = 4_096
"""A key and little else: no form of ours is larger, and no JSON object either."""


@dataclass(frozen=True, slots=True)
class Access:
    """What a route asks for: a role (`None`: nothing), shown by a key or by a session."""

    role: Role | None
    by: Literal["key", "session"] = "key"


ADMIN: Final = Access("admin")
ANYONE: Final = Access(None)
VIEWER: Final = Access("viewer")
SIGNED_IN: Final = Access("viewer", by="session")
"""For pages: a browser that is not signed in is sent to the sign-in page."""


@dataclass(frozen=True, slots=True)
class House:
    """What the server was started with."""

    store: Store
    keys: KeyRing
    sessions: Sessions
    clock: Callable[[], datetime]
    book: Callable[[], PriceBook]
    """Gives the price book in force."""
    rates: ExchangeRates


@dataclass(frozen=True, slots=True)
class Asked:
    """One request that passed the gate, and all that its handler may use."""

    request: Request
    house: House
    key: Key | None
    """The caller's key; `None` only where anyone may ask."""
    parameters: Parameters
    body: bytes = b""
    """What was sent with a POST."""

    @property
    def form(self) -> Mapping[str, str]:
        """The fields of a submitted form; none where there is no form."""
        return dict(parse_qsl(self.body.decode("utf-8", "replace")))

    def json(self) -> Mapping[str, object]:
        """The JSON object that was sent.

        Raises:
            Refused: it is something else.
        """
        try:
            parsed = cast("object", json.loads(self.body))
        except (ValueError, RecursionError):
            parsed = None
        if not isinstance(parsed, dict):
            message = "The body is no JSON object, or one that is too deep."
            raise Refused(422, message, param="body")
        return cast("Mapping[str, object]", parsed)

    @property
    def store(self) -> Store:
        """Where the answers are."""
        return self.house.store

    @property
    def project(self) -> str:
        """The project of the caller's key: the only one that any question of theirs sees."""
        if self.key is None:
            raise _no_key()
        return self.key.project

    @property
    def by(self) -> str:
        """Who asks: the name of their key."""
        return "" if self.key is None else self.key.name

    def selection(
        self,
        *,
        start: datetime | None = None,
        end: datetime | None = None,
        filters: Mapping[str, tuple[str, ...]] | None = None,
        span: tuple[str, str] = ("", ""),
    ) -> Selection:
        """Calls of the caller's project, and of no other."""
        return Selection(
            project=self.project,
            start=start,
            end=end,
            filters=filters or {},
            trace_id=span[0],
            span_id=span[1],
        )

    @property
    def question(self) -> Question:
        """What must stay the same from page to page of one answer."""
        return {
            "path": self.request.url.path,
            "project": self.project,
            **self.parameters.question(),
        }

    def cursor(self) -> Cursor:
        """Where the page before ended; empty on the first page."""
        text = self.parameters.text("page")
        return read_cursor(text, self.question) if text else {}

    def page_json(self, data: Sequence[object], position: Cursor | None) -> dict[str, Any]:
        """A page of an answer; `position` says where the next one begins, `None` that none does."""
        return {
            "object": "page",
            "data": data,
            "has_more": position is not None,
            "next_page": None if position is None else write_cursor(position, self.question),
        }

    def path(self, name: str) -> str:
        """The part of the address that the route calls `name`."""
        return str(self.request.path_params[name])


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A route: its address, who may use it, what it may be asked, and who answers."""

    method: Literal["GET", "POST"]
    path: str
    access: Access
    answer: Callable[[Asked], Response]
    parameters: tuple[Parameter, ...] = ()
    body_bytes_max: int = FORM_BYTES_MAX
    """The most that may be sent with a POST."""


def add_endpoint(app: FastAPI, endpoint: Endpoint, house: House) -> None:
    """Register `endpoint` behind the gate."""

    def admitted(request: Request) -> Key | None:
        return _admit(request, endpoint.access, house)

    async def sent(request: Request) -> bytes:
        return await _read_body(request, endpoint.body_bytes_max)

    def answer(
        request: Request,
        # The gate comes first: who may not ask cannot make us read what they send.
        key: Annotated[Key | None, Depends(admitted)],
        body: Annotated[bytes, Depends(sent)],
    ) -> Response:
        items = request.query_params.multi_items()
        if endpoint.parameters and _is_json(request):
            items += json_items(body)
        parameters = read_parameters(items, endpoint.parameters)
        return endpoint.answer(Asked(request, house, key, parameters, body))

    app.add_api_route(
        endpoint.path,
        answer,
        methods=[endpoint.method],
        name=endpoint.answer.__name__,
        description=endpoint.answer.__doc__,
        response_model=None,
        include_in_schema=endpoint.path.startswith(("/v1/", "/health")),
        openapi_extra=_documentation(endpoint),
    )


def _admit(request: Request, access: Access, house: House) -> Key | None:
    """The caller's key.

    Raises:
        Refused: they have none, or none that may do this.
        SignInNeeded: they have no session.
    """
    if request.method == "POST":
        _check_origin(request)
    if access.role is None:
        return None
    if access.by == "session":
        key = house.sessions.find(request.cookies.get(SESSION_COOKIE, ""))
        if key is None:
            raise SignInNeeded
    else:
        key = house.keys.find(_bearer(request))
        if key is None:
            raise _no_key()
    if not allows(key.role, access.role):
        message = f"This needs a key with the role {access.role}; yours has the role {key.role}."
        raise Refused(403, message)
    return key


def _bearer(request: Request) -> str:
    scheme, _, secret = request.headers.get("authorization", "").partition(" ")
    return secret.strip() if scheme.lower() == "bearer" else ""


def _no_key() -> Refused:
    message = "This needs a valid key, sent as 'Authorization: Bearer <key>'."
    return Refused(401, message, headers={"WWW-Authenticate": "Bearer"})


def _check_origin(request: Request) -> None:
    """Refuse a form that another site sent; browsers say where each comes from."""
    origin = request.headers.get("origin")
    if origin is not None and urlsplit(origin).netloc != request.headers.get("host"):
        raise Refused(403, "This form was sent by another site.")


async def _read_body(request: Request, bytes_max: int) -> bytes:
    """What was sent with a POST, up to so much."""
    body = bytearray()
    if request.method == "POST":
        async for chunk in request.stream():
            body += chunk
            if len(body) > bytes_max:
                raise Refused(413, f"The body is larger than {bytes_max} bytes.")
    return bytes(body)


def _is_json(request: Request) -> bool:
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    return kind == "application/json"


def _documentation(endpoint: Endpoint) -> dict[str, Any]:
    """What OpenAPI cannot read off the handler: its parameters and the role that it needs."""
    in_path = [part[1:-1].partition(":")[0] for part in endpoint.path.split("/") if part[:1] == "{"]
    text, texts = {"type": "string"}, {"type": "array", "items": {"type": "string"}}
    return {
        "x-role": endpoint.access.role or "anyone",
        "parameters": [
            *({"name": name, "in": "path", "required": True, "schema": text} for name in in_path),
            *(
                {
                    "name": parameter.name,
                    "in": "query",
                    "description": parameter.description,
                    "schema": texts if parameter.repeatable else text,
                }
                for parameter in endpoint.parameters
            ),
        ],
    }
