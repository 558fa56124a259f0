"""The table of dialects: a new wire format is a row of it."""

from functools import lru_cache
from typing import Final

from spanledger.dialects import (
    anthropic,
    bedrock,
    cohere,
    gemini,
    gemini_interactions,
    mistral,
    ollama,
    openai,
    openai_media,
    voyage,
)
from spanledger.dialects.dialect import Dialect

__all__ = ["DIALECTS", "find_dialect"]

DIALECTS: Final[tuple[Dialect, ...]] = (
    *openai.ROWS,
    *openai_media.ROWS,
    *anthropic.ROWS,
    *gemini.ROWS,
    *gemini_interactions.ROWS,
    *bedrock.ROWS,
    *cohere.ROWS,
    *mistral.ROWS,
    *ollama.ROWS,
    *voyage.ROWS,
)

_ENDINGS: Final = (
    "/completions",
    "/responses",
    "/responses/compact",
    "/decisions",
    "embeddings",
    "/images/generations",
    "/images/edits",
    "/images/variations",
    "/audio/transcriptions",
    "/audio/translations",
    "/audio/speech",
    "/messages",
    "enerateContent",
    "mbedContent",
    "mbedContents",
    "redict",
    "/converse",
    "-stream",
    "/invoke",
    "/chat",
    "/generate",
    "/embed",
    "/rerank",
    "/interactions",
    "/ocr",
)
"""Every path of a dialect ends so; it spares all other requests of the app the patterns."""


@lru_cache(maxsize=256)
def find_dialect(path: str) -> Dialect | None:
    """The dialect of a POST to `path` (without its query), if it is a call that we read."""
    if not path.endswith(_ENDINGS):
        return None
    return next((dialect for dialect in DIALECTS if dialect.path.search(path)), None)
