"""What texts are to models whose vocabulary is not here: measured weights, by the kind of text."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spanledger.pricing.token_weights import (
    FAMILIES,
    KINDS,
    MEASURES,
    find_family,
    measure,
    weigh,
)
from tests.counting import tokens
from tests.house.source import ROOT

ENGLISH = "The invoice is due at the end of the month, and nobody has looked at it yet.\n"
CHINESE = "发票月底到期，还没有人看过。"  # noqa: RUF001 - as it is written
GERMAN = "Die Rechnung ist fällig, und niemand hat sie geöffnet, schöne Grüße.\n"
RUSSIAN = "Счёт надо оплатить до конца месяца"
CODE = '    if (invoice.due <= today) { remind(user["mail"]); }\n'

BY_NAME = {family.name: family for family in FAMILIES}


@pytest.mark.parametrize(
    ("model", "family"),
    [
        ("claude-sonnet-4-6", "Claude to 4.6"),
        ("claude-3-5-haiku-20241022", "Claude to 4.6"),
        ("claude-opus-4-20250514", "Claude to 4.6"),
        ("claude-opus-4-1-20250805", "Claude to 4.6"),
        ("claude-sonnet-4@20250514", "Claude to 4.6"),
        ("claude-instant-1.2", "Claude to 4.6"),
        ("us.anthropic.claude-sonnet-4-5-20250929-v1:0", "Claude to 4.6"),
        ("claude-opus-4-7", "Claude from 4.7"),
        ("anthropic/claude-opus-4.8", "Claude from 4.7"),
        ("claude-opus-4-10", "Claude from 4.7"),
        ("claude-sonnet-5-20261001", "Claude from 4.7"),
        ("models/gemini-2.5-flash", "Gemini"),
        ("gemma-3-27b-it", "Gemini"),
        ("Mistral-Large-Latest", "Mistral"),
        ("codestral-2508", "Mistral"),
        ("meta-llama/Llama-3.3-70B-Instruct", "Llama"),
        ("meta.llama3-1-8b-instruct-v1:0", "Llama"),
        ("deepseek-r1-distill-llama-70b", "Llama"),
        ("deepseek-r1-distill-qwen-32b", "Qwen to 3"),
        ("qwen3-8b", "Qwen to 3"),
        ("qwen2.5-72b-instruct", "Qwen to 3"),
        ("qwen3.6-27b", "Qwen from 3.5"),
        ("deepseek-chat", "DeepSeek"),
        ("gpt-4o", None),
        ("grok-4", None),
        ("command-r-plus", None),
        ("llama-4-scout", None),
        ("", None),
    ],
)
def test_the_family_of_a_model(model: str, family: str | None) -> None:
    """However it is spelled; a generation with another tokenizer is another family."""
    found = find_family(model)

    assert (found and found.name) == family


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        (ENGLISH, "english"),
        (GERMAN, "european"),
        (RUSSIAN, "other"),
        (CODE, "code"),
        ('{"a": [1, 2]}', "code"),
        ("\treturn nothing", "code"),
    ],
)
def test_kinds_of_text(text: str, kind: str) -> None:
    """A text of one kind is measured as OpenAI counts it."""
    assert measure(text) == {kind: tokens(text)}


def test_chinese_is_measured_by_characters_as_well() -> None:
    """S1.8: its punctuation belongs to it."""
    assert measure(CHINESE) == {"cjk": tokens(CHINESE), "cjk_chars": len(CHINESE)}


def test_a_mixed_text_is_taken_apart() -> None:
    """S1.8: each kind is measured by itself, wherever it stands."""
    measured = measure(f"{CHINESE} and so on\n\n{CODE}\n    # {CHINESE}\n{ENGLISH}")

    assert measured == {
        "cjk": 2 * tokens(CHINESE),
        "cjk_chars": 2 * len(CHINESE),
        "english": tokens(" and so on\n\n") + tokens(ENGLISH),
        "code": tokens(f"{CODE}\n    # ") + tokens("\n"),
    }


@pytest.mark.parametrize("text", ["", "\n\n"])
def test_nothing_is_little(text: str) -> None:
    """An empty text is nothing; line ends are what they are."""
    assert sum(measure(text).values()) == tokens(text)


def test_weights_by_hand() -> None:
    """The sum of all weighed measures, rounded up once; errors by their shares, rounded up."""
    family = BY_NAME["Claude to 4.6"]
    english, chinese = tokens(ENGLISH), tokens(CHINESE)
    of_english = 1103 * english
    of_chinese = 721 * chinese + 494 * len(CHINESE)
    whole = of_english + of_chinese

    found = weigh(family, [ENGLISH, CHINESE])

    assert found.tokens == -(-whole // 1000)
    assert found.error_percent == -(-(11 * of_english + 7 * of_chinese) // whole)
    assert weigh(family, [CHINESE]).error_percent == 7


def test_no_text_is_no_token() -> None:
    """Nothing has no error either."""
    found = weigh(FAMILIES[0], [])

    assert (found.tokens, found.error_percent) == (0, 0)


@given(text=st.text(st.characters(), max_size=300))
def test_any_text_can_be_weighed(text: str) -> None:
    """Nothing raises, nothing is lost, and it is at most what each byte by itself would be."""
    measured = measure(text)

    assert measured.keys() <= set(MEASURES)
    assert bool(measured) == bool(text)
    for family in FAMILIES:
        found = weigh(family, [text])
        assert (
            bool(text) <= found.tokens <= 3 * len(text.encode("utf-8", "replace")) + 6 * len(text)
        )
        assert found.error_percent <= max(family.errors.values())


@pytest.mark.parametrize("run", [" ", "\n", "ж ", "中", "a\u0301", "{", "é", "\ud800"])
def test_a_run_without_a_break_is_weighed(run: str) -> None:
    """A long run of anything takes its time, and no more."""
    short, long = (weigh(FAMILIES[0], [run * times]).tokens for times in (10_000, 300_000))

    assert long == pytest.approx(30 * short, rel=0.02)


def table(name: str) -> list[list[str]]:
    """The rows of the last table of a measured part of docs/estimates.md, header first."""
    page = (ROOT / "docs" / "estimates.md").read_text(encoding="utf-8")
    part = re.search(rf"<!-- measured: {name} -->\n(.*?)<!-- end measured -->", page, re.DOTALL)
    assert part is not None
    rows = part[1].strip().split("\n\n")[-1].splitlines()
    return [[cell.strip() for cell in row.strip("|").split("|")] for row in (rows[0], *rows[2:])]


def test_the_errors_are_the_measured_ones() -> None:
    """S1.8: what an estimate says of itself is what the docs say was measured."""
    head, *rows = table("errors")

    measured = {name: {row[0]: int(row[at]) for row in rows} for at, name in enumerate(head) if at}

    assert measured == {family.name: dict(family.errors) for family in FAMILIES}
    assert [row[0] for row in rows] == list(KINDS)


def test_the_weights_are_the_documented_ones() -> None:
    """The docs show the weights with which the errors were measured."""
    head, *rows = table("weights")

    assert head[1:] == list(MEASURES)
    assert {row[0]: [int(cell) for cell in row[1:]] for row in rows} == {
        family.name: [family.weights[name] for name in MEASURES] for family in FAMILIES
    }
