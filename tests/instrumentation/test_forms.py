import io
import json
from types import SimpleNamespace
from typing import Any

import httpx
import httpx2
import pytest

from spanledger.instrumentation.forms import known_body

URL = "https://api.openai.com/v1/audio/transcriptions"


@pytest.mark.parametrize("library", [httpx, httpx2], ids=["httpx", "httpx2"])
def test_form(library: Any) -> None:
    """S4.2: of an upload the text fields are known, and its file is left unread for the app."""
    sound = io.BytesIO(b"RIFF")
    request = library.Request(
        "POST", URL, data={"model": "whisper-1", "n": 2}, files={"file": ("a.wav", sound)}
    )
    assert json.loads(known_body(request)) == {"model": "whisper-1", "n": "2"}
    assert sound.tell() == 0
    assert b"whisper-1" in request.read()


@pytest.mark.parametrize("library", [httpx, httpx2], ids=["httpx", "httpx2"])
def test_body_in_memory(library: Any) -> None:
    """A body that is there is taken as it is."""
    assert known_body(library.Request("POST", URL, content=b"{}")) == b"{}"
    assert known_body(library.Request("POST", URL)) == b""


@pytest.mark.parametrize("library", [httpx, httpx2], ids=["httpx", "httpx2"])
def test_stream_of_the_app(library: Any) -> None:
    """A stream is the app's own: nothing is taken from it."""
    pieces = iter([b"{", b"}"])
    assert known_body(library.Request("POST", URL, content=pieces)) == b""
    assert list(pieces) == [b"{", b"}"]


def test_bytes_in_a_form() -> None:
    """A field may be given as bytes, which need not be text."""
    data: Any = {"model": b"whisper-1", "prompt": b"\xff"}
    request = httpx.Request("POST", URL, data=data, files={"file": b"RIFF"})
    assert json.loads(known_body(request)) == {"model": "whisper-1", "prompt": "\ufffd"}


@pytest.mark.parametrize("fields", [None, 3, [3], [SimpleNamespace(name=1, value="v")]])
def test_other_streams(fields: object) -> None:
    """A stream of somebody else's that has fields of another kind tells nothing."""
    request: Any = SimpleNamespace(stream=SimpleNamespace(fields=fields))
    assert known_body(request) in {b"", b"{}"}
