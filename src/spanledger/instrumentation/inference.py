"""Whether a span of somebody else's stands for a call of a model, as far as it says so by now.

The tables hold what the libraries were seen to put on their spans; docs/adr/0007 lists them. Many
say little when a span starts, and all the rest only when it ends.
"""

from collections.abc import Mapping
from typing import Final, cast

from opentelemetry.trace import SpanKind

from spanledger import attributes as names

__all__ = [
    "attributes_of",
    "family",
    "is_http",
    "is_late_report",
    "is_of_family",
    "looks_like_inference",
    "named_model",
    "names_another_model",
    "scope_of",
]

_KINDS: Final[tuple[tuple[str, frozenset[str]], ...]] = (
    (names.OPERATION_NAME, names.INFERENCE_OPERATIONS),
    ("openinference.span.kind", frozenset({"LLM", "EMBEDDING", "RERANKER"})),
    ("langfuse.observation.type", frozenset({"generation", "embedding"})),
    # Workflows, tasks, agents and tools of OpenLLMetry; its model calls have no kind.
    ("traceloop.span.kind", frozenset()),
)
"""Attributes that tell the kind of a span, and which of their values mean a model call. The first
that a span has decides: an agent's span is none, whatever else is on it."""

_MARKS: Final = (names.PROVIDER_NAME, "gen_ai.system", "llm.model_name", "llm.request.type")
"""Attributes that by older conventions only model calls have, with no word of the kind."""

_CLIENT_SCOPES: Final = frozenset({"com.anthropic.sdk.python"})
"""Libraries whose spans of kind CLIENT are model calls, all of them."""

_LATE_NAMES: Final = frozenset({("opentelemetry.instrumentation.openai.v1", "openai.response")})
"""Scope and name of spans that are made when the answer is there, and filled after that."""

_MODELS: Final = (
    names.REQUEST_MODEL,
    "llm.request.model_name",
    "llm.model_name",
    "embedding.model_name",
    "langfuse.observation.model.name",
)

_HTTP_MARKS: Final = ("http.request.method", "http.method")

_FAMILIES: Final = {
    "embeddings": "embeddings",
    "EMBEDDING": "embeddings",
    "embedding": "embeddings",
    "rerank": "rerank",
    "RERANKER": "rerank",
}
"""Kinds that mean the same. All others are names for one: chat, generate_content, LLM ..."""


def looks_like_inference(span: object) -> bool:
    """Whether `span` stands for a model call, by its attributes, scope and kind."""
    attributes = attributes_of(span)
    for name, calls in _KINDS:
        if (kind := attributes.get(name)) is not None:
            return kind in calls
    if any(mark in attributes for mark in _MARKS):
        return True
    return scope_of(span) in _CLIENT_SCOPES and _is_client(span)


def named_model(span: object) -> str:
    """The model of which `span` has the name of a call, `chat gpt-4o`, and says no more by now."""
    operation, _, model = str(getattr(span, "name", "")).partition(" ")
    if not (_is_client(span) and operation in names.INFERENCE_OPERATIONS):
        return ""
    return "" if any(name in attributes_of(span) for name, _ in _KINDS) else model


def is_late_report(span: object) -> bool:
    """Whether a span that starts tells of a call that is over, or has long begun.

    Such a span is in the table, or is born with the usage of its call. Logfire's log after a
    stream is one too; it comes without usage where the stream had none.
    """
    if (scope_of(span), getattr(span, "name", "")) in _LATE_NAMES:
        return True
    attributes = attributes_of(span)
    if attributes.get("logfire.span_type") == "log" or names.USAGE["input_tokens"] in attributes:
        return looks_like_inference(span)
    return False


def is_http(span: object) -> bool:
    """Whether `span` is an HTTP library's, which may lie between the span of a call and ours."""
    attributes = attributes_of(span)
    return _is_client(span) and any(mark in attributes for mark in _HTTP_MARKS)


def family(kind: str) -> str:
    """The operation or kind under the one name that it goes by here; all other than two are one."""
    return _FAMILIES.get(kind, "generation")


def is_of_family(span: object, wanted: str) -> bool:
    """Whether `span` may ask that of a model: a rerank is never the same call as a chat."""
    attributes = attributes_of(span)
    for name, _ in _KINDS:
        if (kind := attributes.get(name)) is not None:
            return family(str(kind)) == wanted
    return True


def names_another_model(span: object, model: str) -> bool:
    """Whether the span says that another model than `model` was asked.

    Versions and the prefixes of gateways and of Google (`models/`) make no difference.
    """
    attributes = attributes_of(span)
    named = [_bare(str(attributes[name])) for name in _MODELS if name in attributes]
    ours = _bare(model)
    return bool(named and ours) and not any(
        name.startswith(ours) or ours.startswith(name) for name in named
    )


def attributes_of(span: object) -> Mapping[str, object]:
    """What is on the span by now; nothing on one that cannot be read."""
    return getattr(span, "attributes", None) or {}


def scope_of(span: object) -> str:
    """The name of the library that made the span."""
    return str(getattr(cast("object", getattr(span, "instrumentation_scope", None)), "name", ""))


def _is_client(span: object) -> bool:
    return getattr(span, "kind", None) is SpanKind.CLIENT


def _bare(model: str) -> str:
    return model.rpartition("/")[2].lower()
