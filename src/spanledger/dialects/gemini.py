"""Google's generateContent, as AI Studio and Vertex AI both speak it."""

import re
from dataclasses import replace
from typing import Final

from spanledger.dialects.dialect import Answer, Dialect, Json, Request
from spanledger.dialects.fields import error_name, section, sections, text, texts

__all__ = ["GENERATE"]

_TIERS: Final = {"on_demand": "standard", "unspecified": "", "traffic_type_unspecified": ""}
"""Names of tiers that AI Studio and the list prices have another word for."""

_PATH: Final = re.compile(r"([^/:]*):(generateContent|streamGenerateContent)$")
"""(the model, the method): everything about the call but its contents stands in the path."""


def _read_request(path: str, body: Json) -> Request:
    match = _PATH.search(path)
    model, method = match.groups() if match else ("", "")
    return Request(
        model=model,
        stream=method == "streamGenerateContent",
        service_tier=_tier(text(body, "serviceTier") or text(body, "service_tier")),
    )


def _read_body(body: Json) -> Answer:
    return replace(_read_chunk(Answer(), "", body), complete=True)


def _read_chunk(answer: Answer, _name: str, chunk: Json) -> Answer:
    """A chunk has the form of a whole body, with its running totals; the last ones stand."""
    usage = section(chunk, "usageMetadata") or {}
    finish_reasons = (
        *texts(sections(chunk, "candidates"), "finishReason"),
        *texts((section(chunk, "promptFeedback") or {},), "blockReason"),
    )
    return Answer(
        model=text(chunk, "modelVersion") or answer.model,
        response_id=text(chunk, "responseId") or answer.response_id,
        finish_reasons=answer.finish_reasons + finish_reasons,
        service_tier=(
            _tier(text(usage, "serviceTier") or text(usage, "trafficType")) or answer.service_tier
        ),
        usage=_later(answer.usage, usage),
        error_type=error_name(chunk) or answer.error_type,
        complete=answer.complete or bool(finish_reasons),
    )


def _tier(stated: str) -> str:
    """One word for a tier: `flex` is also SERVICE_TIER_FLEX, and ON_DEMAND_FLEX on Vertex AI."""
    name = stated.removeprefix("SERVICE_TIER_").removeprefix("ON_DEMAND_").lower()
    return _TIERS.get(name, name)


def _later(earlier: Json | None, later: Json) -> Json | None:
    """The later usage, unless it counts nothing: Vertex AI sends the traffic type alone."""
    counts = any(key.endswith("TokenCount") for key in later)
    return later if counts or (later and earlier is None) else earlier


GENERATE: Final = Dialect(
    name="gemini.generate_content",
    operation="generate_content",
    provider="gcp.gemini",
    path=_PATH,
    read_request=_read_request,
    read_answer=_read_body,
    read_event=_read_chunk,
)
