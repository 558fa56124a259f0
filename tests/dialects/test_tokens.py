"""A request is as many tokens as its provider says, beside those of its texts."""

from collections.abc import Mapping
from functools import partial

import pytest

from spanledger.dialects import anthropic, cohere, gemini, openai
from spanledger.dialects.dialect import Dialect
from spanledger.dialects.tokens import count_prompt, has_more_than_text
from spanledger.tokenizer import count_tokens
from tests.counting import chat_tokens, tokens

MESSAGES = [
    {"role": "system", "content": "You are terse, and polite."},
    {"role": "user", "content": "How much is 今天的费用? 👩🏽‍🚀"},
]
CONTENTS = [message["content"] for message in MESSAGES]


@pytest.mark.parametrize(
    ("contents", "prompt_tokens"),
    [(["You are a helpful assistant.", "Hello!"], 19), (["Say this is a test!"], 13)],
)
def test_a_prompt_counts_what_openai_counts(contents: list[str], prompt_tokens: int) -> None:
    """S1.8: requests whose usage stands in OpenAI's own reference are estimated to the token."""
    messages = [{"role": "user", "content": content} for content in contents]

    found = count_prompt(openai.CHAT, {"messages": messages}, partial(count_tokens, "gpt-4"))

    assert found == prompt_tokens


def test_functions_count_as_openai_counts_them() -> None:
    """S1.8: the cookbook's rule for functions, worked out by hand."""
    schema = {
        "type": "object",
        "properties": {
            "place": {"type": "string", "description": "A city."},
            "unit": {"type": "string", "enum": ["celsius", "kelvin"]},
            "days": {
                "type": "array",
                "items": {"type": "object", "properties": {"day": {"type": "string"}}},
            },
        },
    }
    function = {"name": "weather", "description": "Tells the weather.", "parameters": schema}
    body = {"messages": MESSAGES, "tools": [{"type": "function", "function": function}]}
    texts = ["weather:Tells the weather", "place:string:A city", "unit:string", "celsius"]
    texts += ["kelvin", "days:array", "day:string"]
    frame = 12 + 7 + 2 * 3 + 4 * 3 + (2 * 3 - 3)
    by_hand = chat_tokens(*CONTENTS) + frame + sum(map(tokens, texts))

    of_chat = count_prompt(openai.CHAT, body, partial(count_tokens, "gpt-4o"))
    older = count_prompt(
        openai.CHAT,
        {"messages": MESSAGES, "functions": [function]},
        partial(count_tokens, "gpt-4o"),
    )

    assert of_chat == older == by_hand


@pytest.mark.parametrize(
    ("body", "more"),
    [
        ({"messages": [{**MESSAGES[0], "name": "ana"}, MESSAGES[1]]}, 1 + tokens("ana")),
        (
            {"messages": MESSAGES, "tools": [{"type": "web_search"}]},
            tokens('{"type":"web_search"}'),
        ),
        ({"messages": MESSAGES, "tools": "rubbish", "functions": [1]}, tokens("rubbish")),
    ],
)
def test_names_and_other_tools_count(body: Mapping[str, object], more: int) -> None:
    """A name takes a token more; what is no function is counted as it is spelled."""
    found = count_prompt(openai.CHAT, body, partial(count_tokens, "gpt-4o"))

    assert found == chat_tokens(*CONTENTS) + more


@pytest.mark.parametrize(
    ("dialect", "body", "expected"),
    [
        (openai.COMPLETIONS, {"prompt": "Twice two is"}, tokens("Twice two is")),
        (openai.COMPLETIONS, {"prompt": [1, 2, 3]}, 3),
        (openai.EMBEDDINGS, {"input": ["a b", "c"]}, tokens("a b") + tokens("c")),
        (openai.EMBEDDINGS, {"input": [[1, 2], [3]]}, 3),
        (openai.RESPONSES, {"instructions": "Hm", "input": "Hi"}, chat_tokens("Hm", "Hi")),
        (gemini.GENERATE, {"contents": [{"parts": [{"text": "Hi"}]}]}, chat_tokens("Hi")),
        (anthropic.MESSAGES, {"system": "a", "messages": [{"content": "b"}]}, 4 + 4 + 3 + 2),
        (cohere.RERANK, {"query": "a b", "documents": ["c", "d"]}, tokens("a b") + 2),
    ],
)  # fmt: skip
def test_the_prompts_of_others(dialect: Dialect, body: Mapping[str, object], expected: int) -> None:
    """Messages count alike whoever's they are; texts without a conversation count as they are."""
    assert count_prompt(dialect, body, partial(count_tokens, "gpt-4o")) == expected


def test_a_schema_without_end_is_left_off() -> None:
    """A description may be nested deeper than anybody can mean."""
    schema: dict[str, object] = {"type": "string"}
    for _ in range(200):
        schema = {"type": "object", "properties": {"deeper": schema}}
    body = {"messages": MESSAGES, "functions": [{"name": "f", "parameters": schema}]}

    assert count_prompt(openai.CHAT, body, partial(count_tokens, "gpt-4o")) < 300


@pytest.mark.parametrize(
    ("body", "more"),
    [
        (b'{"content": [{"type": "image_url", "image_url": {"url": "data:"}}]}', True),
        (b'{"contents": [{"parts": [{"inline_data": {"data": ""}}]}]}', True),
        (b'{"messages": [{"content": "a \\"type\\": \\"image_url\\" in a text"}]}', False),
        (b"", False),
    ],
)
def test_images_are_more_than_text(body: bytes, *, more: bool) -> None:
    """Images, sound and files cost tokens that no text shows; talk of them costs what it says."""
    assert has_more_than_text(body) is more
