"""What we say httpx and httpx2 look like is what they look like."""

from typing import Any

from spanledger.instrumentation import wire


def test_the_libraries_have_what_we_use(library: Any) -> None:
    """Requests, URLs, responses and bodies have each member that the protocols name."""
    request = library.Request("POST", "http://provider:81/path?query", json={})
    response = library.Response(200)
    pairs: list[tuple[Any, type]] = [
        (request, wire.HttpRequest),
        (request.url, wire.HttpUrl),
        (response, wire.HttpResponse),
        (library.SyncByteStream, wire.SyncBody),
        (library.AsyncByteStream, wire.AsyncBody),
    ]
    for real, protocol in pairs:
        named = {name for name in vars(protocol) if not name.startswith("_")}
        assert [name for name in named if not hasattr(real, name)] == []
    assert (request.url.path, request.url.port, request.url.host) == ("/path", 81, "provider")
    assert request._content == b"{}"
    assert response.stream is not None


def test_a_plain_request_has_the_members_of_httpxs(library: Any) -> None:
    """URL, headers and body mean the same, in whichever form a library keeps them."""
    url = "https://provider:81/model/a%3A0/converse?key=k&b=%20"
    headers = {"X-One": b"1", b"x-two": "2"}
    real = library.Request("POST", url, headers={"x-one": "1", "x-two": "2"}, content=b"{}")
    for body in (b"{}", bytearray(b"{}"), "{}"):
        plain = wire.PlainRequest("POST", url, headers, body)
        for name in ("scheme", "host", "port", "path", "query"):
            assert getattr(plain.url, name) == getattr(real.url, name)
        assert plain.url is plain.url
        assert plain.headers is plain.headers
        assert (plain.headers["x-one"], plain.headers["x-two"]) == ("1", "2")
        assert plain.method == real.method
        assert plain._content == real._content


def test_a_streamed_body_is_not_looked_into() -> None:
    """It may be readable only once, and the transport is to have it."""
    body = iter([b"{}"])
    assert wire.PlainRequest("POST", "http://provider", {}, body)._content == b""
    assert next(body) == b"{}"
