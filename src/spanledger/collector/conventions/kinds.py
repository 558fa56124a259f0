"""Whether a span stands for a call of a model, and for which kind, by all that it says of itself.

What lies around a call (agents, chains, workflows, the outer spans of an SDK) says so by its kind,
and never counts: no other span needs to be seen to know it.
"""

from collections.abc import Mapping
from typing import Final

from spanledger import attributes as names
from spanledger.collector.conventions.record import AttributeValue, SpanRecord

__all__ = ["billable_operation", "family", "is_model_call", "operation_of", "starts_others"]

_OPERATIONS: Final = {
    **{name: name for name in names.INFERENCE_OPERATIONS},
    "completion": "text_completion",
    "embedding": "embeddings",
    "message": "chat",
    "messages": "chat",
    "reranking": "rerank",
    "response": "chat",
    "responses": "chat",
    "text_generation": "text_completion",
}

_KINDS: Final[tuple[tuple[str, Mapping[str, str]], ...]] = (
    (names.OPERATION_NAME, _OPERATIONS),
    ("openinference.span.kind", {"llm": "chat", "embedding": "embeddings", "reranker": "rerank"}),
    ("langfuse.observation.type", {"generation": "chat", "embedding": "embeddings"}),
    (
        "ai.operationId",
        {
            "ai.generatetext.dogenerate": "chat",
            "ai.streamtext.dostream": "chat",
            "ai.generateobject.dogenerate": "chat",
            "ai.streamobject.dostream": "chat",
            "ai.embed.doembed": "embeddings",
            "ai.embedmany.doembed": "embeddings",
            "ai.rerank.dorerank": "rerank",
        },
    ),
    (
        "llm.request.type",
        {
            "chat": "chat",
            "completion": "text_completion",
            "embedding": "embeddings",
            "rerank": "rerank",
        },
    ),
    # Workflows, tasks, agents and tools; the model calls of OpenLLMetry have no kind.
    ("traceloop.span.kind", {}),
)
"""Attributes that tell the kind of a span, with the kinds that are model calls, in lower case, and
our name for each."""

_STARTS_OTHERS: Final = frozenset(
    {"agent", "create_agent", "execute_tool", "invoke_agent", "invoke_workflow", "tool"}
)
"""Kinds that run a program of their own: what that asks of a model is never the call around it."""

_SAYS_NOTHING: Final = frozenset({"", "unknown", "undefined", "none"})

_PROVIDERS: Final = (names.PROVIDER_NAME, "gen_ai.system")
_MODELS: Final = (names.REQUEST_MODEL, names.RESPONSE_MODEL)

_FAMILIES: Final = {"embeddings": "embeddings", "rerank": "rerank"}


def operation_of(record: SpanRecord) -> str:
    """`gen_ai.operation.name` of the model call, empty where the span stands for none.

    Every kind that is stated has to be one of a model call: what some call an LLM span, and others
    an agent's, is an agent's.
    """
    attributes, operation = record.attributes, ""
    for name, calls in _KINDS:
        stated = attributes.get(name)
        if not isinstance(stated, str) or (kind := stated.lower()) in _SAYS_NOTHING:
            continue
        if not (meant := calls.get(kind, "")):
            return ""
        operation = operation or meant
    return operation or ("chat" if _has_marks(attributes) else "")


def is_model_call(record: SpanRecord) -> bool:
    """Whether the span stands for a call of a model that nobody else stands for."""
    return billable_operation(record) != ""


def billable_operation(record: SpanRecord) -> str:
    """`operation_of` the span, empty also where another span stands for the call."""
    if record.attributes.get(names.COVERED) or _is_logfires_opening(record):
        return ""
    return operation_of(record)


def starts_others(record: SpanRecord) -> bool:
    """Whether the span is a tool's or an agent's: calls inside it are others than those around."""
    kinds = (record.attributes.get(name) for name, _ in _KINDS)
    return any(isinstance(kind, str) and kind.lower() in _STARTS_OTHERS for kind in kinds)


def family(operation: str) -> str:
    """What may be one call under two names: `chat` and `generate_content`, but no embedding."""
    return _FAMILIES.get(operation, "generation")


def _has_marks(attributes: Mapping[str, AttributeValue]) -> bool:
    """Older conventions have no word for the kind, but only model calls have both of these."""
    return any(name in attributes for name in _PROVIDERS) and any(
        name in attributes for name in _MODELS
    )


def _is_logfires_opening(record: SpanRecord) -> bool:
    """Logfire's span of a stream ends at its first byte; a log that follows has the usage.

    What is still pending comes again when it is over.
    """
    attributes = record.attributes
    if (kind := attributes.get("logfire.span_type")) is None:
        return False
    if kind == "pending_span":
        return True
    return (
        kind == "span"
        and "request_data" in attributes
        and not record.failed
        and names.RESPONSE_ID not in attributes
        and names.USAGE["input_tokens"] not in attributes
    )
