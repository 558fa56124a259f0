"""OpenAI's wire formats for images and sound, whose requests may be forms with files."""

import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from spanledger.dialects.contents import texts_along
from spanledger.dialects.dialect import Answer, Dialect, Json, Request
from spanledger.dialects.fields import error_name, section, sections, text
from spanledger.dialects.openai import event_error, read_asked, stated_usage
from spanledger.dialects.ours import add_to_usage

__all__ = ["IMAGES", "ROWS", "SPEECH", "TRANSCRIPTION"]

_IMAGES_MAX: Final = 100
_NUMBER: Final = re.compile(r"[0-9]{1,3}")
_TOKENS: Final = frozenset({"input_tokens", "output_tokens", "prompt_tokens", "total_tokens"})
_SECONDS_MAX: Final = 1_000_000
_LAST_EVENTS: Final = (".completed", ".done")


def _read_images_request(path: str, body: Json) -> Request:
    """Images are counted by the request: older models state no usage, and cost by their size."""
    usage = add_to_usage({"images": _count(body.get("n"))}, context=_look(body))
    return replace(read_asked(path, body), usage=usage)


def _look(body: Json) -> dict[str, str]:
    return {"image_size": text(body, "size"), "image_quality": text(body, "quality")}


def _count(value: object) -> int:
    """How many images are asked for: one unless it is said; a form says it as a text."""
    asked = int(value) if isinstance(value, str) and _NUMBER.fullmatch(value) else value
    if not isinstance(asked, int):
        return 1
    return min(max(asked, 1), _IMAGES_MAX)


def _read_speech_request(path: str, body: Json) -> Request:
    """Speech is paid by the characters that are spoken, or by tokens, which it may not state."""
    return replace(
        read_asked(path, body),
        stream=text(body, "stream_format") == "sse",
        usage={"input_characters": len(text(body, "input"))},
    )


def _read_images(body: Json) -> Answer:
    """Where no tokens are stated the images are counted that were made."""
    answer = _read_body(body)
    usage, made = answer.usage or {}, len(sections(body, "data"))
    counts = {"images": made} if _TOKENS.isdisjoint(usage) else {}
    return replace(answer, usage=add_to_usage(answer.usage, counts, _look(body)))


def _read_body(body: Json) -> Answer:
    return Answer(
        model=text(body, "model"),
        response_id=text(body, "id") or text(section(body, "x_groq") or {}, "id"),
        usage=stated_usage(body) or _stated_duration(body),
        error_type=error_name(body),
        complete=True,
    )


def _stated_duration(body: Json) -> Json | None:
    """The length of the sound in seconds, where that is all there is."""
    seconds = body.get("duration")
    if isinstance(seconds, int | float) and 0 <= seconds <= _SECONDS_MAX and seconds is not True:
        return {"duration": seconds}
    return None


def _read_event(answer: Answer, name: str, data: Json) -> Answer:
    kind = text(data, "type") or name
    if kind == "error":
        return replace(answer, error_type=event_error(data))
    return replace(
        answer,
        model=text(data, "model") or answer.model,
        usage=stated_usage(data) or answer.usage,
        error_type=error_name(data) or answer.error_type,
        complete=answer.complete or kind.endswith(_LAST_EVENTS),
    )


def _prompt(body: Json) -> Iterator[str]:
    yield from texts_along(body, "prompt")


def _spoken(body: Json) -> Iterator[str]:
    yield from texts_along(body, "instructions")
    yield from texts_along(body, "input")


def _transcript(body: Json) -> Iterator[str]:
    """Of a stream only what its events add; the last one repeats the whole."""
    if text(body, "type").startswith("transcript."):
        yield from texts_along(body, "delta")
    else:
        yield from texts_along(body, "text")


IMAGES: Final = Dialect(
    name="openai.images",
    operation="generate_content",
    provider="openai",
    path=re.compile(r"/images/(generations|edits|variations)$"),
    read_request=_read_images_request,
    read_answer=_read_images,
    read_event=_read_event,
    read_prompt=_prompt,
)

TRANSCRIPTION: Final = Dialect(
    name="openai.transcription",
    operation="generate_content",
    provider="openai",
    path=re.compile(r"/audio/(transcriptions|translations)$"),
    read_request=read_asked,
    read_answer=_read_body,
    read_event=_read_event,
    read_prompt=_prompt,
    read_output=_transcript,
)

SPEECH: Final = Dialect(
    name="openai.speech",
    operation="generate_content",
    provider="openai",
    path=re.compile(r"/audio/speech$"),
    read_request=_read_speech_request,
    read_answer=_read_body,
    read_event=_read_event,
    read_prompt=_spoken,
)

ROWS: Final = (IMAGES, TRANSCRIPTION, SPEECH)
"""The rows of this module in the table of dialects."""
