"""Amazon Bedrock: Converse, which is Amazon's own format, and InvokeModel, which is its makers'."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from itertools import chain
from typing import Final
from urllib.parse import unquote

from spanledger.dialects import anthropic
from spanledger.dialects.contents import texts_along
from spanledger.dialects.dialect import Answer, Dialect, Json, Request
from spanledger.dialects.fields import UNNAMED_ERROR, error_name, section, sections, text, texts
from spanledger.dialects.ours import add_to_usage

__all__ = ["CONVERSE", "INVOKE", "INVOKE_EMBEDDINGS", "ROWS", "usage_in_headers"]

_PATH: Final = re.compile(r"/model/(.+)/([\w-]+)$")
"""(the model, the method). A model is an id, an inference profile or an ARN, which has slashes."""

_STREAMS: Final = frozenset({"converse-stream", "invoke-with-response-stream"})

_SILENT: Final = frozenset(
    {"messageStart", "contentBlockStart", "contentBlockDelta", "contentBlockStop"}
)
"""Events of ConverseStream that carry the text, and nothing about it."""

_METRICS: Final = "amazon-bedrock-invocationMetrics"
"""What Bedrock adds to the last chunk of a stream of InvokeModel."""

_COUNTS: Final = {
    "prompt_token_count": "prompt_token_count",
    "generation_token_count": "generation_token_count",
    "inputTextTokenCount": "inputTextTokenCount",
    "totalOutputTextTokenCount": "tokenCount",
}
"""Counts that stand in the body itself, of Llama and Titan."""

_HEADERS: Final = {
    "x-amzn-bedrock-input-token-count": "inputTokenCount",
    "x-amzn-bedrock-output-token-count": "outputTokenCount",
    "x-amzn-bedrock-cache-read-input-token-count": "cacheReadInputTokenCount",
    "x-amzn-bedrock-cache-write-input-token-count": "cacheWriteInputTokenCount",
}


def usage_in_headers(headers: Mapping[str, str]) -> Json | None:
    """The usage that the headers of an InvokeModel answer state, under its names in a stream.

    It is the only one where the maker's body has none.
    """
    counts = {
        meaning: int(value)
        for name, meaning in _HEADERS.items()
        if (value := headers.get(name, "")).isascii() and value.isdecimal() and len(value) < 20
    }
    return counts or None


def _read_request(path: str, body: Json) -> Request:
    match = _PATH.search(path)
    model, method = match.groups() if match else ("", "")
    return Request(
        model=unquote(model),
        stream=method in _STREAMS,
        service_tier=text(section(body, "serviceTier") or {}, "type"),
        user_id=text(section(body, "metadata") or {}, "user_id"),
    )


def _read_converse(body: Json) -> Answer:
    return replace(_read_metadata(Answer(), body), finish_reasons=texts((body,), "stopReason"))


def _read_metadata(answer: Answer, data: Json) -> Answer:
    """The last event has the fields of a whole answer that the others lack."""
    latency = text(section(data, "performanceConfig") or {}, "latency")
    return replace(
        answer,
        service_tier=text(section(data, "serviceTier") or {}, "type"),
        usage=add_to_usage(section(data, "usage"), context={"latency": latency}),
        error_type=error_name(data) or answer.error_type,
        complete=True,
    )


def _read_converse_event(answer: Answer, name: str, data: Json) -> Answer:
    match name:
        case "messageStop":
            return replace(answer, finish_reasons=texts((data,), "stopReason"))
        case "metadata":
            return _read_metadata(answer, data)
        case "error":
            return replace(answer, error_type=error_name(data) or UNNAMED_ERROR)
        case _:
            return answer


def _read_invoked(body: Json) -> Answer:
    """Of a whole answer, or of the last chunk of a stream, which has Amazon's counts."""
    return replace(_read_invoked_event(Answer(), "", body), complete=True)


def _read_made(answer: Answer, data: Json) -> Answer:
    """A body or chunk of whoever made the model."""
    usage = section(data, "usage") or section(section(data, "metadata") or {}, "usage")
    return Answer(
        model=text(data, "model") or answer.model,
        response_id=text(data, "id") or answer.response_id,
        finish_reasons=answer.finish_reasons + _reasons(data),
        service_tier=text(usage or {}, "service_tier") or answer.service_tier,
        usage=usage or _counts(answer.usage, data),
        error_type=error_name(data) or answer.error_type,
        complete=answer.complete,
    )


def _reasons(data: Json) -> tuple[str, ...]:
    """Why the answer ended: Anthropic and Llama, Nova, Titan, Mistral, and OpenAI's format."""
    stop = section(data, "messageStop") or {}
    return (
        *texts((data,), "stop_reason"),
        *texts((data, stop), "stopReason"),
        *texts((data, *sections(data, "results")), "completionReason"),
        *texts(sections(data, "outputs"), "stop_reason"),
        *texts(sections(data, "choices"), "finish_reason"),
    )


def _counts(earlier: Json | None, data: Json) -> Json | None:
    """Counts in the body itself, of which a chunk may state some; the last ones stand."""
    counts: dict[str, object] = dict(earlier or {})
    for name, meaning in _COUNTS.items():
        if data.get(name) is not None:
            counts[meaning] = data[name]
    written = [
        result["tokenCount"] for result in sections(data, "results") if "tokenCount" in result
    ]
    if written and all(isinstance(count, int) for count in written):
        counts["tokenCount"] = sum(count for count in written if isinstance(count, int))
    return counts or None


def _read_invoked_event(answer: Answer, name: str, data: Json) -> Answer:
    kind = text(data, "type")
    if name == "error":
        said = replace(answer, error_type=error_name(data) or UNNAMED_ERROR)
    elif kind.startswith(("message_", "content_block_")) or kind == "error":
        said = anthropic.read_event(answer, name, data)
    else:
        said = _read_made(answer, data)
    metrics = section(data, _METRICS)
    if metrics is None:
        return said
    # What the maker calls usage tells more than the metrics; bare counts in the body tell less.
    detailed = said.usage is not None and _BARE.isdisjoint(said.usage)
    return replace(said, usage=said.usage if detailed else metrics, complete=True)


_BARE: Final = frozenset(_COUNTS.values())


def _read_prompt(body: Json) -> Iterator[str]:
    return chain(
        texts_along(body, "system", "text"),
        texts_along(body, "messages.content", "text"),
        texts_along(body, "messages.content.toolUse", "input"),
        texts_along(body, "messages.content.toolResult.content", "text", "json"),
        texts_along(body, "messages.content.reasoningContent.reasoningText", "text"),
        texts_along(body, "toolConfig.tools"),
    )


def _read_output(body: Json) -> Iterator[str]:
    """Of a whole answer, or of an event: a block's start holds a tool's name, its deltas the rest.

    Nova's events on InvokeModel are objects with the event at its name.
    """
    start = section(body, "contentBlockStart") or body
    delta = section(body, "contentBlockDelta") or body
    return chain(
        texts_along(body, "output.message.content", "text"),
        texts_along(body, "output.message.content.toolUse", "name", "input"),
        texts_along(body, "output.message.content.reasoningContent.reasoningText", "text"),
        texts_along(start, "start.toolUse", "name"),
        texts_along(delta, "delta.toolUse", "input"),
        texts_along(delta, "delta.reasoningContent", "text"),
        texts_along(delta, "delta", "text"),
    )


def _read_invoked_prompt(body: Json) -> Iterator[str]:
    if "anthropic_version" in body:
        yield from anthropic.MESSAGES.read_prompt(body)
        return
    yield from _read_prompt(body)
    for name in ("prompt", "inputText", "texts", "inputs", "query", "documents"):
        yield from texts_along(body, name, "text", "content")


def _read_invoked_output(body: Json) -> Iterator[str]:
    kind = text(body, "type")
    if kind.startswith(("message", "content_block_")):
        yield from anthropic.MESSAGES.read_output(body)
        return
    yield from _read_output(body)
    for name in ("generation", "outputText", "text"):
        yield from texts_along(body, name)
    yield from texts_along(body, "results", "outputText")
    yield from texts_along(body, "outputs", "text")
    yield from texts_along(body, "choices", "text")
    yield from texts_along(body, "choices.message", "content", "tool_calls")
    yield from texts_along(body, "choices.delta", "content", "tool_calls")


CONVERSE: Final = Dialect(
    name="bedrock.converse",
    operation="chat",
    provider="aws.bedrock",
    path=re.compile(r"/model/.+/converse(-stream)?$"),
    read_request=_read_request,
    read_answer=_read_converse,
    read_event=_read_converse_event,
    silent_events=_SILENT,
    read_prompt=_read_prompt,
    read_output=_read_output,
)

INVOKE: Final = Dialect(
    name="bedrock.invoke",
    operation="chat",
    provider="aws.bedrock",
    path=re.compile(r"/model/(?!.*embed).+/invoke(-with-response-stream)?$"),
    read_request=_read_request,
    read_answer=_read_invoked,
    read_event=_read_invoked_event,
    read_headers=usage_in_headers,
    read_prompt=_read_invoked_prompt,
    read_output=_read_invoked_output,
)

INVOKE_EMBEDDINGS: Final = replace(
    INVOKE,
    name="bedrock.invoke_embeddings",
    operation="embeddings",
    path=re.compile(r"/model/.*embed.*/invoke$"),
)

ROWS: Final = (CONVERSE, INVOKE, INVOKE_EMBEDDINGS)
"""The rows of this module in the table of dialects."""
