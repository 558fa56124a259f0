"""The other side of benchmarks/capture.py: a provider, a collector, or one that never answers."""

import gzip
import json
import socket
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Final

CHUNKS: Final = 200
GAP_S: Final = 0.0002
WORDS: Final = "The figures of last month agree with the invoice line by line, save for one. "


def main() -> None:
    """Listen on a free port, say which, and serve until the process is ended."""
    answer = {"provider": _provide, "sink": _take, "hole": _hang}[sys.argv[1]]
    listener = socket.create_server(("127.0.0.1", 0), backlog=128)
    print(f"http://127.0.0.1:{listener.getsockname()[1]}", flush=True)
    while True:
        connection, _ = listener.accept()
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        threading.Thread(target=_serve, args=(connection, answer), daemon=True).start()


def _serve(connection: socket.socket, answer: Callable[[socket.socket, bytes], None]) -> None:
    received = b""
    with suppress(ConnectionError), connection:
        while True:
            while b"\r\n\r\n" not in received:
                data = connection.recv(65536)
                if not data:
                    return
                received += data
            head, _, received = received.partition(b"\r\n\r\n")
            lengths = [
                line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")
            ]
            length = int(lengths[0].split(b":")[1]) if lengths else 0
            while len(received) < length:
                received += connection.recv(65536)
            body, received = received[:length], received[length:]
            answer(connection, body)


def _provide(connection: socket.socket, body: bytes) -> None:
    if b'"stream":true' not in body.replace(b" ", b""):
        connection.sendall(CHAT)
        return
    connection.sendall(STREAM_HEAD)
    for event in EVENTS:
        connection.sendall(event)
        time.sleep(GAP_S)


def _take(connection: socket.socket, body: bytes) -> None:
    del body
    connection.sendall(
        b"HTTP/1.1 200 OK\r\ncontent-type: application/x-protobuf\r\ncontent-length: 0\r\n\r\n"
    )


def _hang(connection: socket.socket, body: bytes) -> None:
    del connection, body
    time.sleep(3600)


def _chat() -> bytes:
    message: dict[str, object] = {
        "role": "assistant",
        "content": WORDS * 12,
        "refusal": None,
        "annotations": [],
    }
    body = gzip.compress(
        json.dumps(
            {
                **_head("chat.completion"),
                "choices": [
                    {"index": 0, "message": message, "logprobs": None, "finish_reason": "stop"}
                ],
                "usage": USAGE,
            },
            indent=2,
        ).encode()
    )
    head = (
        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-encoding: gzip\r\n"
        f"content-length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


def _head(kind: str) -> dict[str, object]:
    return {
        "id": "chatcmpl-B9MBs8CjcvOU2jLn4n570S5qMJKcT",
        "object": kind,
        "created": 1763800000,
        "model": "gpt-4o-2024-08-06",
        "service_tier": "default",
        "system_fingerprint": "fp_5de11a0c01",
    }


def _events() -> list[bytes]:
    words = [f"{word} " for word in (WORDS * 20).split()][: CHUNKS - 2]
    chunks: list[dict[str, object]] = [
        {
            **_head("chat.completion.chunk"),
            "choices": [
                {"index": 0, "delta": {"content": word}, "logprobs": None, "finish_reason": None}
            ],
            "usage": None,
        }
        for word in words
    ]
    end: dict[str, object] = {"index": 0, "delta": {}, "logprobs": None, "finish_reason": "stop"}
    chunks.append({**_head("chat.completion.chunk"), "choices": [end], "usage": None})
    chunks.append({**_head("chat.completion.chunk"), "choices": [], "usage": USAGE})
    events = [
        b"data: " + json.dumps(chunk, separators=(",", ":")).encode() + b"\n\n" for chunk in chunks
    ]
    packed = [b"%x\r\n%s\r\n" % (len(event), event) for event in [*events, b"data: [DONE]\n\n"]]
    return [*packed, b"0\r\n\r\n"]


USAGE: Final = {
    "prompt_tokens": 2306,
    "completion_tokens": 197,
    "total_tokens": 2503,
    "prompt_tokens_details": {"cached_tokens": 1920, "audio_tokens": 0},
    "completion_tokens_details": {
        "reasoning_tokens": 0,
        "audio_tokens": 0,
        "accepted_prediction_tokens": 0,
        "rejected_prediction_tokens": 0,
    },
}
CHAT: Final = _chat()
STREAM_HEAD: Final = (
    b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream; charset=utf-8\r\n"
    b"transfer-encoding: chunked\r\n\r\n"
)
EVENTS: Final = _events()


if __name__ == "__main__":
    main()
