"""One key, one hash, and no way back."""

import subprocess
import sys
from hashlib import sha256

import pytest

from spanledger.instrumentation.api_key import SALT, hash_of_key, key_of

KEY = "sk-proj-0123456789abcdef"


@pytest.mark.parametrize(
    ("headers", "query", "key"),
    [
        ({"authorization": f"Bearer {KEY}"}, b"", KEY),
        ({"authorization": f"bearer {KEY}"}, b"", KEY),
        ({"x-api-key": KEY}, b"", KEY),
        ({"api-key": KEY}, b"", KEY),
        ({"x-goog-api-key": KEY}, b"", KEY),
        ({}, b"alt=sse&key=a%2Bb", "a+b"),
        ({}, "alt=sse&key=abc", "abc"),
        (
            {
                "authorization": "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20260101/us-east-1/"
                "bedrock/aws4_request, SignedHeaders=host, Signature=secret"
            },
            b"",
            "AKIDEXAMPLE",
        ),
        ({}, b"", ""),
        ({"authorization": "Basic dXNlcjpzZWNyZXQ="}, b"", ""),
        ({"authorization": "Bearer ya29.secret"}, b"", ""),
        ({"authorization": "Bearer eyJhbGciOi.eyJzdWIi.c2ln"}, b"", ""),
        ({"authorization": ""}, b"keys=abc&monkey=1", ""),
    ],
)
def test_where_keys_stand(headers: dict[str, str], query: bytes | str, key: str) -> None:
    """S2.3: each provider's place for it; tokens that last an hour are no keys."""
    assert key_of(headers, query) == key


def test_the_hash_is_the_beginning_of_an_hmac() -> None:
    """By RFC 2104 step by step, so anybody can find the hash of a key of theirs."""
    block = SALT.ljust(64, b"\0")
    inner = sha256(bytes(byte ^ 0x36 for byte in block) + KEY.encode()).digest()
    outer = sha256(bytes(byte ^ 0x5C for byte in block) + inner).hexdigest()

    assert hash_of_key(KEY) == outer[:16]


def test_the_hash_is_the_same_in_every_process() -> None:
    """No seed of the process goes into it."""
    code = f"from spanledger.instrumentation.api_key import *; print(hash_of_key({KEY!r}), end='')"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout == hash_of_key(KEY)


def test_no_key_and_no_sane_key_have_no_hash() -> None:
    """Nothing is invented, and a megabyte is not worth hashing on every call."""
    assert hash_of_key("") == ""
    assert hash_of_key("x" * 1_000_000) == ""
    assert len(hash_of_key("\ud800")) == 16
