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
