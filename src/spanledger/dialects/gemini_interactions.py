"""Google's interactions, which take the place of generateContent in new applications."""

import re
from collections.abc import Iterator
from dataclasses import replace
from itertools import chain
from typing import Final

from spanledger.dialects.contents import texts_along
from spanledger.dialects.dialect import Answer, Dialect, Json, Request
from spanledger.dialects.fields import UNNAMED_ERROR, error_name, section, sections, text

__all__ = ["INTERACTIONS", "ROWS"]

_PENDING: Final = frozenset({"", "in_progress", "queued"})


def _read_request(_path: str, body: Json) -> Request:
    return Request(
        model=text(body, "model") or text(body, "agent"),
        stream=body.get("stream") is True,
        service_tier=text(body, "service_tier"),
        previous_response_id=text(body, "previous_interaction_id"),
    )


def _read_interaction(body: Json) -> Answer:
    status = text(body, "status")
    errors = sections(body, "errors")
    failed = status == "failed" or bool(errors)
    named = text(errors[0], "code") if errors else error_name(body)
    return Answer(
        model=text(body, "model"),
        response_id=text(body, "id"),
        finish_reasons=() if status in _PENDING else (status,),
        service_tier=text(body, "service_tier"),
        usage=section(body, "usage"),
        error_type=named or (UNNAMED_ERROR if failed else ""),
        complete=status not in _PENDING or "error" in body,
    )


def _read_event(answer: Answer, name: str, data: Json) -> Answer:
    kind = text(data, "event_type") or name
    if kind == "error":
        return replace(answer, error_type=error_name(data) or UNNAMED_ERROR)
    if not kind.startswith("interaction."):
        return answer
    said = _read_interaction(section(data, "interaction") or data)
    return Answer(
        model=said.model or answer.model,
        response_id=said.response_id or answer.response_id,
        finish_reasons=said.finish_reasons or answer.finish_reasons,
        service_tier=said.service_tier or answer.service_tier,
        usage=answer.usage if said.usage is None else said.usage,
        error_type=said.error_type or answer.error_type,
        complete=answer.complete or kind == "interaction.completed",
    )


def _read_prompt(body: Json) -> Iterator[str]:
    return chain(
        texts_along(body, "system_instruction"),
        texts_along(body, "input", "text", "arguments", "result"),
        texts_along(body, "input.content", "text"),
        texts_along(body, "tools"),
    )


def _read_output(body: Json) -> Iterator[str]:
    return chain(
        texts_along(body, "steps", "name", "arguments"),
        texts_along(body, "steps.content", "text"),
        texts_along(body, "steps.summary", "text"),
        texts_along(body, "step", "name"),
        texts_along(body, "delta", "text", "arguments"),
        texts_along(body, "delta.content", "text"),
    )


INTERACTIONS: Final = Dialect(
    name="gemini.interactions",
    operation="generate_content",
    provider="gcp.gemini",
    path=re.compile(r"/v1(beta\d*)?/(projects/[^/]+/locations/[^/]+/)?interactions$"),
    shared_path=True,
    read_request=_read_request,
    read_answer=_read_interaction,
    read_event=_read_event,
    read_prompt=_read_prompt,
    read_output=_read_output,
)

ROWS: Final = (INTERACTIONS,)
"""The rows of this module in the table of dialects."""
