"""The Gemini API's wire format: generateContent and streamGenerateContent."""

import zlib
from collections.abc import Iterator, Mapping
from typing import Final

from spanledger.demo.wire import (
    Ask,
    Endpoint,
    Habits,
    Reply,
    compact,
    indented,
    new_id,
    server_sent,
)
from spanledger.demo.wording import Draft, Json, count_tokens, draft, mapping, prompt_of, whole

__all__ = ["ENDPOINTS", "HABITS"]

_CACHE_MINIMUM: Final = 1024
_CACHE_BLOCK: Final = 128
_THINKERS: Final = ("gemini-2.5-pro", "gemini-2.5-flash", "gemini-3")
_NOT_BY_DEFAULT: Final = "flash-lite"


def _answer(ask: Ask) -> Reply:
    prompt = prompt_of(ask.body)
    config = mapping(ask.body.get("generationConfig"))
    said = draft(prompt, whole(config.get("maxOutputTokens")))
    usage = _usage(ask, prompt, said, config)
    head: dict[str, object] = {
        "modelVersion": ask.model.removeprefix("models/"),
        "responseId": new_id("", 22),
    }
    chunks = list(_chunks(said, usage, head)) if ask.stream else []
    return Reply(
        model=str(head["modelVersion"]),
        response_id=str(head["responseId"]),
        usage=usage,
        parts=_stream(chunks, array=ask.array)
        if ask.stream
        else (indented(_body(said.text, said, usage, head)),),
        media_type=(
            "text/event-stream"
            if ask.stream and not ask.array
            else "application/json; charset=UTF-8"
        ),
    )


def _usage(ask: Ask, prompt: str, said: Draft, config: Json) -> Json:
    """Zero counts are left out, as Google's JSON does; thoughts stand beside the candidates."""
    read, thoughts = count_tokens(prompt), _thoughts(ask.model, prompt, config)
    cached = ask.cache.reuse(
        f"gemini/{ask.model}", prompt, minimum=_CACHE_MINIMUM, block=_CACHE_BLOCK
    )
    counts: dict[str, object] = {
        "promptTokenCount": read,
        "candidatesTokenCount": said.tokens,
        "totalTokenCount": read + said.tokens + thoughts,
        "cachedContentTokenCount": cached,
        "promptTokensDetails": [{"modality": "TEXT", "tokenCount": read}],
        "cacheTokensDetails": [{"modality": "TEXT", "tokenCount": cached}] if cached else 0,
        "thoughtsTokenCount": thoughts,
    }
    return {name: count for name, count in counts.items() if count}


def _thoughts(model: str, prompt: str, config: Json) -> int:
    if not model.startswith(_THINKERS):
        return 0
    thinking = mapping(config.get("thinkingConfig"))
    # Google reads both spellings, and its own SDK sends this one field in the second.
    budget = thinking.get("thinkingBudget", thinking.get("thinking_budget"))
    if budget == 0 or (budget is None and _NOT_BY_DEFAULT in model):
        return 0
    thoughts = 37 + zlib.crc32(prompt.encode()) % 400
    limit = whole(budget)
    return thoughts if limit is None else min(thoughts, limit)


def _body(text: str, said: Draft | None, usage: Json, head: Json) -> Json:
    candidate: dict[str, object] = {
        "content": {"parts": [{"text": text}], "role": "model"},
        "index": 0,
    }
    if said is not None:
        candidate["finishReason"] = "MAX_TOKENS" if said.truncated else "STOP"
    return {"candidates": [candidate], "usageMetadata": usage, **head}


def _chunks(said: Draft, usage: Json, head: Json) -> Iterator[Json]:
    """Each chunk states the usage so far; only the last is whole."""
    *early, last = said.pieces()
    sofar = 0
    for piece in early:
        sofar += count_tokens(piece)
        yield _body(piece, None, {**usage, "candidatesTokenCount": min(sofar, said.tokens)}, head)
    yield _body(last, said, usage, head)


def _stream(chunks: list[Json], *, array: bool) -> tuple[bytes, ...]:
    if not array:
        return tuple(server_sent(compact(chunk), newline="\r\n") for chunk in chunks)
    opened = (b"[" if n == 0 else b",\r\n" for n in range(len(chunks)))
    bodies = (start + indented(chunk) for start, chunk in zip(opened, chunks, strict=True))
    return (*bodies, b"]")


def _headers(request_id: str, status: int) -> Mapping[str, str]:
    del request_id  # the Gemini API states none
    return {
        "vary": "Origin, X-Origin, Referer",
        "server": "scaffolding on HTTPServer2",
        "x-xss-protection": "0",
        "x-frame-options": "SAMEORIGIN",
        "x-content-type-options": "nosniff",
        "server-timing": "gfet4t7; dur=7",
        **({"retry-after": "1"} if status == 429 else {}),
    }


_RETRY_INFO: Final = {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "1s"}

_ERRORS: Final = {
    400: ("INVALID_ARGUMENT", "Invalid JSON payload received."),
    401: ("UNAUTHENTICATED", "Request had invalid authentication credentials."),
    404: ("NOT_FOUND", "Requested entity was not found."),
    429: ("RESOURCE_EXHAUSTED", "You exceeded your current quota."),
    500: ("INTERNAL", "An internal error has occurred."),
}


def _error(status: int, request_id: str, detail: str) -> bytes:
    del request_id
    name, message = _ERRORS[status]
    error: dict[str, object] = {"code": status, "message": detail or message, "status": name}
    if status == 429:
        error["details"] = [_RETRY_INFO]
    return indented({"error": error})


HABITS: Final = Habits(
    provider="gcp.gemini",
    prefix="/gemini",
    key_headers=("x-goog-api-key",),
    key_in_url=True,
    gzip_streams=True,
    headers=_headers,
    error=_error,
)

_VERSIONS: Final = ("v1", "v1beta")
"""google-genai 3 asks `v1` unless told otherwise; its elders and most tutorials `v1beta`."""

ENDPOINTS: Final = tuple(
    Endpoint(path=f"/gemini/{version}/models/{{model}}:{call}", answer=_answer, stream=stream)
    for version in _VERSIONS
    for call, stream in (("generateContent", False), ("streamGenerateContent", True))
)
