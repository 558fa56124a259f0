"""The table of dialects, and the table of hosts: a new provider is a line in one of them."""

from fnmatch import fnmatchcase
from typing import Final

from spanledger.dialects import anthropic, gemini, openai
from spanledger.dialects.dialect import Dialect

__all__ = ["DIALECTS", "HOSTS", "find_dialect", "provider_of"]

DIALECTS: Final[tuple[Dialect, ...]] = (
    openai.CHAT,
    openai.RESPONSES,
    openai.EMBEDDINGS,
    anthropic.MESSAGES,
    gemini.GENERATE,
)

HOSTS: Final[tuple[tuple[str, str], ...]] = (
    ("api.openai.com", "openai"),
    ("*.api.openai.com", "openai"),
    ("api.anthropic.com", "anthropic"),
    ("generativelanguage.googleapis.com", "gcp.gemini"),
    ("aiplatform.googleapis.com", "gcp.vertex_ai"),
    ("*-aiplatform.googleapis.com", "gcp.vertex_ai"),
    ("aiplatform.*.rep.googleapis.com", "gcp.vertex_ai"),
)
"""(pattern of the host, `gen_ai.provider.name`); the first that matches stands."""

_ENDINGS: Final = ("/completions", "/responses", "/embeddings", "/messages", "enerateContent")
"""Every path of a dialect ends so; it spares all other requests of the app the patterns."""


def find_dialect(path: str) -> Dialect | None:
    """The dialect of a POST to `path` (without its query), if it is a call that we read."""
    if not path.endswith(_ENDINGS):
        return None
    return next((dialect for dialect in DIALECTS if dialect.path.search(path)), None)


def provider_of(host: str, dialect: Dialect) -> str:
    """Who answers at `host`; behind proxies and own servers, the one whose dialect is spoken."""
    lowered = host.lower()
    return next(
        (provider for pattern, provider in HOSTS if fnmatchcase(lowered, pattern)),
        dialect.provider,
    )
