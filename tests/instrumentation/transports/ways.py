"""One thing tried twice, without us and with us: what the app sees of it must be the same."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from tests.instrumentation.calls import Recording, describe
from tests.instrumentation.provider import Reply, cut, gzipped, recorded

CHAT_REPLY = recorded("openai_chat.json")
STREAM_REPLY = recorded("openai_chat_stream.sse")

REPLIES: dict[str, Reply] = {
    "json": CHAT_REPLY,
    "json gzip": gzipped(CHAT_REPLY),
    "events": STREAM_REPLY,
    "events gzip": gzipped(STREAM_REPLY),
    "cut": cut(STREAM_REPLY),
    "429": Reply(recorded("openai_error_429.json").body, status=429),
    "empty": Reply(b""),
}
"""What a provider may answer to a chat call."""

TOKENS = {"json": (2306, 497), "events": (1117, 46)}
"""(input, output) of the recorded answers."""


@dataclass
class Heard:
    """What an app got of an answer, piece by piece, and how it ended."""

    pieces: list[Any] = field(default_factory=list[Any])
    error: tuple[object, ...] = ()


Way = Callable[[str, list[Any]], None]
"""Calls the URL, and adds what it hears to the list."""


def hear(way: Way, url: str) -> Heard:
    """What the app hears that way."""
    heard = Heard()
    try:
        way(url, heard.pieces)
    except Exception as error:  # noqa: BLE001 - whatever it is, it must be the same with us
        heard.error = describe(error)
    return heard


def hear_twice(recording: Recording, way: Way, url: str) -> Heard:
    """What the app hears, which is the same without us and with us."""
    without_us = hear(way, url)
    with recording.on():
        with_us = hear(way, url)
    assert whole(with_us) == whole(without_us)
    return with_us


def whole(heard: Heard) -> tuple[object, ...]:
    """What was heard, whatever the borders, which the network sets."""
    pieces = heard.pieces
    if pieces and all(isinstance(piece, bytes) for piece in pieces):
        return b"".join(pieces), heard.error
    return tuple(pieces), heard.error


def check(recording: Recording, name: str) -> None:
    """The one span says what the answer of that name says."""
    facts = recording.facts
    kind = name.split(maxsplit=1)[0]
    if kind in TOKENS:
        used = facts["gen_ai.usage.input_tokens"], facts["gen_ai.usage.output_tokens"]
        assert used == TOKENS[kind]
        assert "error.type" not in facts
        assert "spanledger.usage.partial" not in facts
    elif kind == "429":
        assert (facts["error.type"], facts["http.response.status_code"]) == ("429", 429)
    elif kind == "cut":
        # Where the library reads the body before it hands it over, there is no answer but an error.
        assert facts.get("spanledger.usage.partial") is True or facts["error.type"]
    else:
        assert facts["spanledger.usage.source"] == "none"


def members(owner: Any) -> dict[str, Any]:
    """All that stands on a class itself."""
    return {name: owner.__dict__[name] for name in owner.__dict__}
