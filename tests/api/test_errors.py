"""Refusals: one shape for programs, one page for people, and nothing of our insides."""

import asyncio
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI

from spanledger.api.errors import add_error_handlers

from .conftest import Server


def test_the_store_is_down(server: Server, store_failure: Exception) -> None:
    """A store that cannot answer is our fault and passes: 503, and when to come back."""
    server.store.failure = store_failure
    answer = server.get("/v1/costs")

    assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")
    assert answer.json()["error"]["type"] == "unavailable"
    assert "secret" not in answer.text


def test_the_store_is_down_on_the_page(server: Server, store_failure: Exception) -> None:
    """A browser gets a page that says so."""
    server.sign_in()
    server.store.failure = store_failure
    answer = server.get("/", role=None, headers={"Accept": "text/html"})

    assert answer.status_code == 503
    assert "The store is not answering" in answer.text
    assert "secret" not in answer.text


def test_an_unexpected_error_shows_no_insides(server: Server) -> None:
    """Whatever breaks, the caller sees a sentence and no stack, under the same headers."""
    server.store.failure = RuntimeError("secret detail")
    answer = server.get("/v1/costs")

    assert answer.status_code == 500
    assert answer.json() == {
        "error": {
            "type": "internal",
            "message": "Something went wrong here. The server's log has the details.",
        }
    }
    assert answer.headers["x-content-type-options"] == "nosniff"


def test_a_damaged_key_file_lets_nobody_in(server: Server, tmp_path: Path) -> None:
    """When keys cannot be read, nobody is let in, and the reason stays in the log."""
    (tmp_path / "keys.json").write_text("{")
    answer = server.get("/v1/costs")

    assert (answer.status_code, answer.json()["error"]["type"]) == (500, "internal")
    assert "keys.json" not in answer.text


def test_what_fastapi_refuses_is_one_sentence() -> None:
    """A value that FastAPI cannot read is refused in our shape, naming the parameter."""
    app = FastAPI()
    add_error_handlers(app)

    def typed(count: int) -> int:
        return count

    app.add_api_route("/typed", typed)

    async def ask() -> httpx.Response:
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://ledger") as client:
            return await client.get("/typed?count=x")

    answer = asyncio.run(ask())

    assert answer.status_code == 422
    assert answer.json()["error"]["param"] == "count"
    assert answer.json()["error"]["message"].startswith("count: Input should be a valid integer")


@pytest.mark.parametrize(
    ("method", "path", "status", "kind"),
    [
        ("GET", "/nowhere", 404, "not_found"),
        ("GET", "/v1/nowhere", 404, "not_found"),
        ("DELETE", "/v1/costs", 405, "method_not_allowed"),
        ("GET", "/logout", 405, "method_not_allowed"),
    ],
)
def test_nothing_there(server: Server, method: str, path: str, status: int, kind: str) -> None:
    """Unknown addresses and methods answer in the shape of all errors."""
    answer = server.send(method, path)

    assert (answer.status_code, answer.json()["error"]["type"]) == (status, kind)


def test_the_api_answers_json_to_browsers_too(server: Server) -> None:
    """Under /v1/ an error is JSON whatever the caller accepts."""
    answer = server.get("/v1/costs?limit=x", headers={"Accept": "text/html"})

    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/json"
