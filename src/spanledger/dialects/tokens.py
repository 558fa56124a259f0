"""How many tokens the requests of a wire format are, beside what their texts are by themselves."""

import re
from collections.abc import Callable, Iterable, Iterator
from typing import Final, cast

from spanledger.dialects.dialect import Dialect, Json
from spanledger.dialects.fields import section, sections, text

__all__ = ["READ_ONLY", "CountTexts", "count_prompt", "has_more_than_text"]

CountTexts = Callable[[Iterable[str]], int]
"""How many tokens texts are, each of them by itself, to some model."""

READ_ONLY: Final = frozenset({"embeddings", "rerank"})
"""Operations whose models read, and write no text."""

_MORE_THAN_TEXT: Final = re.compile(
    rb'"type"\s*:\s*"(?:image|image_url|input_image|input_audio|audio|video|file|input_file|document)"'
    rb'|"(?:inline_?[dD]ata|file_?[dD]ata)"\s*:\s*\{|"images"\s*:\s*\[\s*"|"bytes"\s*:\s*"'
)
"""Names of images, sound and files in a request. Within a text its quotation marks would have
backslashes before them."""

_MESSAGE_TOKENS: Final = 3
_ROLE_TOKENS: Final = 1
_NAME_TOKENS: Final = 1
_REPLY_TOKENS: Final = 3

_FUNCTION_TOKENS: Final = 7
_PROPERTIES_TOKENS: Final = 3
_PROPERTY_TOKENS: Final = 3
_ENUM_TOKENS: Final = -3
_ENUM_ITEM_TOKENS: Final = 3
_TOOLS_TOKENS: Final = 12

_DEPTH_MAX: Final = 16


def count_prompt(dialect: Dialect, body: Json, count: CountTexts) -> int:
    """The tokens of a request, whose texts `count` counts.

    Messages become tokens as OpenAI describes it in its cookbook (How to count tokens with
    tiktoken): 3 for each message and 1 for its role, 1 more for a name, and 3 for the reply that
    begins. Functions become declarations: 7 for each, 3 for its properties and 3 for each of them,
    3 for each value of an enumeration less 3 for the first, and 12 at the end. That is exact for
    OpenAI's chat completions with texts and functions; for everybody else's it is the same guess.
    """
    tools, rest = _functions(body), {**body, "tools": None, "functions": None}
    texts = list(dialect.read_prompt(rest if tools else body))
    tokens = count(texts) + _given_tokens(body)
    if dialect.operation in READ_ONLY or dialect.operation == "text_completion":
        return tokens
    return tokens + _count_frame(body, count) + _count_functions(tools, count)


def has_more_than_text(body: bytes) -> bool:
    """Whether a request has images, sound or files in it, whose tokens no text shows."""
    return bool(_MORE_THAN_TEXT.search(body))


def _count_frame(body: Json, count: CountTexts) -> int:
    """What stands between the texts of a conversation."""
    messages = sections(body, "messages") or sections(body, "contents") or sections(body, "input")
    apart = any(body.get(name) for name in ("instructions", "system", "systemInstruction"))
    named = [name for message in messages if (name := text(message, "name"))]
    return (
        (len(messages) or 1) * (_MESSAGE_TOKENS + _ROLE_TOKENS)
        + apart * (_MESSAGE_TOKENS + _ROLE_TOKENS)
        + len(named) * _NAME_TOKENS
        + count(named)
        + _REPLY_TOKENS
    )


def _given_tokens(body: Json) -> int:
    """Texts may come as tokens already: a list of numbers, or lists of them."""
    found, pending = 0, [body.get("input"), body.get("prompt")]
    while pending:
        value = pending.pop()
        if isinstance(value, list):
            pending.extend(cast("list[object]", value))
        found += isinstance(value, int)
    return found


def _functions(body: Json) -> list[Json]:
    """The functions that the model may call, where they are described as OpenAI has them."""
    tools = [section(tool, "function") or tool for tool in sections(body, "tools")]
    found = [*tools, *sections(body, "functions")]
    return found if all(text(tool, "name") and "parameters" in tool for tool in found) else []


def _count_functions(functions: list[Json], count: CountTexts) -> int:
    if not functions:
        return 0
    lines: list[str] = []
    frame = _TOOLS_TOKENS
    for function in functions:
        lines.append(_line(text(function, "name"), text(function, "description")))
        frame += _FUNCTION_TOKENS
        for tokens, line in _declared(section(function, "parameters") or {}, _DEPTH_MAX):
            frame += tokens
            lines.append(line)
    return frame + count(lines)


def _declared(schema: Json, depth: int) -> Iterator[tuple[int, str]]:
    """(tokens of the frame, line) of each property, and of each value that it may have."""
    properties = section(schema, "properties") or {}
    if properties:
        yield _PROPERTIES_TOKENS, ""
    for name in properties:
        of_it = section(properties, name) or {}
        yield _PROPERTY_TOKENS, _line(name, text(of_it, "type"), text(of_it, "description"))
        values = of_it.get("enum")
        if isinstance(values, list) and values:
            yield _ENUM_TOKENS, ""
            yield from ((_ENUM_ITEM_TOKENS, str(value)) for value in cast("list[object]", values))
        if depth:
            yield from _declared(section(of_it, "items") or of_it, depth - 1)


def _line(*parts: str) -> str:
    return ":".join(filter(None, parts)).removesuffix(".")
