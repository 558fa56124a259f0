import httpx

from spanledger.demo.server import serve_provider


def test_a_provider_is_served_and_stops() -> None:
    """The URL answers at once, and nobody listens there afterwards."""
    with serve_provider() as url:
        assert url.startswith("http://127.0.0.1:")
        assert httpx.get(f"{url}/statements").json() == {"data": []}
    try:
        httpx.get(f"{url}/statements")
    except httpx.ConnectError as error:
        refused = str(error)
    else:
        refused = ""
    assert refused


def test_a_server_that_is_never_asked_stops_as_well() -> None:
    """Leaving before the server has come up neither hangs nor leaves a socket open."""
    with serve_provider():
        pass
