"""Whom a request is for, as apps behind a gateway say it already: Helicone's and Portkey's headers.

The headers are read wherever the request goes; an attribution of the app wins over them.
"""

import json
from collections.abc import Mapping
from itertools import islice
from typing import Final, cast

from spanledger import attributes as names
from spanledger.instrumentation.text import bounded

__all__ = ["gateway_facts"]

_TAGS_MAX: Final = 32

_METADATA_CHARS_MAX: Final = 16_384
"""No server takes a longer header."""

_ALIASES: Final = {
    "helicone-user-id": names.USER_ID,
    "helicone-session-id": names.CONVERSATION_ID,
}
_PROPERTY: Final = "helicone-property-"
_METADATA: Final = "x-portkey-metadata"
_USER: Final = "_user"


def gateway_facts(headers: Mapping[str, str]) -> dict[str, str]:
    """The attributes that `headers` state; their names are in lower case."""
    facts = _portkey(headers.get(_METADATA, ""))
    properties = (header for header in headers if header.startswith(_PROPERTY))
    for header in islice(properties, _TAGS_MAX):
        tag = header.removeprefix(_PROPERTY)
        facts[names.TAG_PREFIX + bounded(tag)] = bounded(headers[header])
    for header, name in _ALIASES.items():
        if header in headers:
            facts[name] = bounded(headers[header])
    return facts


def _portkey(metadata: str) -> dict[str, str]:
    """Portkey's metadata: a JSON object of texts, in which `_user` is the user."""
    if not metadata or len(metadata) > _METADATA_CHARS_MAX:
        return {}
    try:
        parsed = cast("object", json.loads(metadata))
    except (ValueError, RecursionError):
        return {}
    if not isinstance(parsed, dict):
        return {}
    entries = cast("Mapping[str, object]", parsed).items()
    stated = ((name, value) for name, value in entries if isinstance(value, str | int | float))
    return {
        names.USER_ID if name == _USER else names.TAG_PREFIX + bounded(name): bounded(value)
        for name, value in islice(stated, _TAGS_MAX)
    }
