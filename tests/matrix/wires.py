"""The wire formats that the demo's provider does not speak, with usage that is stated literally."""

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from starlette.requests import Request
from starlette.routing import Route

from spanledger.demo.wire import Delivery, server_sent

JSON: Final = "application/json"
EVENTS: Final = "text/event-stream; charset=utf-8"
NDJSON: Final = "application/x-ndjson"

WORDS: Final = ("The answer ", "is ", "forty-two.")
TEXT: Final = "".join(WORDS)

Body = Mapping[str, Any]
Said = tuple[str, Sequence[bytes]]
"""Content type and the pieces of the body."""


def packed(value: object) -> str:
    """JSON as most providers write it."""
    return json.dumps(value, separators=(",", ":"))


def whole(value: object) -> Said:
    """One JSON body."""
    return JSON, [packed(value).encode()]


def lines(values: Sequence[object]) -> Said:
    """A JSON object a line."""
    return NDJSON, [packed(value).encode() + b"\n" for value in values]


def events(values: Sequence[tuple[str, object]], last: str = "[DONE]") -> Said:
    """Server-sent events: (event name or '', data)."""
    sent = [server_sent(packed(value), event=name) for name, value in values]
    return EVENTS, [*sent, *([server_sent(last)] if last else [])]


def chat(body: Body, *, usage: Body, extra: Body | None = None) -> Said:
    """Chat completions of those who took OpenAI's format over; usage stands in the last chunk."""
    head = {"id": "cmpl-e5cc70bb28c444948073e77776eb30ef", "created": 1763800000}
    head |= {"model": body["model"]}
    if not body.get("stream"):
        message = {"role": "assistant", "content": TEXT, "tool_calls": None}
        choice: Body = {"index": 0, "message": message, "finish_reason": "stop"}
        return whole({**head, "object": "chat.completion", "choices": [choice], "usage": usage})
    head |= {"object": "chat.completion.chunk"}
    deltas = [{"role": "assistant", "content": ""}, *({"content": word} for word in WORDS)]
    chunks: list[tuple[str, object]] = [
        ("", {**head, "choices": [{"index": 0, "delta": delta, "finish_reason": None}]})
        for delta in deltas
    ]
    end = {"index": 0, "delta": {"content": ""}, "finish_reason": "stop"}
    chunks.append(("", {**head, "choices": [end], **(extra or {"usage": usage})}))
    return events(chunks)


def mistral_chat(body: Body) -> Said:
    """Mistral's chat completions."""
    usage = {"prompt_tokens": 15, "completion_tokens": 9, "total_tokens": 24}
    return chat(body, usage=usage)


def mistral_embeddings(body: Body) -> Said:
    """Mistral's embeddings."""
    usage = {"prompt_tokens": 6, "completion_tokens": 0, "total_tokens": 6}
    data = [{"object": "embedding", "index": 0, "embedding": [0.1, -0.2]}]
    return whole(
        {"id": "9f1", "object": "list", "model": body["model"], "data": data, "usage": usage}
    )


def groq_chat(body: Body) -> Said:
    """Groq's chat completions: timings among the usage, which a stream states under `x_groq`."""
    usage = {
        "queue_time": 0.0379,
        "prompt_tokens": 38,
        "prompt_time": 0.0021,
        "completion_tokens": 11,
        "completion_time": 0.0147,
        "total_tokens": 49,
        "total_time": 0.0168,
        "prompt_tokens_details": {"cached_tokens": 32},
    }
    return chat(
        body, usage=usage, extra={"x_groq": {"id": "req_01jbd6g2qdfw2adyrt2az", "usage": usage}}
    )


def cohere_chat(body: Body) -> Said:
    """Cohere's chat of version 2: counted tokens, and those that are billed."""
    usage = {
        "billed_units": {"input_tokens": 5, "output_tokens": 8},
        "tokens": {"input_tokens": 71, "output_tokens": 9},
    }
    head = {"id": "c14c80c3-18eb-4519-9460-6c92edd8cfb4"}
    if not body.get("stream"):
        message = {"role": "assistant", "content": [{"type": "text", "text": TEXT}]}
        return whole({**head, "finish_reason": "COMPLETE", "message": message, "usage": usage})
    start: Body = {
        "role": "assistant",
        "content": [],
        "tool_plan": "",
        "tool_calls": [],
        "citations": [],
    }
    said: list[tuple[str, dict[str, Any]]] = [
        ("message-start", {**head, "delta": {"message": start}}),
        (
            "content-start",
            {"index": 0, "delta": {"message": {"content": {"type": "text", "text": ""}}}},
        ),
        *(
            ("content-delta", {"index": 0, "delta": {"message": {"content": {"text": word}}}})
            for word in WORDS
        ),
        ("content-end", {"index": 0}),
        ("message-end", {"delta": {"finish_reason": "COMPLETE", "usage": usage}}),
    ]
    return events([(name, {"type": name, **data}) for name, data in said])


def cohere_embed(body: Body) -> Said:
    """Cohere's embeddings."""
    meta = {"api_version": {"version": "2"}, "billed_units": {"input_tokens": 7}}
    return whole(
        {
            "id": "5807ee2e-0cda-445a-9ec8-864c60a06606",
            "embeddings": {"float": [[0.0167, -0.0412]]},
            "texts": body.get("texts"),
            "meta": meta,
            "response_type": "embeddings_by_type",
        }
    )


def cohere_rerank(_body: Body) -> Said:
    """Cohere's reranking, which costs by the search."""
    meta = {"api_version": {"version": "2"}, "billed_units": {"search_units": 1}}
    results = [{"index": 1, "relevance_score": 0.98}, {"index": 0, "relevance_score": 0.12}]
    return whole({"id": "07734bd2-2473-4f07-94e1-0d9f0e6843cf", "results": results, "meta": meta})


def ollama_chat(body: Body) -> Said:
    """Ollama's own chat: a stream, unless it is told otherwise."""
    head = {"model": body["model"], "created_at": "2026-11-22T04:00:00.000000Z"}
    last = {
        "done": True,
        "done_reason": "stop",
        "total_duration": 4883583458,
        "load_duration": 1334875,
        "prompt_eval_count": 26,
        "prompt_eval_duration": 342546000,
        "eval_count": 13,
        "eval_duration": 4535599000,
    }
    field = "message" if "messages" in body else "response"

    def said(text: str) -> object:
        return {"role": "assistant", "content": text} if field == "message" else text

    if body.get("stream") is False:
        return whole({**head, field: said(TEXT), **last})
    chunks = [{**head, field: said(word), "done": False} for word in WORDS]
    return lines([*chunks, {**head, field: said(""), **last}])


def ollama_embed(body: Body) -> Said:
    """Ollama's own embeddings."""
    return whole(
        {
            "model": body["model"],
            "embeddings": [[0.0100, -0.0017]],
            "total_duration": 14143917,
            "load_duration": 1019500,
            "prompt_eval_count": 8,
        }
    )


def openai_completions(body: Body) -> Said:
    """OpenAI's older completions."""
    usage = {"prompt_tokens": 5, "completion_tokens": 7, "total_tokens": 12}
    head = {"id": "cmpl-uqkvlQyYK7bGYrRHQ0eXlWi7", "object": "text_completion"}
    head |= {"model": "gpt-3.5-turbo-instruct:20230824-v2"}
    created = {"created": 1763800000}
    if not body.get("stream"):
        choice = {"text": TEXT, "index": 0, "logprobs": None, "finish_reason": "stop"}
        return whole({**head, **created, "choices": [choice], "usage": usage})
    chunks = [
        {"choices": [{"text": word, "index": 0, "logprobs": None, "finish_reason": None}]}
        for word in WORDS
    ]
    return events(
        [
            *(("", {**head, **created, **chunk, "usage": None}) for chunk in chunks),
            ("", {**head, **created, "choices": [], "usage": usage}),
        ]
    )


def openai_images(body: Body) -> Said:
    """OpenAI's images, with the usage of the models that state one."""
    usage = {
        "total_tokens": 1106,
        "input_tokens": 50,
        "output_tokens": 1056,
        "input_tokens_details": {"text_tokens": 10, "image_tokens": 40},
    }
    image = {"b64_json": "aGk=", "created_at": 1763800000, "size": "1024x1024", "quality": "low"}
    image |= {"background": "opaque", "output_format": "png"}
    if not body.get("stream"):
        return whole({"created": 1763800000, "data": [{"b64_json": "aGk="}], "usage": usage})
    kinds = (
        ("image_generation.partial_image", {"partial_image_index": 0}),
        (
            "image_generation.completed",
            {"usage": usage},
        ),
    )
    return events([(kind, {"type": kind, **image, **more}) for kind, more in kinds], last="")


def openai_transcription(body: Body) -> Said:
    """OpenAI's transcriptions, with the usage of the models that state tokens."""
    usage = {
        "type": "tokens",
        "total_tokens": 45,
        "input_tokens": 14,
        "output_tokens": 31,
        "input_token_details": {"text_tokens": 4, "audio_tokens": 10},
    }
    if not body.get("stream"):
        return whole({"text": TEXT, "usage": usage})
    said = [{"type": "transcript.text.delta", "delta": word} for word in WORDS]
    last = {"type": "transcript.text.done", "text": TEXT, "usage": usage}
    return events([("", event) for event in (*said, last)], last="")


def openai_speech(body: Body) -> Said:
    """OpenAI's speech: sound, and no word about usage; or events, of which the last states it."""
    if body.get("stream_format") != "sse":
        return "audio/mpeg", [b"\xff\xf3\xe4\xc4" + bytes(200)]
    usage = {"input_tokens": 14, "output_tokens": 101, "total_tokens": 115}
    said = [{"type": "speech.audio.delta", "audio": "SUQzBAAAAAAA"}] * 3
    return events(
        [("", event) for event in (*said, {"type": "speech.audio.done", "usage": usage})], last=""
    )


def gemini_embeddings(_body: Body) -> Said:
    """Gemini's embeddings of many texts, which state no usage."""
    return whole({"embeddings": [{"values": [0.013, -0.02]}]})


def voyage_embeddings(body: Body) -> Said:
    """Voyage's embeddings: OpenAI's format with a usage of its own."""
    data = [{"object": "embedding", "embedding": [0.02, -0.01], "index": 0}]
    return whole(
        {"object": "list", "data": data, "model": body["model"], "usage": {"total_tokens": 10}}
    )


def voyage_multimodal(body: Body) -> Said:
    """Voyage's embeddings of texts with images."""
    usage = {"text_tokens": 5, "image_pixels": 2_000_000, "total_tokens": 3576}
    return whole({**json.loads(voyage_embeddings(body)[1][0]), "usage": usage})


def voyage_rerank(body: Body) -> Said:
    """Voyage's reranking, which costs by the token."""
    data = [{"relevance_score": 0.43, "index": 0}, {"relevance_score": 0.12, "index": 1}]
    return whole(
        {"object": "list", "data": data, "model": body["model"], "usage": {"total_tokens": 26}}
    )


OPENAI_ERROR: Final = {"error": {"message": "No.", "type": "some_error", "code": "some_code"}}

WIRES: Final[Mapping[str, tuple[Callable[[Body], Said], object]]] = {
    "/mistral/v1/chat/completions": (
        mistral_chat,
        {"object": "error", "message": "No.", "type": "some_error", "param": None, "code": "1900"},
    ),
    "/mistral/v1/embeddings": (mistral_embeddings, {"object": "error", "message": "No."}),
    "/groq/openai/v1/chat/completions": (groq_chat, OPENAI_ERROR),
    "/cohere/v2/chat": (cohere_chat, {"id": "a1", "message": "No."}),
    "/cohere/v2/embed": (cohere_embed, {"id": "a1", "message": "No."}),
    "/cohere/v2/rerank": (cohere_rerank, {"id": "a1", "message": "No."}),
    "/ollama/api/chat": (ollama_chat, {"error": "No."}),
    "/ollama/api/generate": (ollama_chat, {"error": "No."}),
    "/ollama/api/embed": (ollama_embed, {"error": "No."}),
    "/openai/v1/completions": (openai_completions, OPENAI_ERROR),
    "/openai/v1/images/generations": (openai_images, OPENAI_ERROR),
    "/openai/v1/audio/transcriptions": (openai_transcription, OPENAI_ERROR),
    "/openai/v1/audio/speech": (openai_speech, OPENAI_ERROR),
    "/gemini/v1/models/gemini-embedding-001:batchEmbedContents": (
        gemini_embeddings,
        {"error": {"code": 400, "message": "No.", "status": "SOME_ERROR"}},
    ),
    "/voyage/v1/embeddings": (voyage_embeddings, {"detail": "No."}),
    "/voyage/v1/multimodalembeddings": (voyage_multimodal, {"detail": "No."}),
    "/voyage/v1/rerank": (voyage_rerank, {"detail": "No."}),
}
"""Path -> how it answers, and the body of its errors."""


def _route(path: str, answer: Callable[[Body], Said], error: object) -> Route:
    async def respond(request: Request) -> Delivery:
        fault = request.headers.get("x-simulate", "")
        if fault.isdigit():
            return Delivery(
                status=int(fault), parts=[packed(error).encode()], headers={"content-type": JSON}
            )
        media_type, parts = answer(await _asked(request))
        return Delivery(
            status=200,
            parts=parts,
            headers={"content-type": media_type},
            stream=len(parts) > 1,
            cut=fault == "disconnect",
        )

    return Route(path, respond, methods=["POST"])


async def _asked(request: Request) -> Body:
    if request.headers["content-type"].startswith("multipart/"):
        return {"stream": b'name="stream"' in await request.body()}
    return await request.json()


ROUTES: Final = [_route(path, answer, error) for path, (answer, error) in WIRES.items()]
