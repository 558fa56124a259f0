"""What a dialect is: a row of pure functions that read one wire format."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

__all__ = ["Answer", "Dialect", "Json", "Request"]

Json = Mapping[str, object]
"""A decoded JSON object, of which nothing is certain yet."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What the request body (and, for some, the path) says about the call."""

    model: str = ""
    stream: bool = False
    service_tier: str = ""
    """The tier asked for; empty where none is."""
    conversation_id: str = ""
    """Only what the wire format itself calls a conversation; never invented."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What the answer has said so far: a whole body at once, or a stream event by event."""

    model: str = ""
    response_id: str = ""
    finish_reasons: tuple[str, ...] = ()
    service_tier: str = ""
    """The tier that the provider says it used."""
    usage: Json | None = None
    """The provider's usage object as it came; `None` while it has stated none."""
    error_type: str = ""
    """The provider's name for an error it reported inside the body or the stream."""
    complete: bool = False
    """The wire format's own end was seen; a stream that stops before it was cut."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Dialect:
    """One wire format of one kind of call. All functions are pure and accept any JSON object."""

    name: str
    """For people, for instance `openai.chat`."""
    operation: str
    """`gen_ai.operation.name` of the calls."""
    provider: str
    """`gen_ai.provider.name` where the host is not in the table of hosts."""
    path: re.Pattern[str]
    """Searched in the path of a POST request's URL; at most one dialect's path matches."""
    read_request: Callable[[str, Json], Request]
    """(path, body) -> what was asked."""
    read_answer: Callable[[Json], Answer]
    """A whole JSON body -> the answer, complete unless the body says otherwise."""
    read_event: Callable[[Answer, str, Json], Answer]
    """(answer so far, event name or '', event data) -> the answer after the event."""
