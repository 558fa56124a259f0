import re
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spanledger.dialects.form import is_form, read_form

Recorded = Callable[[str], bytes]


def test_fields(recorded: Recorded) -> None:
    """The text fields of a form are read before and after its file, which is not."""
    body = recorded("openai_transcription_request.form")
    assert is_form(body)
    assert read_form(body) == {
        "model": "whisper-1",
        "response_format": "verbose_json",
        "stream": "true",
        "prompt": "vier, quatre, \u56db",
    }


def test_a_large_file(recorded: Recorded) -> None:
    """The fields are found around a file of any size, without a search through it."""
    body = recorded("openai_transcription_request.form")
    large = body.replace(b"RIFF", b"RIFF" + b"model" * 100_000)
    assert read_form(large) == read_form(body)


@pytest.mark.parametrize(
    ("head", "fields"),
    [
        (b'Content-Disposition: form-data; name="model"', {"model": "m"}),
        (b'content-disposition: form-data; NAME="model"', {"model": "m"}),
        (b"Content-Disposition: form-data; name=model", {"model": "m"}),
        (b'Content-Disposition: form-data; name="f"; filename="name=model"', {}),
        (b"Content-Disposition: form-data; name=\"f\"; filename*=UTF-8''x", {}),
        (b"Content-Type: text/plain", {}),
        (b"", {}),
    ],
)
def test_heads_of_fields(head: bytes, fields: dict[str, str]) -> None:
    """A field is what has a name and is no file, in every client's spelling."""
    assert read_form(b"--b\r\n" + head + b"\r\n\r\nm\r\n--b--\r\n") == fields


@pytest.mark.parametrize("body", [b"", b"--", b"--b", b"--b\r\n", b"-" * 1000 + b"\r\n", b"{}"])
def test_no_form(body: bytes) -> None:
    """What is no form, or is cut before its first field, has no fields."""
    assert read_form(body) == {}


def test_json_is_no_form() -> None:
    """A JSON body is not taken for a form."""
    assert not is_form(b'{"model": "m"}')


@given(st.binary(max_size=300))
def test_any_bytes(body: bytes) -> None:
    """Any body is read without raising."""
    for name, value in read_form(b"--b\r\n" + body).items():
        assert (name + value).encode()


@given(
    st.dictionaries(st.text(st.characters(codec="ascii", categories=["L"]), min_size=1), st.text())
)
def test_round_trip(fields: dict[str, str]) -> None:
    """Whatever is put into a form comes out of it, unless it has the boundary in it."""
    body = b"".join(
        b'--b0undary\r\nContent-Disposition: form-data; name="%s"\r\n\r\n%s\r\n'
        % (name.encode(), value.encode())
        for name, value in fields.items()
        if not re.search("b0undary", value)
    )
    expected = {name: value for name, value in fields.items() if "b0undary" not in value}
    assert read_form(body + b"--b0undary--\r\n") == expected
