"""Whose form a request has, and how much may be written, before it is sent."""

from collections.abc import Mapping

import pytest

from spanledger.dialects import anthropic, bedrock, gemini, openai
from spanledger.dialects.dialect import Dialect
from spanledger.errors import InvalidQuery
from spanledger.pricing.request import read_planned
from spanledger.usage import QUANTITY_MAX
from tests.counting import tokens

HELLO = [{"role": "user", "content": "hello"}]
Body = Mapping[str, object]


def texts_of(body: Body, model: str = "gpt-4o") -> list[str]:
    """What the model reads."""
    seen: list[str] = []
    read_planned(body, model).count(lambda texts: seen.extend(texts) or 0)
    return seen


@pytest.mark.parametrize(
    ("body", "dialect"),
    [
        ({"messages": HELLO}, openai.CHAT),
        ({"messages": HELLO, "system": "be brief"}, anthropic.MESSAGES),
        (
            {"messages": [{"role": "user", "content": [{"type": "tool_result", "content": "4"}]}]},
            anthropic.MESSAGES,
        ),
        (
            {"messages": HELLO, "tools": [{"name": "f", "input_schema": {"type": "object"}}]},
            anthropic.MESSAGES,
        ),
        ({"messages": HELLO, "inferenceConfig": {"maxTokens": 5}}, bedrock.CONVERSE),
        ({"messages": HELLO, "toolConfig": {"tools": []}}, bedrock.CONVERSE),
        ({"input": "hello", "prompt": {"id": "pmpt_1"}}, openai.RESPONSES),
        ({"contents": [{"parts": [{"text": "hello"}]}]}, gemini.GENERATE),
        ({"prompt": "hello"}, openai.COMPLETIONS),
        ({"text": "hello"}, openai.COMPLETIONS),
    ],
)
def test_the_form_says_who_it_is_for(body: Body, dialect: Dialect) -> None:
    """Everybody's body is read as what it is."""
    assert read_planned(body, "any").dialect is dialect


def test_an_embedding_writes_nothing() -> None:
    """The model's name tells an embedding from a response."""
    planned = read_planned({"input": ["a", "b"]}, "text-embedding-3-small")

    assert planned.dialect is openai.EMBEDDINGS
    assert planned.output(None) == planned.output(10) == (0, 0)


@pytest.mark.parametrize(
    "system",
    [
        {"systemInstruction": {"parts": [{"text": "be brief"}]}},
        {"system_instruction": {"parts": [{"text": "be brief"}]}},
        {"system": "be brief"},
        {"systemInstruction": "be brief"},
    ],
)
def test_geminis_system_instruction_counts(system: Body) -> None:
    """However it is spelled."""
    body = {"contents": [{"parts": [{"text": "hello"}]}], **system}

    assert sorted(texts_of(body)) == ["be brief", "hello"]
    planned = read_planned(body, "gemini-2.5-flash")
    assert (
        planned.count(lambda texts: sum(map(tokens, texts))) == 4 + 4 + 3 + tokens("be brief") + 1
    )


def test_a_contents_without_system_is_as_it_is() -> None:
    """Nothing is added."""
    assert texts_of({"contents": [{"parts": [{"text": "hello"}]}]}) == ["hello"]


@pytest.mark.parametrize(
    ("body", "expected", "output"),
    [
        ({}, None, (0, None)),
        ({}, 70, (70, 70)),
        ({"max_tokens": 300}, None, (0, 300)),
        ({"max_tokens": 300}, 300, (300, 300)),
        ({"max_completion_tokens": 300, "max_tokens": 5}, None, (0, 300)),
        ({"max_output_tokens": 0}, None, (0, 0)),
        ({"max_tokens": None}, None, (0, None)),
        ({"max_tokens": 100, "n": 3}, None, (0, 300)),
        ({"max_tokens": 100, "n": 3}, 20, (60, 60)),
        ({"n": 2}, None, (0, None)),
        ({"generationConfig": {"maxOutputTokens": 9, "candidateCount": 2}}, None, (0, 18)),
        ({"generationConfig": "rubbish"}, None, (0, None)),
    ],
)
def test_how_much_may_be_written(
    body: Body, expected: int | None, output: tuple[int, int | None]
) -> None:
    """S1.8: what is expected, or all from nothing to the limit, for each answer."""
    assert read_planned({"messages": HELLO, **body}, "gpt-4o").output(expected) == output


def test_bedrocks_limit_counts() -> None:
    """It stands in an object of its own."""
    body = {"messages": HELLO, "inferenceConfig": {"maxTokens": 5}}

    assert read_planned(body, "amazon.nova-lite-v1:0").output(None) == (0, 5)


@pytest.mark.parametrize(
    ("body", "expected", "reason"),
    [
        ({"max_tokens": -1}, None, "max_tokens is '-1': use a whole number"),
        ({"max_tokens": 1.5}, None, "max_tokens is '1.5'"),
        ({"max_tokens": "300"}, None, "max_tokens is '300'"),
        ({"max_tokens": True}, None, "max_tokens is 'True'"),
        ({"max_tokens": QUANTITY_MAX + 1}, None, "max_tokens is '100000001'"),
        ({"n": "x" * 1000}, None, "n is 'x"),
        ({"max_tokens": QUANTITY_MAX, "n": 2}, None, "the output of all answers is '200000000'"),
        ({}, -1, "expected_output_tokens is '-1'"),
        ({"max_tokens": 10}, 11, "expected_output_tokens 11 is more than the limit of 10"),
    ],
)
def test_numbers_that_make_no_sense_are_refused(
    body: Body, expected: int | None, reason: str
) -> None:
    """With the name of what is wrong, and what would do."""
    planned = read_planned({"messages": HELLO, **body}, "gpt-4o")

    with pytest.raises(InvalidQuery) as refused:
        planned.output(expected)

    assert str(refused.value).startswith(reason)
    assert len(str(refused.value)) < 300


def deep() -> Body:
    """Deeper than anything that can be written as JSON."""
    body: dict[str, object] = {}
    for _ in range(100_000):
        body = {"a": body}
    return body


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ({}, "give one of messages, contents, input, prompt, text: there is none"),
        ({"messages": None}, "there is none"),
        ({"prompt": {"id": "pmpt_1"}}, "there is none"),
        ({"messages": HELLO, "input": "hello"}, "there is messages, input"),
        ({"messages": []}, "messages is not what providers take: use a list of messages"),
        ({"messages": "hello"}, "messages is not"),
        ({"messages": ["hello"]}, "messages is not"),
        ({"contents": {}}, "contents is not what providers take: use a list of contents"),
        ({"input": {}}, "input is not what providers take: use a text or a list"),
        ({"prompt": 5}, "prompt is not"),
        ({"text": ["hello"]}, "text is not what providers take: use a text"),
        ({"text": "hello", "x": object()}, "no JSON"),
    ],
)
def test_what_cannot_be_read_is_refused(body: Body, reason: str) -> None:
    """With what would do."""
    with pytest.raises(InvalidQuery, match=reason):
        read_planned(body, "gpt-4o")


def test_what_is_too_deep_is_refused() -> None:
    """It does not end the interpreter, and is no crash."""
    with pytest.raises(InvalidQuery, match="too deep"):
        read_planned({"text": "hello", "x": deep()}, "gpt-4o")


def test_the_rest_of_a_request() -> None:
    """Its tier, its tools, and what no text shows."""
    plain = read_planned({"messages": HELLO}, "gpt-4o")
    image = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}
    full = read_planned(
        {
            "messages": [{"role": "user", "content": [image]}],
            "service_tier": "flex",
            "tools": [
                {"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}
            ],
        },
        "gpt-4o",
    )

    assert (plain.service_tier, plain.has_tools, plain.partial) == ("", False, False)
    assert (full.service_tier, full.has_tools, full.partial) == ("flex", True, True)
    assert read_planned({"messages": HELLO, "toolConfig": {"tools": [1]}}, "x").has_tools
