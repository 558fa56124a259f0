"""Anthropic's wire format: messages."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Final

from spanledger.demo.prompt_cache import CacheUse, Lifetime, Segment
from spanledger.demo.wire import Ask, Endpoint, Habits, Reply, compact, new_id, server_sent
from spanledger.demo.wording import (
    Draft,
    Json,
    count_tokens,
    draft,
    mapping,
    sequence,
    texts_of,
    whole,
)

__all__ = ["ENDPOINTS", "HABITS"]

_DATED: Final = {
    "claude-opus-4-5": "claude-opus-4-5-20251101",
    "claude-sonnet-4-5": "claude-sonnet-4-5-20250929",
    "claude-haiku-4-5": "claude-haiku-4-5-20251001",
}

_CACHE_MINIMUM: Final = 1024
_OVERHEAD_TOKENS: Final = 7
"""What the frame of a conversation costs; never cached."""
_FIRST_OUTPUT_TOKENS: Final = 1
"""A stream's first word on usage comes before the text; its last word is the one that counts."""


def _answer(ask: Ask) -> Reply:
    segments = list(_segments(ask.body))
    said = draft("\n".join(segment.text for segment in segments), whole(ask.body.get("max_tokens")))
    cache = ask.cache.use(f"anthropic/{ask.model}", segments, minimum=_CACHE_MINIMUM)
    usage = _usage(segments, cache, said)
    message: dict[str, object] = {
        "model": _DATED.get(ask.model, ask.model),
        "id": new_id("msg_01", 22),
        "type": "message",
        "role": "assistant",
        "content": [{"type": "text", "text": said.text}],
        "stop_reason": "max_tokens" if said.truncated else "end_turn",
        "stop_sequence": None,
        "usage": usage,
    }
    return Reply(
        model=str(message["model"]),
        response_id=str(message["id"]),
        usage=usage,
        parts=tuple(_events(message, said)) if ask.stream else (compact(message).encode(),),
        media_type="text/event-stream; charset=utf-8" if ask.stream else "application/json",
    )


def _segments(body: Json) -> Iterator[Segment]:
    """The prompt in the order in which Anthropic caches it: tools, system, messages."""
    for tool in sequence(body.get("tools")):
        yield Segment(compact(tool), _lifetime(tool))
    yield from _content_segments(body.get("system"))
    for message in sequence(body.get("messages")):
        yield from _content_segments(mapping(message).get("content"))


def _content_segments(content: object) -> Iterator[Segment]:
    if isinstance(content, str):
        yield Segment(content)
    for block in sequence(content):
        yield Segment("\n".join(texts_of(block)), _lifetime(block))


def _lifetime(block: object) -> Lifetime | None:
    control = mapping(mapping(block).get("cache_control"))
    if not control:
        return None
    return "1h" if control.get("ttl") == "1h" else "5m"


def _usage(segments: list[Segment], cache: CacheUse, said: Draft) -> Json:
    total = sum(count_tokens(segment.text) for segment in segments) + _OVERHEAD_TOKENS
    return {
        "input_tokens": total - cache.read - cache.written,
        "cache_creation_input_tokens": cache.written,
        "cache_read_input_tokens": cache.read,
        "cache_creation": {
            "ephemeral_5m_input_tokens": cache.written_5m,
            "ephemeral_1h_input_tokens": cache.written_1h,
        },
        "output_tokens": said.tokens,
        "service_tier": "standard",
    }


def _events(message: Json, said: Draft) -> Iterator[bytes]:
    usage = mapping(message["usage"])
    early = {**usage, "output_tokens": _FIRST_OUTPUT_TOKENS}
    begun: Json = {**message, "content": [], "stop_reason": None, "usage": early}
    stop = {"stop_reason": message["stop_reason"], "stop_sequence": None}
    late = {
        name: usage[name]
        for name in (
            "input_tokens",
            "cache_creation_input_tokens",
            "cache_read_input_tokens",
            "output_tokens",
        )
    }
    yield _event("message_start", {"message": begun})
    yield _event("content_block_start", {"index": 0, "content_block": {"type": "text", "text": ""}})
    yield server_sent('{"type": "ping"}', event="ping")
    for piece in said.pieces():
        delta = {"type": "text_delta", "text": piece}
        yield _event("content_block_delta", {"index": 0, "delta": delta})
    yield _event("content_block_stop", {"index": 0})
    yield _event("message_delta", {"delta": stop, "usage": late})
    yield _event("message_stop", {})


def _event(name: str, data: Json) -> bytes:
    """Anthropic pads events with spaces before the last brace."""
    text = compact({"type": name, **data})
    return server_sent(f"{text[:-1]}{' ' * (len(text) % 15)}}}", event=name)


def _headers(request_id: str, status: int) -> Mapping[str, str]:
    reset = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    limits = {"requests": 4000, "input-tokens": 2000000, "output-tokens": 400000, "tokens": 2400000}
    rates = {
        f"anthropic-ratelimit-{what}-{which}": value
        for what, limit in limits.items()
        for which, value in (("limit", f"{limit}"), ("remaining", f"{limit}"), ("reset", reset))
    }
    return {
        "server": "cloudflare",
        "request-id": request_id,
        "anthropic-organization-id": "00000000-0000-4000-8000-000000000000",
        "strict-transport-security": "max-age=31536000; includeSubDomains; preload",
        **rates,
        **({"retry-after": "1"} if status == 429 else {}),
    }


_ERRORS: Final = {
    400: ("invalid_request_error", "The request body is not valid JSON."),
    401: ("authentication_error", "invalid x-api-key"),
    404: ("not_found_error", "Not found"),
    429: ("rate_limit_error", "This request would exceed your organization's rate limit."),
    500: ("api_error", "Internal server error"),
}


def _error(status: int, request_id: str, detail: str) -> bytes:
    kind, message = _ERRORS[status]
    error = {"type": kind, "message": detail or message}
    return compact({"type": "error", "error": error, "request_id": request_id}).encode()


HABITS: Final = Habits(
    provider="anthropic",
    prefix="/anthropic",
    key_headers=("x-api-key", "authorization"),
    gzip_streams=True,
    headers=_headers,
    error=_error,
)

ENDPOINTS: Final = (Endpoint(path="/anthropic/v1/messages", answer=_answer),)
