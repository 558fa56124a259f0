"""Security headers stand on every answer, good or bad."""

import pytest

from spanledger.storage.keys import Role

from .conftest import Server


@pytest.mark.parametrize(
    "path", ["/health", "/login", "/", "/v1/costs", "/nowhere", "/static/spanledger.css"]
)
@pytest.mark.parametrize("role", [None, "viewer"])
def test_every_answer_has_them(server: Server, path: str, role: Role | None) -> None:
    """No page of ours runs a script, can be framed, or stays in a cache."""
    headers = server.get(path, role=role).headers

    assert headers["content-security-policy"] == (
        "default-src 'none'; style-src 'self'; img-src 'self' data:; form-action 'self'; "
        "frame-ancestors 'none'; base-uri 'none'"
    )
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "same-origin"
    assert headers["cache-control"] == "no-store"
