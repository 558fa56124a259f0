"""Which key pays for a call, told by a hash of it: the key itself never leaves the request."""

import hmac
import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Final
from urllib.parse import parse_qsl

__all__ = ["SALT", "hash_of_key", "key_of"]

SALT: Final = b"spanledger.api_key.hash.v1"
"""The same everywhere, so that one key has one hash in all processes. It hides nothing by itself:
that a hash cannot be turned back rests on the randomness of provider keys."""

_HASH_CHARS: Final = 16
_KEY_CHARS_MAX: Final = 4096
_KEYS_KEPT: Final = 256

_HEADERS: Final = ("x-api-key", "api-key", "x-goog-api-key")
_PARAMETER: Final = "key"

_AWS: Final = re.compile(r"AWS4-[\w-]+ .*?Credential=([A-Z0-9]+)/")
"""Names the access key, which is no secret; the signature is not looked at."""

_SHORT_LIVED: Final = re.compile(r"ya29\.|eyJ[\w-]*\.eyJ")
"""Tokens of Google and Microsoft that last an hour: their hashes would name no key."""


def key_of(headers: Mapping[str, str], query: bytes | str = b"") -> str:
    """The key that a request carries, or ''.

    Args:
        headers: by name in lower case.
        query: of the URL, where Gemini's key may stand.
    """
    for header in _HEADERS:
        if key := headers.get(header):
            return key
    scheme, _, credentials = headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        return "" if _SHORT_LIVED.match(credentials) else credentials.strip()
    if aws := _AWS.match(headers.get("authorization", "")):
        return aws[1]
    return _key_in(query) if query else ""


@lru_cache(maxsize=_KEYS_KEPT)
def hash_of_key(key: str) -> str:
    """The first 64 bits of the key's HMAC-SHA-256, in hex; '' for no key."""
    if not key or len(key) > _KEY_CHARS_MAX:
        return ""
    return hmac.digest(SALT, key.encode("utf-8", "replace"), "sha256").hex()[:_HASH_CHARS]


def _key_in(query: bytes | str) -> str:
    text = query.decode("latin-1") if isinstance(query, bytes) else query
    return next((value for name, value in parse_qsl(text) if name == _PARAMETER), "")
