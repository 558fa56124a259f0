"""Signing in and out, as a browser does it."""

from .conftest import Server


def test_the_cookie_does_not_hold_the_key(server: Server) -> None:
    """The cookie is a random id that no script and no other site can use."""
    answer = server.sign_in()
    cookie = answer.headers["set-cookie"]

    assert (answer.status_code, answer.headers["location"]) == (303, "/")
    assert server.secrets["viewer"] not in cookie
    assert {"HttpOnly", "Path=/", "SameSite=strict"} <= set(cookie.split("; "))
    assert "Secure" not in cookie


def test_the_cookie_stays_on_https(server: Server) -> None:
    """Over HTTPS the cookie never travels without it."""
    answer = server.post("https://ledger/login", data={"key": server.secrets["viewer"]})

    assert "Secure" in answer.headers["set-cookie"].split("; ")


def test_wrong_keys_are_told_apart(server: Server) -> None:
    """An unknown key is 401, one that may not look 403; both say so on the page."""
    unknown = server.post("/login", data={"key": "nonsense"})
    ingest = server.sign_in("ingest")

    assert (unknown.status_code, ingest.status_code) == (401, 403)
    assert "not known" in unknown.text
    assert "only delivers spans" in ingest.text
    assert "set-cookie" not in unknown.headers
    assert "set-cookie" not in ingest.headers


def test_anything_may_be_posted(server: Server) -> None:
    """A body that is no form is a form without a key."""
    assert server.post("/login", content=b"\xff\x00=&&%%%").status_code == 401
    assert server.post("/login").status_code == 401


def test_signing_out_ends_the_session(server: Server) -> None:
    """After signing out even the old cookie opens nothing."""
    server.sign_in()
    kept = dict(server.cookies)
    assert server.get("/", role=None).status_code == 200
    server.post("/logout")
    server.cookies = kept

    assert server.get("/", role=None).status_code == 303


def test_the_key_is_asked_for(server: Server) -> None:
    """The sign-in page is a form that needs no script."""
    assert 'action="/login"' in server.get("/login", role=None).text
