"""OpenAI's wire formats for texts, which many other providers speak too."""

import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from spanledger.dialects.contents import texts_along
from spanledger.dialects.dialect import Answer, Dialect, Json, Request, no_texts
from spanledger.dialects.fields import UNNAMED_ERROR, error_name, section, sections, text, texts
from spanledger.dialects.ours import CONTEXT, add_to_usage

__all__ = [
    "CHAT",
    "COMPLETIONS",
    "DECISIONS",
    "EMBEDDINGS",
    "RESPONSES",
    "ROWS",
    "event_error",
    "read_asked",
    "stated_usage",
]

_DEPLOYMENT: Final = re.compile(r"/(?:deployments|engines)/([^/]+)/")
"""Where Azure's paths name the model; the body need not repeat it."""

_ALWAYS_SEARCHES: Final = re.compile(r"(^|/)gpt-[\w.-]+-search-")
"""Models of chat completions that search the web before each answer, for a fee."""

_SEARCH_OPTIONS: Final = ("search_context_size", "search_type")

_PENDING: Final = frozenset({"queued", "in_progress"})
_LAST_EVENTS: Final = frozenset({"response.completed", "response.incomplete", "response.failed"})

_BESIDE: Final = (
    "cost",
    "cost_in_usd_ticks",
    "svg_usage",
    "tool_usage",
    "server_side_tool_usage",
)
"""What some state beside the usage, and others in it: it is evidence of the same kind."""


def read_asked(path: str, body: Json) -> Request:
    """What every request of this family says; in a form all values are texts."""
    model = text(body, "model")
    if not model and (deployment := _DEPLOYMENT.search(path)):
        model = deployment[1]
    stream = body.get("stream")
    return Request(
        model=model,
        stream=stream is True or stream == "true",
        service_tier=text(body, "service_tier"),
        user_id=(
            text(body, "safety_identifier")
            or text(body, "user")
            or text(section(body, "metadata") or {}, "user_id")
        ),
        usage=_search_options(body),
    )


def _search_options(body: Json) -> Json | None:
    """How thoroughly the web is to be searched, where the fee depends on it."""
    options = section(body, "web_search_options")
    said = {name: value for name in _SEARCH_OPTIONS if (value := text(options or {}, name))}
    return {CONTEXT: said} if said else None


def stated_usage(body: Json) -> Json | None:
    """The usage object, with a cost that stands beside it."""
    usage = section(body, "usage")
    beside = {key: body[key] for key in _BESIDE if key in body and body[key] is not None}
    return {**beside, **(usage or {})} if beside else usage


def event_error(data: Json) -> str:
    """The name of the error in an error event: it stands in the event, or in an object in it."""
    return error_name(data) or text(data, "code") or UNNAMED_ERROR


def _read_responses_request(path: str, body: Json) -> Request:
    conversation = section(body, "conversation")
    return replace(
        read_asked(path, body),
        conversation_id=text(conversation, "id") if conversation else text(body, "conversation"),
        previous_response_id=text(body, "previous_response_id"),
    )


def _read_chat(body: Json) -> Answer:
    return _read_chunk(Answer(complete=True), "", body)


def _read_chunk(answer: Answer, _name: str, chunk: Json) -> Answer:
    """A chunk looks like the whole body; only the end, `[DONE]`, is no JSON and not seen here."""
    usage, model = _chunk_usage(chunk), text(chunk, "model") or answer.model
    if usage is not None and _ALWAYS_SEARCHES.search(model):
        usage = add_to_usage(usage, {"web_searches": 1})
    return Answer(
        model=model,
        response_id=text(chunk, "id") or answer.response_id,
        finish_reasons=answer.finish_reasons + texts(sections(chunk, "choices"), "finish_reason"),
        service_tier=(
            text(chunk, "service_tier") or text(usage or {}, "service_tier") or answer.service_tier
        ),
        usage=answer.usage if usage is None else usage,
        error_type=error_name(chunk) or answer.error_type,
        complete=answer.complete,
    )


def _chunk_usage(chunk: Json) -> Json | None:
    """Streams of Groq have their usage in `x_groq`, and those of Moonshot in the last choice."""
    usage = stated_usage(chunk)
    if usage is not None:
        return usage
    places = (section(chunk, "x_groq") or {}, *sections(chunk, "choices"))
    return next((usage for place in places if (usage := stated_usage(place)) is not None), None)


def _read_response(body: Json) -> Answer:
    status = text(body, "status")
    reason = text(section(body, "incomplete_details") or {}, "reason") or status
    pending = status in _PENDING
    return Answer(
        model=text(body, "model"),
        response_id=text(body, "id"),
        finish_reasons=(reason,) if reason and not pending else (),
        service_tier=text(body, "service_tier"),
        usage=_response_usage(body),
        error_type=error_name(body),
        complete=not pending,
    )


def _response_usage(body: Json) -> Json | None:
    """The usage, with the calls of OpenAI's own tools that are paid one by one.

    To open a page that was found, or to look for something in it, costs nothing.
    """
    usage, items = stated_usage(body), sections(body, "output")
    if usage is None or not items:
        return usage
    calls = [item for item in items if text(item, "status") != "failed"]
    searches = sum(text(item, "type") == "web_search_call" and _searches(item) for item in calls)
    code = [item for item in calls if text(item, "type") == "code_interpreter_call"]
    counts = {
        "web_searches": searches,
        "storage_searches": sum(text(item, "type") == "file_search_call" for item in calls),
        # Paid is the container, for as long as it is kept, however often it is used.
        "code_executions": len({text(item, "container_id") for item in code}),
        "images": sum(text(item, "type") == "image_generation_call" for item in calls),
    }
    return add_to_usage(usage, counts, _search_tool(body) if searches else {})


def _searches(item: Json) -> bool:
    return text(section(item, "action") or {}, "type") in {"", "search"}


def _search_tool(body: Json) -> dict[str, str]:
    """Which of the tools that search the web was used, as the answer repeats it."""
    for tool in sections(body, "tools"):
        if (kind := text(tool, "type")).startswith("web_search"):
            return {"tool": kind, "search_context_size": text(tool, "search_context_size")}
    return {}


def _read_response_event(answer: Answer, name: str, data: Json) -> Answer:
    kind = text(data, "type") or name
    if kind == "error":
        return replace(answer, error_type=event_error(data))
    response = section(data, "response")
    if response is None:
        return answer
    said = _read_response(response)
    return Answer(
        model=said.model or answer.model,
        response_id=said.response_id or answer.response_id,
        finish_reasons=said.finish_reasons or answer.finish_reasons,
        service_tier=said.service_tier or answer.service_tier,
        usage=answer.usage if said.usage is None else said.usage,
        error_type=said.error_type or answer.error_type,
        complete=answer.complete or kind in _LAST_EVENTS,
    )


def _chat_prompt(body: Json) -> Iterator[str]:
    yield from texts_along(body, "messages.content", "text", "refusal")
    yield from texts_along(body, "messages.tool_calls.function", "name", "arguments")
    yield from texts_along(body, "messages.function_call", "name", "arguments")
    yield from texts_along(body, "tools")
    yield from texts_along(body, "functions")
    yield from texts_along(body, "response_format.json_schema")


def _chat_output(body: Json) -> Iterator[str]:
    for choice in sections(body, "choices"):
        yield from texts_along(choice, "text")
        for part in (section(choice, "message"), section(choice, "delta")):
            yield from _said(part or {})


def _said(part: Json) -> Iterator[str]:
    # Some servers state the reasoning under both names.
    reasoning = text(part, "reasoning_content") or text(part, "reasoning")
    yield from filter(None, (reasoning, text(part, "refusal")))
    yield from texts_along(part, "content", "text")
    yield from texts_along(part, "tool_calls.function", "name", "arguments")
    yield from texts_along(part, "function_call", "name", "arguments")


def _completions_prompt(body: Json) -> Iterator[str]:
    yield from texts_along(body, "prompt")
    yield from texts_along(body, "suffix")


def _response_prompt(body: Json) -> Iterator[str]:
    yield from texts_along(body, "instructions")
    yield from texts_along(body, "input", "name", "arguments", "output")
    yield from texts_along(body, "input.content", "text", "refusal")
    yield from texts_along(body, "input.summary", "text")
    yield from texts_along(body, "tools")
    yield from texts_along(body, "text.format")


def _response_output(body: Json) -> Iterator[str]:
    """Of a stream only what its events add; the last ones repeat the whole."""
    kind = text(body, "type")
    if kind.endswith(".delta") and not kind.endswith("audio.delta"):
        yield from texts_along(body, "delta")
    yield from texts_along(body, "output", "name", "arguments", "input")
    yield from texts_along(body, "output.content", "text", "refusal")
    yield from texts_along(body, "output.summary", "text")


def _embeddings_prompt(body: Json) -> Iterator[str]:
    return texts_along(body, "input")


CHAT: Final = Dialect(
    name="openai.chat",
    operation="chat",
    provider="openai",
    path=re.compile(r"/chat/completions$"),
    read_request=read_asked,
    read_answer=_read_chat,
    read_event=_read_chunk,
    read_prompt=_chat_prompt,
    read_output=_chat_output,
)

COMPLETIONS: Final = Dialect(
    name="openai.completions",
    operation="text_completion",
    provider="openai",
    path=re.compile(r"(?<!/chat)/completions$"),
    read_request=read_asked,
    read_answer=_read_chat,
    read_event=_read_chunk,
    read_prompt=_completions_prompt,
    read_output=_chat_output,
)

RESPONSES: Final = Dialect(
    name="openai.responses",
    operation="chat",
    provider="openai",
    path=re.compile(r"/responses(/compact)?$"),
    read_request=_read_responses_request,
    read_answer=_read_response,
    read_event=_read_response_event,
    read_prompt=_response_prompt,
    read_output=_response_output,
)


def _read_decisions(body: Json) -> Answer:
    """A response whose output costs nothing: the path sets the price."""
    answer = _read_response(body)
    return replace(answer, usage=add_to_usage(answer.usage, context={"api": "decisions"}))


DECISIONS: Final = replace(
    RESPONSES,
    name="openai.decisions",
    path=re.compile(r"/decisions$"),
    shared_path=True,
    read_answer=_read_decisions,
    read_output=no_texts,
)

EMBEDDINGS: Final = Dialect(
    name="openai.embeddings",
    operation="embeddings",
    provider="openai",
    path=re.compile(r"/embeddings$"),
    read_request=read_asked,
    read_answer=_read_chat,
    read_event=_read_chunk,
    read_prompt=_embeddings_prompt,
)

ROWS: Final = (CHAT, COMPLETIONS, RESPONSES, DECISIONS, EMBEDDINGS)
"""The rows of this module in the table of dialects."""
