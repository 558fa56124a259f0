"""How many tokens a text is, by tiktoken, with its vocabularies out of this package.

tiktoken's own loader downloads a vocabulary the first time that it is needed. An app may have no
network but to its provider, and has not asked for a download: so `vocabularies/` holds the two that
today's models need, and nothing here ever goes to fetch one.
"""

import os
import threading
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import lru_cache
from importlib import resources
from itertools import accumulate, pairwise
from types import FunctionType
from typing import TYPE_CHECKING, Any, Final, cast

if TYPE_CHECKING:
    import tiktoken

__all__ = [
    "NEAREST",
    "NEAREST_MODEL",
    "VOCABULARIES",
    "count_tokens",
    "definition",
    "has_vocabulary_of",
    "pieces",
    "ranks",
    "vocabulary_of",
]

VOCABULARIES: Final = ("o200k_base", "cl100k_base")
"""The vocabularies that this package has, by tiktoken's names."""

NEAREST: Final = "o200k_base"
"""For models whose vocabulary is not public, or not OpenAI's: the nearest that there is."""

NEAREST_MODEL: Final = "gpt-4o"
"""A model of that vocabulary, to count with it whatever the model."""

_STAND_INS: Final = {
    "o200k_harmony": "o200k_base",  # differs in special tokens only
    "p50k_base": "cl100k_base",
    "p50k_edit": "cl100k_base",
    "r50k_base": "cl100k_base",
    "gpt2": "cl100k_base",
}
"""For vocabularies that tiktoken knows and we do not have; the models of the latter are gone."""

_SAME_TEXTS: Final = frozenset({"o200k_harmony"})
"""Vocabularies that count every text as their stand-in does."""

_PIECE_CHARS: Final = 8192
"""The most that tiktoken gets at once: its time grows faster than a run of the same kind of
characters, and a million spaces are more than its patterns can bear."""

_COUNT_BYTES: Final = 4

_loading: Final = threading.RLock()
"""Held while modules are imported: a child that forks in the middle could never import them."""

Load = Callable[..., Mapping[bytes, int]]
"""In the place of tiktoken's `load_tiktoken_bpe`: (address, expected_hash=) -> token -> rank."""


def count_tokens(model: str, texts: Iterable[str]) -> int:
    """How many tokens `texts` are to `model`, each of them by itself.

    Exact for OpenAI's models since GPT-3.5. Others have vocabularies of their own: for them it is
    counted with OpenAI's newest, which is an approximation. Any text can be counted: what looks
    like a special token is text, a lone surrogate counts as the character that stands for what
    cannot be read, and the time is in proportion to the length, whatever the text is.

    It loads the vocabulary on first use, which takes a moment; see docs/performance.md.
    """
    with _loading:
        encoding = _encoding(vocabulary_of(model))
    return sum(len(encoding.encode_ordinary(piece)) for text in texts for piece in pieces(text))


def vocabulary_of(model: str) -> str:
    """The vocabulary to count with for `model`, however a gateway or Azure spells it."""
    known = _known_vocabulary(model)
    return known if known in VOCABULARIES else _STAND_INS.get(known, NEAREST)


def has_vocabulary_of(model: str) -> bool:
    """Whether `model` is known to have the vocabulary that it is counted with."""
    known = _known_vocabulary(model)
    return known in VOCABULARIES or known in _SAME_TEXTS


def _known_vocabulary(model: str) -> str:
    """What tiktoken says; '' for models that it does not know."""
    import tiktoken  # noqa: PLC0415 - on need only

    name = model.rpartition("/")[2].lower()
    try:
        return tiktoken.encoding_name_for_model(name)
    except KeyError:
        return ""


def definition(vocabulary: str, load: Load) -> Mapping[str, Any]:
    """Tiktoken's own definition of a vocabulary: pattern, special tokens, and the ranks of `load`.

    The function that defines it is run among its module's texts and `load`, and nothing else. So
    nothing in it can download, and a tiktoken that has changed fails instead.

    Raises:
        NameError: it needs more than that.
    """
    from tiktoken_ext import openai_public  # noqa: PLC0415 - on need only

    texts = {name: value for name, value in vars(openai_public).items() if isinstance(value, str)}
    defining = cast("FunctionType", openai_public.ENCODING_CONSTRUCTORS[vocabulary])
    scope: dict[str, Any] = {**texts, "load_tiktoken_bpe": load}
    return cast("Mapping[str, Any]", FunctionType(defining.__code__, scope)())


def ranks(vocabulary: str) -> dict[bytes, int]:
    """Token -> rank, out of this package.

    The file is compressed with zlib. In it are the number of tokens in four bytes, the length of
    each token in one byte, and the tokens, both in the order of their ranks.
    """
    file = resources.files("spanledger") / "vocabularies" / f"{vocabulary}.z"
    data = zlib.decompress(file.read_bytes())
    start = _COUNT_BYTES + int.from_bytes(data[:_COUNT_BYTES], "big")
    edges = accumulate(data[_COUNT_BYTES:start], initial=start)
    return {data[begin:end]: rank for rank, (begin, end) in enumerate(pairwise(edges))}


@lru_cache(maxsize=len(VOCABULARIES))
def _encoding(vocabulary: str) -> "tiktoken.Encoding":
    import tiktoken  # noqa: PLC0415 - on need only

    ours = ranks(vocabulary)
    encoding = tiktoken.Encoding(**definition(vocabulary, lambda *_, **__: ours))
    # tiktoken has made its own of it, and looks at this one only to turn tokens back into text.
    ours.clear()
    return encoding


def pieces(text: str) -> Iterator[str]:
    """The text in pieces of bounded length, cut before the first space after a word.

    No token goes over such an edge. A run of anything that is longer than a piece is cut all the
    same, which may cost a token each time.
    """
    start = 0
    while len(text) - start > _PIECE_CHARS:
        end = _edge(text, start, start + _PIECE_CHARS)
        yield text[start:end]
        start = end
    yield text[start:]


def _edge(text: str, start: int, end: int) -> int:
    """Where to cut between the two, as late as may be."""
    edge = text.rfind(" ", start + 1, end)
    while edge > 0 and text[edge - 1].isspace():
        edge = text.rfind(" ", start + 1, edge)
    return edge if edge > 0 else end


os.register_at_fork(
    before=_loading.acquire, after_in_parent=_loading.release, after_in_child=_loading.release
)
