"""OpenAI's responses, as one body and as a stream of typed events."""

from collections.abc import Iterator

from spanledger.demo.openai_model import STREAM, Thought, dated, padding, service_tier, think
from spanledger.demo.wire import Ask, Reply, compact, indented, new_id, server_sent
from spanledger.demo.wording import Draft, Json, mapping, sequence, whole

__all__ = ["answer_response"]


def answer_response(ask: Ask) -> Reply:
    """Answer `POST /v1/responses`; reasoning stands as an item of its own before the message."""
    effort = mapping(ask.body.get("reasoning")).get("effort", "medium")
    thought = think(ask, limit=whole(ask.body.get("max_output_tokens")), effort=effort)
    response_id = new_id("resp_", 48)
    output = list(_output(thought))
    usage = _response_usage(thought)
    finished: dict[str, object] = {
        **_response_head(ask, response_id),
        "status": "incomplete" if thought.said.truncated else "completed",
        "incomplete_details": {"reason": "max_output_tokens"} if thought.said.truncated else None,
        "output": output,
        "usage": usage,
    }
    return Reply(
        model=str(finished["model"]),
        response_id=response_id,
        usage=usage,
        parts=tuple(_response_events(finished)) if ask.stream else (indented(finished),),
        media_type=STREAM if ask.stream else "application/json",
    )


def _response_usage(thought: Thought) -> Json:
    return {
        "input_tokens": thought.input_tokens,
        "input_tokens_details": {"cached_tokens": thought.cached_tokens, "cache_write_tokens": 0},
        "output_tokens": thought.output_tokens,
        "output_tokens_details": {"reasoning_tokens": thought.reasoning_tokens},
        "total_tokens": thought.input_tokens + thought.output_tokens,
    }


def _response_head(ask: Ask, response_id: str) -> Json:
    body = ask.body
    return {
        "id": response_id,
        "object": "response",
        "created_at": ask.now,
        "status": "in_progress",
        "background": False,
        "error": None,
        "incomplete_details": None,
        "instructions": body.get("instructions"),
        "max_output_tokens": body.get("max_output_tokens"),
        "model": dated(ask.model),
        "output": [],
        "parallel_tool_calls": True,
        "previous_response_id": body.get("previous_response_id"),
        "reasoning": {"effort": mapping(body.get("reasoning")).get("effort"), "summary": None},
        "service_tier": service_tier(ask),
        "store": True,
        "temperature": 1.0,
        "text": {"format": {"type": "text"}, "verbosity": "medium"},
        "tool_choice": "auto",
        "tools": body.get("tools") or [],
        "top_p": 1.0,
        "truncation": "disabled",
        "usage": None,
        "metadata": body.get("metadata") or {},
    }


def _output(thought: Thought) -> Iterator[Json]:
    if thought.reasoning_tokens:
        yield {"id": new_id("rs_", 48), "type": "reasoning", "summary": []}
    yield {
        "id": new_id("msg_", 48),
        "type": "message",
        "status": "incomplete" if thought.said.truncated else "completed",
        "content": [
            {"type": "output_text", "annotations": [], "logprobs": [], "text": thought.said.text}
        ],
        "role": "assistant",
    }


def _response_events(finished: Json) -> Iterator[bytes]:
    begun: Json = {
        **finished,
        "status": "in_progress",
        "incomplete_details": None,
        "output": [],
        "usage": None,
    }
    events: list[Json] = [
        {"type": "response.created", "response": begun},
        {"type": "response.in_progress", "response": begun},
    ]
    for index, item in enumerate(sequence(finished["output"])):
        events.extend(_item_events(index, mapping(item)))
    events.append({"type": f"response.{finished['status']}", "response": finished})
    for number, event in enumerate(events):
        numbered = {"type": event["type"], "sequence_number": number, **event}
        yield server_sent(compact(numbered), event=str(event["type"]))


def _item_events(index: int, item: Json) -> Iterator[Json]:
    where = {"output_index": index}
    if item["type"] != "message":
        yield {"type": "response.output_item.added", **where, "item": item}
        yield {"type": "response.output_item.done", **where, "item": item}
        return
    begun: Json = {**item, "status": "in_progress", "content": []}
    yield {"type": "response.output_item.added", **where, "item": begun}
    yield from _text_events(
        {"item_id": item["id"], **where, "content_index": 0},
        mapping(sequence(item["content"])[0]),
    )
    yield {"type": "response.output_item.done", **where, "item": item}


def _text_events(where: Json, part: Json) -> Iterator[Json]:
    text = str(part["text"])
    yield {"type": "response.content_part.added", **where, "part": {**part, "text": ""}}
    for piece in Draft(text=text, tokens=0, truncated=False).pieces():
        frame: Json = {"logprobs": [], "obfuscation": padding(piece)}
        yield {"type": "response.output_text.delta", **where, "delta": piece, **frame}
    yield {"type": "response.output_text.done", **where, "logprobs": [], "text": text}
    yield {"type": "response.content_part.done", **where, "part": part}
