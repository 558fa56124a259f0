"""The routes: each declares who may use it, and nobody else can."""

from typing import Any

import pytest
from fastapi.routing import APIRoute

from spanledger import __version__
from spanledger.api.access import Endpoint
from spanledger.api.app import ENDPOINTS
from spanledger.storage.keys import Role, allows

from .conftest import MakeRow, Server

CALL = "0" * 31 + "1-" + "0" * 15 + "1"
CREDENTIALS = [None, "wrong", "ingest", "viewer", "admin"]


def named(endpoint: Endpoint) -> str:
    """What a test of an endpoint is called."""
    return f"{endpoint.method} {endpoint.path}"


def address(path: str) -> str:
    """An address that the route of this path answers."""
    path = path.replace("{repricing_id}", "rp_1")
    return path.replace("{call_id}", CALL).replace("{message_id:path}", "m1")


BODIES = {
    "/v1/estimate": {"model": "gpt-4o", "text": "hi"},
    "/v1/reprice": {"start_time": "2026-11-01", "end_time": "2026-12-01"},
    "/v1/periods": {"month": "2026-10"},
}
"""What routes need to be told beside their address."""


def test_health_needs_no_key(server: Server) -> None:
    """Whoever watches the server needs no key to see that it is ready."""
    answer = server.get("/health", role=None)

    assert (answer.status_code, answer.json()) == (200, {"status": "ok", "version": __version__})


def test_every_route_declares_its_role(server: Server) -> None:
    """A route that nobody declared an access for cannot be in the application."""
    declared = {(endpoint.method, endpoint.path): endpoint.access.role for endpoint in ENDPOINTS}
    found = {
        (method, route.path): (route.openapi_extra or {}).get("x-role")
        for route in server.app.routes
        if isinstance(route, APIRoute)
        for method in route.methods or ()
    }

    assert len(server.app.routes) == len(ENDPOINTS)
    assert found == {key: role or "anyone" for key, role in declared.items()}


def test_only_these_routes_are_open() -> None:
    """Without a key one can see that the server lives, sign in and out, and nothing else."""
    is_open = {endpoint.path for endpoint in ENDPOINTS if endpoint.access.role is None}

    assert is_open == {"/health", "/login", "/logout", "/static/spanledger.css"}


@pytest.mark.parametrize("credential", CREDENTIALS)
@pytest.mark.parametrize("endpoint", [e for e in ENDPOINTS if e.access.by == "key"], ids=named)
def test_key_matrix(server: Server, make_row: MakeRow, endpoint: Endpoint, credential: Any) -> None:
    """S2.7, S4: a route answers the roles that it declares; 401 without a key, 403 without role."""
    server.store.write([make_row(1, message_id="m1")])
    secret = server.secrets.get(credential, "wrong")
    headers = {"Authorization": f"Bearer {secret}"} if credential else {}
    body = BODIES.get(endpoint.path) if endpoint.method == "POST" else None
    answer = server.send(endpoint.method, address(endpoint.path), headers=headers, json=body)

    if endpoint.access.role is None:
        assert answer.status_code not in {401, 403} or endpoint.path == "/login"
    elif credential in {None, "wrong"}:
        assert answer.status_code == 401
        assert answer.headers["www-authenticate"] == "Bearer"
        assert answer.json()["error"]["type"] == "unauthorized"
    elif not allows(credential, endpoint.access.role):
        assert answer.status_code == 403
        assert answer.json()["error"]["type"] == "forbidden"
    else:
        assert answer.status_code == (404 if "{repricing_id}" in endpoint.path else 200)


@pytest.mark.parametrize("credential", CREDENTIALS)
@pytest.mark.parametrize("endpoint", [e for e in ENDPOINTS if e.access.by == "session"], ids=named)
def test_session_matrix(
    server: Server, make_row: MakeRow, endpoint: Endpoint, credential: Any
) -> None:
    """S4: pages open for viewers and admins who signed in; all others are asked to sign in."""
    server.store.write([make_row(1)])
    server.post("/login", data={"key": server.secrets.get(credential, "wrong")})
    answer = server.get(address(endpoint.path), role=None)

    if credential in {"viewer", "admin"}:
        assert answer.status_code == 200
    else:
        assert (answer.status_code, answer.headers["location"]) == (303, "/login")


@pytest.mark.parametrize("endpoint", [e for e in ENDPOINTS if e.access.by == "session"], ids=named)
def test_a_key_in_a_header_opens_no_page(server: Server, endpoint: Endpoint) -> None:
    """Pages know sessions only, so that no other site can be made to send a key for them."""
    assert server.get(address(endpoint.path)).status_code == 303


@pytest.mark.parametrize("path", ["/docs", "/redoc", "/docs/oauth2-redirect"])
def test_no_documentation_pages(server: Server, path: str) -> None:
    """FastAPI's own pages load scripts from elsewhere, so they are off."""
    assert server.get(path).status_code == 404


def test_openapi_describes_the_parameters(server: Server) -> None:
    """Whoever may look finds every route of the API with its parameters and its role."""
    answer = server.get("/openapi.json").json()
    costs = answer["paths"]["/v1/costs"]["get"]

    assert costs["x-role"] == "viewer"
    assert {"start_time", "group_by", "user_ids", "statuses", "tag:<name>"} <= {
        parameter["name"] for parameter in costs["parameters"]
    }
    assert "/login" not in answer["paths"]


@pytest.mark.parametrize("role", ["viewer", "admin"])
def test_a_key_sees_its_own_project_only(server: Server, make_row: MakeRow, role: Role) -> None:
    """Calls of another project are in no sum, no list and no page; their ids are unknown."""
    server.store.write([make_row(1, project="other", message_id="m1", user_id="stranger")])

    assert server.get("/v1/costs?bucket_width=total", role=role).json()["data"][0]["results"] == []
    assert server.get("/v1/calls", role=role).json()["data"] == []
    assert server.get(f"/v1/calls/{CALL}", role=role).status_code == 404
    assert server.get("/v1/messages/m1/cost", role=role).status_code == 404
    server.sign_in(role)
    assert "stranger" not in server.get("/?range=all", role=None).text
    assert server.get(f"/calls/{CALL}", role=None).status_code == 404
