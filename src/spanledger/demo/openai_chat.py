"""OpenAI's chat completions, as one body and as a stream."""

from collections.abc import Iterator

from spanledger.demo.openai_model import STREAM, Thought, dated, padding, service_tier, think
from spanledger.demo.wire import Ask, Reply, compact, indented, new_id, server_sent
from spanledger.demo.wording import Draft, Json, mapping, whole

__all__ = ["answer_chat"]


def answer_chat(ask: Ask) -> Reply:
    """Answer `POST /v1/chat/completions`; a stream states usage only where it is asked to."""
    body = ask.body
    limit = whole(body.get("max_completion_tokens")) or whole(body.get("max_tokens"))
    thought = think(ask, limit=limit, effort=body.get("reasoning_effort", "medium"))
    usage = _chat_usage(thought)
    head: dict[str, object] = {
        "id": new_id("chatcmpl-", 29),
        "object": "chat.completion.chunk" if ask.stream else "chat.completion",
        "created": ask.now,
        "model": dated(ask.model),
    }
    tail = {"service_tier": service_tier(ask), "system_fingerprint": "fp_5de11a0c01"}
    told = not ask.stream or bool(mapping(body.get("stream_options")).get("include_usage"))
    return Reply(
        model=str(head["model"]),
        response_id=str(head["id"]),
        usage=usage if told else None,
        parts=(
            tuple(_chat_events(head | tail, thought.said, usage if told else None))
            if ask.stream
            else (indented(head | {"choices": [_choice(thought.said)], "usage": usage} | tail),)
        ),
        media_type=STREAM if ask.stream else "application/json",
    )


def _chat_usage(thought: Thought) -> Json:
    return {
        "prompt_tokens": thought.input_tokens,
        "completion_tokens": thought.output_tokens,
        "total_tokens": thought.input_tokens + thought.output_tokens,
        "prompt_tokens_details": {"cached_tokens": thought.cached_tokens, "audio_tokens": 0},
        "completion_tokens_details": {
            "reasoning_tokens": thought.reasoning_tokens,
            "audio_tokens": 0,
            "accepted_prediction_tokens": 0,
            "rejected_prediction_tokens": 0,
        },
    }


def _choice(said: Draft) -> Json:
    return {
        "index": 0,
        "message": {
            "role": "assistant",
            "content": said.text,
            "refusal": None,
            "annotations": [],
        },
        "logprobs": None,
        "finish_reason": "length" if said.truncated else "stop",
    }


def _chat_events(head: Json, said: Draft, usage: Json | None) -> Iterator[bytes]:
    def chunk(delta: Json, finish_reason: str | None = None) -> bytes:
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish_reason}
        return _chunk({**head, "choices": [choice], **({"usage": None} if usage else {})})

    yield chunk({"role": "assistant", "content": "", "refusal": None})
    for piece in said.pieces():
        yield chunk({"content": piece})
    yield chunk({}, "length" if said.truncated else "stop")
    if usage is not None:
        yield _chunk({**head, "choices": [], "usage": usage})
    yield server_sent("[DONE]")


def _chunk(body: Json) -> bytes:
    """Chunks are padded to hide how long their words are."""
    return server_sent(compact({**body, "obfuscation": padding(compact(body))}))
