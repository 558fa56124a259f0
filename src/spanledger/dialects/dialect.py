"""What a dialect is: a row of pure functions that read one wire format."""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

__all__ = ["Answer", "Dialect", "Json", "Request", "no_texts", "no_usage"]

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
    user_id: str = ""
    """The end user that the body names (`user`, `safety_identifier`, `metadata.user_id`)."""
    previous_response_id: str = ""
    """The response that this call goes on from."""
    batch: bool = False
    """The call is part of a batch."""
    usage: Json | None = None
    """Usage that the request alone determines, for calls whose provider states none: characters to
    speak, images to make. What selects a price and stands in no answer is in it too, at `CONTEXT`
    of `dialects/ours`; it goes along with the usage that is stated."""


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


def no_texts(_: Json) -> Iterable[str]:
    """For wire formats that carry no texts."""
    return ()


def no_usage(_: Mapping[str, str]) -> Json | None:
    """For wire formats whose headers state no usage."""
    return None


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
    shared_path: bool = False
    """Others serve things of their own at such paths: a request is a call only if it names a
    model."""
    read_request: Callable[[str, Json], Request]
    """(path, body) -> what was asked."""
    read_answer: Callable[[Json], Answer]
    """A whole JSON body -> the answer, complete unless the body says otherwise."""
    read_event: Callable[[Answer, str, Json], Answer]
    """(answer so far, event name or '', event data) -> the answer after the event."""
    silent_events: frozenset[str] = frozenset()
    """Names of events that change no answer, whatever their data: those need no parsing."""
    read_headers: Callable[[Mapping[str, str]], Json | None] = no_usage
    """Headers of the answer, by names in lower case -> the usage that they state. It counts where
    the body states none."""
    read_prompt: Callable[[Json], Iterable[str]] = no_texts
    """Request body -> the texts in it that the model reads. Asked only where the provider stated no
    usage, to estimate it, and where content is captured."""
    read_output: Callable[[Json], Iterable[str]] = no_texts
    """A whole answer body, or the data of one event -> the texts that the model wrote. As above."""
