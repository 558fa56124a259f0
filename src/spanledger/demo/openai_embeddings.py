"""OpenAI's embeddings, as numbers and as the base64 that its SDK asks for."""

import base64
import struct
import zlib
from typing import Final

from spanledger.demo.wire import Ask, Reply, compact, indented
from spanledger.demo.wording import count_tokens, sequence, whole

__all__ = ["answer_embeddings"]

_DIMENSIONS: Final = 1536


def answer_embeddings(ask: Ask) -> Reply:
    """Answer `POST /v1/embeddings` with a vector that follows from each input."""
    given = ask.body.get("input")
    texts = [given] if isinstance(given, str) else list(sequence(given))
    tokens = sum(_embedded_tokens(text) for text in texts)
    size = whole(ask.body.get("dimensions")) or _DIMENSIONS
    in_base64 = ask.body.get("encoding_format") == "base64"
    usage = {"prompt_tokens": tokens, "total_tokens": tokens}
    body = {
        "object": "list",
        "data": [
            {
                "object": "embedding",
                "index": n,
                "embedding": _vector(text, size, in_base64=in_base64),
            }
            for n, text in enumerate(texts)
        ],
        "model": ask.model,
        "usage": usage,
    }
    return Reply(model=ask.model, usage=usage, parts=(indented(body),))


def _embedded_tokens(item: object) -> int:
    """An input is a text, or a list of tokens."""
    return count_tokens(item) if isinstance(item, str) else len(sequence(item)) or 1


def _vector(item: object, size: int, *, in_base64: bool) -> object:
    seed = zlib.crc32(compact(item).encode())
    packed = struct.pack(f"<{size}f", *(((seed >> n % 24) & 255) / 255 - 0.5 for n in range(size)))
    return (
        base64.b64encode(packed).decode() if in_base64 else list(struct.unpack(f"<{size}f", packed))
    )
