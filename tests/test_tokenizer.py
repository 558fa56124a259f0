"""Tokens are counted as tiktoken counts them, without a network, whatever the text."""

import base64
import hashlib
import subprocess
import sys
from collections.abc import Mapping

import pytest
import tiktoken
from hypothesis import given
from hypothesis import strategies as st

from spanledger.tokenizer import (
    NEAREST,
    NEAREST_MODEL,
    VOCABULARIES,
    count_tokens,
    definition,
    has_vocabulary_of,
    vocabulary_of,
)
from spanledger.tokenizer import ranks as ranks_of
from tests.counting import stock_encoding
from tests.house.source import ROOT

MODELS = {"o200k_base": "gpt-4o", "cl100k_base": "gpt-4"}
"""A model of each vocabulary."""

PROSE = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")


@pytest.fixture(params=VOCABULARIES)
def vocabulary(request: pytest.FixtureRequest) -> str:
    """Each of the vocabularies."""
    return str(request.param)


@pytest.fixture
def stock(vocabulary: str) -> tiktoken.Encoding:
    """The same vocabulary by tiktoken's own loader, from files that somebody else ships."""
    return stock_encoding(vocabulary)


@pytest.mark.parametrize(
    ("model", "text", "tokens"),
    [
        ("gpt-4o", "お誕生日おめでとう", 8),
        ("gpt-4", "お誕生日おめでとう", 9),
        ("gpt-4o", "antidisestablishmentarianism", 6),
        ("gpt-3.5-turbo", "2 + 2 = 4", 7),
        ("gpt-4o", "", 0),
    ],
)
def test_the_counts_that_openai_publishes(model: str, text: str, tokens: int) -> None:
    """S1.8: the examples in OpenAI's guide to counting tokens, Japanese among them."""
    assert count_tokens(model, [text]) == tokens


def test_our_files_are_tiktokens(vocabulary: str) -> None:
    """Rebuilt from ours, tiktoken's file has exactly the checksum that tiktoken asks for."""
    expected: list[str] = []
    ours = ranks_of(vocabulary)

    def load(_address: str, *, expected_hash: str) -> Mapping[bytes, int]:
        expected.append(expected_hash)
        return ours

    definition(vocabulary, load)
    lines = (b"%s %d\n" % (base64.b64encode(token), rank) for token, rank in ours.items())

    assert [hashlib.sha256(b"".join(lines)).hexdigest()] == expected


def test_pattern_and_special_tokens_are_tiktokens(
    vocabulary: str, stock: tiktoken.Encoding
) -> None:
    """What defines a vocabulary beside its ranks is taken from the tiktoken that is installed."""
    ours = definition(vocabulary, lambda *_, **__: {})

    assert ours["pat_str"] == stock._pat_str
    assert ours["special_tokens"] == stock._special_tokens


@pytest.mark.parametrize(
    "text",
    [
        PROSE,
        PROSE * 30,
        "今天天气很好，我们去公园散步吧。" * 20,  # noqa: RUF001 - as Chinese is written
        "👩🏽‍🚀 a family: 👨‍👩‍👧‍👦 " * 30,
        "<|endoftext|> is what it says <|fim_prefix|>",
        "nul \x00 in the middle",
        "half of a pair: \ud83d, and one at the end \udc4d",
        "tabs\tand\r\nlines \n\n\n   of code();\n" * 300,
    ],
    ids=["prose", "long prose", "Chinese", "emoji", "special", "nul", "surrogates", "code"],
)
def test_it_counts_as_tiktoken_does(vocabulary: str, stock: tiktoken.Encoding, text: str) -> None:
    """S1.8: what is no special case costs no token more; special tokens are counted as text."""
    expected = len(stock.encode(text, disallowed_special=()))

    assert count_tokens(MODELS[vocabulary], [text]) == expected


@given(texts=st.lists(st.text(st.characters(), max_size=200), max_size=5))
def test_any_texts_can_be_counted(texts: list[str]) -> None:
    """Nothing raises, and each text counts by itself, at most one token a byte."""
    counts = [count_tokens("gpt-4o", [text]) for text in texts]

    assert count_tokens("gpt-4o", texts) == sum(counts)
    for text, count in zip(texts, counts, strict=True):
        assert bool(text) <= count <= len(text.encode("utf-8", "replace")) + 2 * len(text)


@pytest.mark.parametrize("run", ["a", " ", "\n", "!", "中", "ab3", "x\u0301", " \n", "\ud800"])
def test_a_run_without_a_break_is_counted(vocabulary: str, run: str) -> None:
    """Ever the same: tiktoken by itself takes ever longer, and of a million spaces it panics."""
    times = 100 if run == " " else 30
    short = count_tokens(MODELS[vocabulary], [run * 10_000])
    long = count_tokens(MODELS[vocabulary], [run * 10_000 * times])

    assert long == pytest.approx(times * short, rel=0.02)


def test_ten_megabytes_are_counted() -> None:
    """The largest prompts are counted to the end."""
    times = 10_000_000 // len(PROSE)
    whole = count_tokens("gpt-4o", [PROSE * times])

    assert whole == pytest.approx(count_tokens("gpt-4o", [PROSE]) * times, rel=0.001)


@pytest.mark.parametrize(
    ("model", "vocabulary"),
    [
        ("gpt-4o-mini-2024-07-18", "o200k_base"),
        ("gpt-5.2-pro", "o200k_base"),
        ("openai/gpt-4-turbo", "cl100k_base"),
        ("gpt-35-turbo", "cl100k_base"),
        ("GPT-3.5-Turbo-16k", "cl100k_base"),
        ("ft:gpt-3.5-turbo:acme::x1", "cl100k_base"),
        ("text-embedding-3-small", "cl100k_base"),
        ("openai/gpt-oss-120b", "o200k_base"),
        ("text-davinci-003", "cl100k_base"),
        ("gpt2", "cl100k_base"),
        ("claude-sonnet-4-5", NEAREST),
        ("gemini-2.5-flash", NEAREST),
        ("our-deployment", NEAREST),
        ("", NEAREST),
    ],
)
def test_the_vocabulary_of_a_model(model: str, vocabulary: str) -> None:
    """As tiktoken says for OpenAI's models, however spelled; the nearest for everybody else's."""
    assert vocabulary_of(model) == vocabulary
    assert vocabulary_of(NEAREST_MODEL) == NEAREST


@pytest.mark.parametrize(
    ("model", "has"),
    [
        ("gpt-4o", True),
        ("openai/gpt-3.5-turbo", True),
        ("gpt-oss-120b", True),
        ("text-davinci-003", False),
        ("claude-sonnet-4-5", False),
        ("our-deployment", False),
        ("", False),
    ],
)
def test_whose_own_vocabulary_it_is(model: str, *, has: bool) -> None:
    """A stand-in is none, unless it differs in special tokens only."""
    assert has_vocabulary_of(model) is has


def test_every_vocabulary_of_tiktoken_is_ours_or_has_a_stand_in() -> None:
    """Whatever model tiktoken knows, it is counted by something on purpose, and never fetched."""
    for model in tiktoken.model.MODEL_TO_ENCODING:
        assert vocabulary_of(model) in VOCABULARIES


def test_nothing_is_downloaded() -> None:
    """Without a network, without a cache and with sockets that refuse, tokens are counted."""
    program = """
import os, socket, sys
def refuse(*_): raise AssertionError("a socket was opened")
sys.addaudithook(lambda event, _: refuse() if event.startswith("socket.") else None)
from spanledger.tokenizer import count_tokens
print(count_tokens("gpt-4o", ["hello world"]), count_tokens("gpt-4", ["hello world"]))
assert "requests" not in sys.modules
"""
    ran = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False
    )

    assert (ran.stdout.strip(), ran.stderr) == ("2 2", "")


def test_a_definition_that_would_do_more_fails(vocabulary: str) -> None:
    """It is run without anything of its module that could reach out; a change is an error."""
    reached: list[tuple[object, ...]] = []

    def load(*asked: object, **_: object) -> dict[bytes, int]:
        reached.append(asked)
        return {}

    definition(vocabulary, load)
    assert len(reached) == 1
    with pytest.raises(NameError):
        definition("gpt2", load)
