"""The gate: bearer keys, where forms come from, and how large they may be."""

import pytest

from spanledger.api.access import FORM_BYTES_MAX

from .conftest import Server


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER"])
def test_the_scheme_is_read_in_any_case(server: Server, scheme: str) -> None:
    """RFC 9110: the name of an authentication scheme has no case."""
    headers = {"Authorization": f"{scheme} {server.secrets['viewer']}"}

    assert server.send("GET", "/v1/costs", headers=headers).status_code == 200


@pytest.mark.parametrize("header", ["", "Bearer", "Bearer ", "Basic dmlld2Vy", "the-admin-key"])
def test_what_is_no_bearer_key_is_refused(server: Server, header: str) -> None:
    """An empty, foreign or bare credential is no key."""
    answer = server.send("GET", "/v1/costs", headers={"Authorization": header})

    assert answer.status_code == 401


def test_a_revoked_key_is_refused(server: Server) -> None:
    """A key lets nobody in from the moment in which it is revoked."""
    key = server.keys.find(server.secrets["viewer"])
    assert key is not None
    server.keys.revoke(key.id)

    assert server.get("/v1/costs").status_code == 401


@pytest.mark.parametrize("path", ["/login", "/logout"])
def test_a_form_from_another_site_is_refused(server: Server, path: str) -> None:
    """Another site cannot sign anybody in or out."""
    form = {"key": server.secrets["viewer"]}
    foreign = server.post(path, data=form, headers={"Origin": "http://evil.example"})
    hidden = server.post(path, data=form, headers={"Origin": "null"})
    own = server.post(path, data=form, headers={"Origin": "http://ledger"})

    assert (foreign.status_code, hidden.status_code, own.status_code) == (403, 403, 303)


def test_a_large_form_is_refused(server: Server) -> None:
    """No form of ours is large, so nobody can make the server hold one."""
    answer = server.post("/login", data={"key": "x" * FORM_BYTES_MAX})

    assert (answer.status_code, answer.json()["error"]["type"]) == (413, "too_large")
