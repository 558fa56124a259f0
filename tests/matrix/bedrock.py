"""Bedrock's wire formats: Converse and InvokeModel, whole and as AWS event streams."""

import base64
import json
import struct
from collections.abc import Sequence
from typing import Any, Final
from zlib import crc32

from starlette.requests import Request
from starlette.routing import Route

from spanledger.demo.wire import Delivery
from tests.matrix.wires import JSON, TEXT, WORDS, Body, packed

STREAM: Final = "application/vnd.amazon.eventstream"
REQUEST_ID: Final = "9b3f0c1e-2b7e-4f43-9f0a-1d7f4c1c7b11"

CONVERSE_USAGE: Final = {
    "inputTokens": 30,
    "outputTokens": 12,
    "totalTokens": 352,
    "cacheReadInputTokens": 300,
    "cacheWriteInputTokens": 10,
}
CLAUDE_USAGE: Final = {
    "input_tokens": 21,
    "cache_creation_input_tokens": 0,
    "cache_read_input_tokens": 100,
    "output_tokens": 17,
}


def frame(headers: dict[str, str], payload: bytes) -> bytes:
    """One message of an AWS event stream: lengths, both checksums, headers of type string."""
    encoded = b"".join(
        struct.pack(f"!B{len(name)}sBH", len(name), name.encode(), 7, len(value)) + value.encode()
        for name, value in headers.items()
    )
    prelude = struct.pack("!II", 16 + len(encoded) + len(payload), len(encoded))
    head = prelude + struct.pack("!I", crc32(prelude)) + encoded + payload
    return head + struct.pack("!I", crc32(head))


def event(kind: str, body: object) -> bytes:
    """An event with a JSON payload."""
    headers = {":event-type": kind, ":content-type": JSON, ":message-type": "event"}
    return frame(headers, packed(body).encode())


def converse(_body: Body) -> bytes:
    """Converse, whole."""
    message = {"role": "assistant", "content": [{"text": TEXT}]}
    return packed(
        {
            "metrics": {"latencyMs": 551},
            "output": {"message": message},
            "stopReason": "end_turn",
            "usage": CONVERSE_USAGE,
        }
    ).encode()


def converse_stream(_body: Body) -> Sequence[bytes]:
    """Converse, streamed: the usage comes after the end of the message."""
    deltas = [
        event("contentBlockDelta", {"contentBlockIndex": 0, "delta": {"text": word}, "p": "abcd"})
        for word in WORDS
    ]
    return [
        event("messageStart", {"role": "assistant", "p": "abcdefgh"}),
        *deltas,
        event("contentBlockStop", {"contentBlockIndex": 0, "p": "abc"}),
        event("messageStop", {"stopReason": "end_turn", "p": "abcdef"}),
        event("metadata", {"metrics": {"latencyMs": 551}, "usage": CONVERSE_USAGE, "p": "a"}),
    ]


def claude(_body: Body) -> bytes:
    """Anthropic's message, as InvokeModel hands it on."""
    return packed(
        {
            "model": "claude-haiku-4-5-20251001",
            "id": "msg_bdrk_01Xh",
            "type": "message",
            "role": "assistant",
            "content": [{"type": "text", "text": TEXT}],
            "stop_reason": "end_turn",
            "stop_sequence": None,
            "usage": CLAUDE_USAGE,
        }
    ).encode()


def claude_stream(_body: Body) -> Sequence[bytes]:
    """Anthropic's events, each in base64 within a `chunk`; the last carries Bedrock's metrics."""
    begun: dict[str, Any] = {**json.loads(claude({})), "content": [], "stop_reason": None}
    begun["usage"] = {**CLAUDE_USAGE, "output_tokens": 1}
    said = [
        {"type": "message_start", "message": begun},
        {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
        *(
            {
                "type": "content_block_delta",
                "index": 0,
                "delta": {"type": "text_delta", "text": word},
            }
            for word in WORDS
        ),
        {"type": "content_block_stop", "index": 0},
        {
            "type": "message_delta",
            "delta": {"stop_reason": "end_turn", "stop_sequence": None},
            "usage": {"output_tokens": 17},
        },
        {
            "type": "message_stop",
            "amazon-bedrock-invocationMetrics": {
                "inputTokenCount": 21,
                "outputTokenCount": 17,
                "invocationLatency": 1056,
                "firstByteLatency": 413,
                "cacheReadInputTokenCount": 100,
                "cacheWriteInputTokenCount": 0,
            },
        },
    ]
    return [
        event("chunk", {"bytes": base64.b64encode(packed(one).encode()).decode(), "p": "abcdefg"})
        for one in said
    ]


ERRORS: Final = {
    401: "UnrecognizedClientException",
    429: "ThrottlingException",
    500: "InternalServerException",
}

ANSWERS: Final = {
    "converse": converse,
    "converse-stream": converse_stream,
    "invoke": claude,
    "invoke-with-response-stream": claude_stream,
}


def _route(action: str) -> Route:
    async def respond(request: Request) -> Delivery:
        fault = request.headers.get("x-simulate", "")
        head = {"x-amzn-requestid": REQUEST_ID}
        if fault.isdigit():
            head |= {"content-type": JSON, "x-amzn-errortype": ERRORS[int(fault)]}
            return Delivery(status=int(fault), parts=[b'{"message":"No."}'], headers=head)
        said = ANSWERS[action](await request.json())
        whole = isinstance(said, bytes)
        if action == "invoke":
            head |= {
                "x-amzn-bedrock-input-token-count": "21",
                "x-amzn-bedrock-output-token-count": "17",
                "x-amzn-bedrock-cache-read-input-token-count": "100",
                "x-amzn-bedrock-cache-write-input-token-count": "0",
                "x-amzn-bedrock-invocation-latency": "1056",
            }
        elif action.startswith("invoke"):
            head |= {"x-amzn-bedrock-content-type": JSON}
        return Delivery(
            status=200,
            parts=[said] if isinstance(said, bytes) else said,
            headers={**head, "content-type": JSON if whole else STREAM},
            stream=not whole,
            cut=fault == "disconnect",
        )

    return Route(f"/bedrock/model/{{model}}/{action}", respond, methods=["POST"])


BEDROCK_ROUTES: Final = [_route(action) for action in ANSWERS]
