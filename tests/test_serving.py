"""Sockets and servers on them."""

import socket

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from spanledger.errors import SettingsError
from spanledger.serving import base_url, listen, serving


def hello(_: Request) -> PlainTextResponse:
    """Answer anybody."""
    return PlainTextResponse("hello")


APP = Starlette(routes=[Route("/", hello)])


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_an_app_is_served_until_the_block_ends(host: str) -> None:
    """Requests are answered at once, and refused afterwards; IPv6 works like IPv4."""
    if host == "::1" and not socket.has_ipv6:
        pytest.skip("this machine has no IPv6")
    listener = listen(host, 0)
    url = base_url(listener)

    with serving(APP, listener):
        assert httpx.get(url, trust_env=False).text == "hello"

    with pytest.raises(httpx.ConnectError):
        httpx.get(url, trust_env=False)


def test_a_taken_port_is_named() -> None:
    """One sentence says which port, and what to do."""
    with listen("127.0.0.1", 0) as listener:
        port = listener.getsockname()[1]
        with pytest.raises(SettingsError, match=f"port {port} on 127.0.0.1 is taken"):
            listen("127.0.0.1", port)


@pytest.mark.parametrize(("host", "port"), [("203.0.113.9", 0), ("127.0.0.1", 99_999)])
def test_an_impossible_address_is_named(host: str, port: int) -> None:
    """An address of another machine, or a port that does not exist."""
    with pytest.raises(SettingsError, match=f"cannot listen on {host} port {port}"):
        listen(host, port)


def test_a_client_that_never_ends_its_headers_is_closed() -> None:
    """R13: also after a first request, and however many bytes have come."""
    listener = listen("127.0.0.1", 0)
    with serving(APP, listener, headers_seconds_max=0.05):
        address = listener.getsockname()
        with socket.create_connection(address, timeout=20) as silent:
            assert silent.recv(1) == b""
        with socket.create_connection(address, timeout=20) as slow:
            slow.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            assert slow.recv(10_000).startswith(b"HTTP/1.1 200")
            slow.sendall(b"GET / HTTP/1.1\r\nHo")
            while slow.recv(10_000):
                pass
