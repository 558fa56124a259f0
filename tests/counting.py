"""Tokens counted without our code: by tiktoken's own loader, from files that litellm ships."""

from functools import cache
from importlib.util import find_spec
from pathlib import Path

import pytest
import tiktoken


def litellms_files() -> Path:
    """The folder where litellm has the files that tiktoken would download."""
    found = find_spec("litellm")
    assert found is not None
    assert found.origin is not None
    return Path(found.origin).parent / "litellm_core_utils" / "tokenizers"


@cache
def stock_encoding(vocabulary: str) -> tiktoken.Encoding:
    """A vocabulary as tiktoken itself loads it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TIKTOKEN_CACHE_DIR", str(litellms_files()))
        return tiktoken.get_encoding(vocabulary)


def tokens(text: str, vocabulary: str = "o200k_base") -> int:
    """How many tokens a text is."""
    return len(stock_encoding(vocabulary).encode(text, disallowed_special=()))


def chat_tokens(*contents: str) -> int:
    """The prompt of OpenAI's that messages with these contents make, by the rule of its cookbook.

    That is three for each message and one for its role, and three for the reply.
    """
    return sum(3 + 1 + tokens(content) for content in contents) + 3
