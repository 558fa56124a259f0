"""The table of dialects: a new wire format is a row of it."""

from typing import Final

from spanledger.dialects import anthropic, gemini, openai, openai_media
from spanledger.dialects.dialect import Dialect

__all__ = ["DIALECTS", "find_dialect"]

DIALECTS: Final[tuple[Dialect, ...]] = (
    *openai.ROWS,
    *openai_media.ROWS,
    anthropic.MESSAGES,
    gemini.GENERATE,
)

_ENDINGS: Final = (
    "/completions",
    "/responses",
    "/responses/compact",
    "/embeddings",
    "/images/generations",
    "/images/edits",
    "/images/variations",
    "/audio/transcriptions",
    "/audio/translations",
    "/audio/speech",
    "/messages",
    "enerateContent",
)
"""Every path of a dialect ends so; it spares all other requests of the app the patterns."""


def find_dialect(path: str) -> Dialect | None:
    """The dialect of a POST to `path` (without its query), if it is a call that we read."""
    if not path.endswith(_ENDINGS):
        return None
    return next((dialect for dialect in DIALECTS if dialect.path.search(path)), None)
