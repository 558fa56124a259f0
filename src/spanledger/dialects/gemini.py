"""Google's models, as AI Studio and Vertex AI both speak of them."""

import re
from collections.abc import Iterator
from dataclasses import replace
from itertools import chain
from typing import Final, cast

from spanledger.dialects.contents import texts_along
from spanledger.dialects.dialect import Answer, Dialect, Json, Request
from spanledger.dialects.fields import error_name, section, sections, text, texts
from spanledger.dialects.ours import COUNTED, add_to_usage

__all__ = ["EMBED", "GENERATE", "IMAGES", "PREDICT_EMBEDDINGS", "ROWS"]

_TIERS: Final = {"on_demand": "standard", "unspecified": "", "traffic_type_unspecified": ""}
"""Names of tiers that AI Studio and the list prices have another word for."""

_PAID_BY_PROMPT: Final = re.compile(r"gemini-[12]\b")

_PATH: Final = re.compile(r"([^/:]*):(generateContent|streamGenerateContent)$")
"""(the model, the method): everything about the call but its contents stands in the path."""

_METHOD: Final = re.compile(r"([^/:]*):(\w+)$")


def _read_request(path: str, body: Json) -> Request:
    match = _METHOD.search(path)
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
    model = text(chunk, "modelVersion") or answer.model
    return Answer(
        model=model,
        response_id=text(chunk, "responseId") or answer.response_id,
        finish_reasons=answer.finish_reasons + finish_reasons,
        service_tier=(
            _tier(text(usage, "serviceTier") or text(usage, "trafficType")) or answer.service_tier
        ),
        usage=_with_searches(answer.usage, _later(answer.usage, usage), _searches(model, chunk)),
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


def _searches(model: str, chunk: Json) -> int:
    """How many searches of the web the chunk tells of, as they are paid.

    Up to Gemini 2.5 a prompt is paid once, however much is searched for; later each query is that
    is not a repetition (the price pages of AI Studio and Vertex AI).
    """
    found = (section(candidate, "groundingMetadata") for candidate in sections(chunk, "candidates"))
    stated = [query for one in found for query in _queries(one or {})]
    return min(len(stated), 1) if _PAID_BY_PROMPT.search(model) else len(set(stated))


def _queries(grounding: Json) -> Iterator[str]:
    queries = grounding.get("webSearchQueries")
    if isinstance(queries, list):
        yield from (one for one in cast("list[object]", queries) if isinstance(one, str) and one)


def _with_searches(earlier: Json | None, usage: Json | None, searches: int) -> Json | None:
    """A stream tells of its searches in one chunk, of its usage in each, or of both more often."""
    counted = (section(earlier or {}, COUNTED) or {}).get("web_searches")
    most = max(searches, counted if isinstance(counted, int) else 0)
    return usage if usage is None or not most else add_to_usage(usage, {"web_searches": most})


def _read_predicted_embeddings(body: Json) -> Answer:
    """Vertex AI states the tokens of each text apart, and the characters it bills together."""
    usage: dict[str, object] = dict(section(body, "metadata") or {})
    tokens = [
        (section(section(prediction, "embeddings") or {}, "statistics") or {}).get("token_count")
        for prediction in sections(body, "predictions")
    ]
    counted = [count for count in tokens if isinstance(count, int | float)]
    if counted and len(counted) == len(tokens):
        usage["promptTokenCount"] = sum(counted)
    return Answer(usage=usage or None, error_type=error_name(body), complete=True)


def _read_images(body: Json) -> Answer:
    """Imagen is billed by the image; one that a filter held back is none."""
    made = [item for item in sections(body, "predictions") if not item.get("raiFilteredReason")]
    usage = {"images": len(made)} if "predictions" in body else None
    return Answer(usage=usage, error_type=error_name(body), complete=True)


def _read_prompt(body: Json) -> Iterator[str]:
    return chain(
        texts_along(body, "systemInstruction.parts", "text"),
        texts_along(body, "contents.parts", "text", "functionCall", "functionResponse"),
        texts_along(body, "tools"),
    )


def _read_output(body: Json) -> Iterator[str]:
    return texts_along(body, "candidates.content.parts", "text", "functionCall")


def _read_embedded(body: Json) -> Iterator[str]:
    return chain(
        texts_along(body, "content.parts", "text"),
        texts_along(body, "requests.content.parts", "text"),
        texts_along(body, "instances", "content", "prompt"),
    )


GENERATE: Final = Dialect(
    name="gemini.generate_content",
    operation="generate_content",
    provider="gcp.gemini",
    path=_PATH,
    read_request=_read_request,
    read_answer=_read_body,
    read_event=_read_chunk,
    read_prompt=_read_prompt,
    read_output=_read_output,
)

EMBED: Final = Dialect(
    name="gemini.embed_content",
    operation="embeddings",
    provider="gcp.gemini",
    path=re.compile(r"/[^/:]*:(embedContent|batchEmbedContents)$"),
    read_request=_read_request,
    read_answer=_read_body,
    read_event=_read_chunk,
    read_prompt=_read_embedded,
)

PREDICT_EMBEDDINGS: Final = Dialect(
    name="gemini.predict_embeddings",
    operation="embeddings",
    provider="gcp.vertex_ai",
    path=re.compile(r"/publishers/google/models/[^/:]*(embedding|gecko)[^/:]*:predict$"),
    read_request=_read_request,
    read_answer=_read_predicted_embeddings,
    read_event=_read_chunk,
    read_prompt=_read_embedded,
)

IMAGES: Final = Dialect(
    name="gemini.predict_images",
    operation="generate_content",
    provider="gcp.gemini",
    path=re.compile(r"/models/imag(en|egeneration)[^/:]*:predict$"),
    read_request=_read_request,
    read_answer=_read_images,
    read_event=_read_chunk,
    read_prompt=_read_embedded,
)

ROWS: Final = (GENERATE, EMBED, PREDICT_EMBEDDINGS, IMAGES)
"""The rows of this module in the table of dialects."""
