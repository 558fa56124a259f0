"""How many tokens a text is to models whose vocabulary this package does not have.

Such a text is counted with OpenAI's newest vocabulary, apart for each kind of text that is in it,
and each kind is weighed by what it is to the model's own tokenizer. The weights are measured:
docs/estimates.md has them with their errors, and `benchmarks/estimates.py` makes both.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import groupby
from typing import Final

from spanledger.tokenizer import NEAREST_MODEL, count_tokens

__all__ = ["FAMILIES", "KINDS", "MEASURES", "Family", "Weighed", "find_family", "measure", "weigh"]

KINDS: Final = ("english", "european", "cjk", "code", "other")
"""Kinds of text: prose in plain Latin letters, and in Latin letters with accents; Chinese and
Japanese; code and JSON; all other scripts."""

MEASURES: Final = (*KINDS, "cjk_chars")
"""What is measured of a text: OpenAI's tokens of each kind, and how many characters of Chinese or
Japanese there are, for some tokenizers have one token for nearly each of them."""

_CJK: Final = (
    "\u2e80-\u30ff\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\ufe30-\ufe4f\uff00-\uffef"
    "\U00020000-\U0003134f"
)
_LATIN: Final = "\x00-\u024f\u1e00-\u1eff\u2000-\u20cf\u2100-\u2bff"
"""With the punctuation, arrows and lines that stand among Latin letters."""

_RUN: Final = re.compile(
    rf"(?P<cjk>[{_CJK}]++)"
    rf"|(?P<other>[^{_CJK}{_LATIN}]++(?:[ ,.]++[^{_CJK}{_LATIN}]++)*+)"
    rf"|(?P<latin>[{_LATIN}]++)"
)

_SYMBOL: Final = re.compile(r"""[{}\[\]()<>=;:_"'/\\|&*+#@$%^~`]""")
_ACCENT: Final = re.compile("[\u00c0-\u024f\u1e00-\u1eff]")
_INDENT: Final = re.compile(r"\t|  ")

_SYMBOLS_PERCENT: Final = 12
"""A line with so many symbols among its characters is code."""

_ACCENTS_PERCENT: Final = 1
"""A line with so many accents among its characters is not English."""

_WHOLE: Final = 1000

_CLAUDE_TOOLS_TOKENS: Final = 346
"""What Anthropic says that the instructions are which it adds to requests with tools."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Family:
    """Models with one tokenizer, and what a text is to it."""

    name: str
    models: re.Pattern[str]
    """Searched in the name of a model, in lower case and without what stands before a slash."""
    weights: Mapping[str, int]
    """Thousandths of a token for each of `MEASURES`."""
    errors: Mapping[str, int]
    """For each of `KINDS`: of texts of 2,000 characters that were not used for the weights,
    nineteen of twenty are estimated within so many percent."""
    tools_tokens: int = 0
    """What a request with tools has more than their descriptions."""


@dataclass(frozen=True, slots=True)
class Weighed:
    """What texts are to a family of models."""

    tokens: int
    error_percent: int
    """The errors of the kinds that the texts are made of, each by its share."""


def _family(
    name: str, models: str, weights: tuple[int, ...], errors: tuple[int, ...], tools_tokens: int = 0
) -> Family:
    return Family(
        name=name,
        models=re.compile(models),
        weights=dict(zip(MEASURES, weights, strict=True)),
        errors=dict(zip(KINDS, errors, strict=True)),
        tools_tokens=tools_tokens,
    )


FAMILIES: Final = (
    _family(
        "Claude from 4.7",
        r"claude-[a-z]+-(4[-.]([7-9]|[1-9]\d)|[5-9]|\d\d)(?!\d)",
        (1512, 1812, 821, 1515, 1615, 393),
        (13, 22, 9, 14, 20),
        tools_tokens=_CLAUDE_TOOLS_TOKENS,
    ),
    _family(
        "Claude to 4.6",
        "claude",
        (1103, 1469, 721, 1195, 1710, 494),
        (11, 18, 7, 13, 22),
        tools_tokens=_CLAUDE_TOOLS_TOKENS,
    ),
    _family("Gemini", "gemini|gemma", (1021, 1107, 688, 1149, 981, 116), (12, 8, 10, 12, 11)),
    _family(
        "Mistral",
        "mistral|mixtral|codestral|ministral|magistral|devstral|pixtral|voxtral",
        (1004, 1095, 1065, 1057, 990, 25),
        (8, 8, 15, 6, 14),
    ),
    _family(
        "Llama", "llama-?v?3|distill-llama", (993, 1239, 782, 994, 1113, 178), (3, 11, 8, 8, 16)
    ),
    _family(
        "Qwen from 3.5",
        r"qwen-?(3[.p][5-9]|[4-9])",
        (1011, 1070, 690, 1103, 997, 27),
        (9, 10, 6, 10, 15),
    ),
    _family("Qwen to 3", "qwen|qwq|qvq", (1041, 1167, 764, 995, 1180, 39), (10, 11, 4, 8, 46)),
    _family("DeepSeek", "deepseek", (1072, 1196, 641, 1025, 1143, 91), (5, 13, 6, 8, 23)),
)
"""The first that a model's name fits is its family: `deepseek-r1-distill-llama-70b` is a Llama."""


def find_family(model: str) -> Family | None:
    """The family of `model`, however a gateway or cloud spells it; `None` where none is known."""
    name = model.rpartition("/")[2].lower()
    return next((family for family in FAMILIES if family.models.search(name)), None)


def weigh(family: Family, texts: Iterable[str]) -> Weighed:
    """How many tokens `texts` are to the models of `family`, and how sure that is."""
    measured: dict[str, int] = dict.fromkeys(MEASURES, 0)
    for text in texts:
        for name, quantity in measure(text).items():
            measured[name] += quantity
    parts: dict[str, int] = {kind: family.weights[kind] * measured[kind] for kind in KINDS}
    parts["cjk"] += family.weights["cjk_chars"] * measured["cjk_chars"]
    whole = sum(parts.values())
    error = sum(family.errors[kind] * part for kind, part in parts.items())
    return Weighed(_up(whole, _WHOLE), _up(error, whole or 1))


def measure(text: str) -> Mapping[str, int]:
    """The `MEASURES` of a text, those that are nothing left out."""
    runs: dict[str, list[str]] = {}
    for kind, lines in groupby(_lines(text), key=lambda line: line[0]):
        for run in _RUN.finditer("".join(line for _, line in lines)):
            script = str(run.lastgroup)
            runs.setdefault(kind if script == "latin" else script, []).append(run[0])
    found = {kind: count_tokens(NEAREST_MODEL, found) for kind, found in runs.items()}
    chars = sum(map(len, runs.get("cjk", ())))
    return {**found, "cjk_chars": chars} if chars else found


def _lines(text: str) -> Iterator[tuple[str, str]]:
    """(what Latin letters in it are, the line); an empty line goes with the one before."""
    kind = "english"
    for line in text.splitlines(keepends=True):
        if bare := line.strip():
            kind = _kind_of(line, bare)
        yield kind, line


def _kind_of(line: str, bare: str) -> str:
    if _INDENT.match(line) or _share(_SYMBOL, bare) >= _SYMBOLS_PERCENT:
        return "code"
    return "european" if _share(_ACCENT, bare) >= _ACCENTS_PERCENT else "english"


def _share(pattern: re.Pattern[str], text: str) -> int:
    """How many characters of a hundred match."""
    return len(pattern.findall(text)) * 100 // len(text)


def _up(dividend: int, divisor: int) -> int:
    return -(-dividend // divisor)
