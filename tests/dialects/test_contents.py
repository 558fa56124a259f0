import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spanledger.dialects.contents import texts_along

BODY: dict[str, object] = {
    "system": "Be brief.",
    "messages": [
        {"content": "Rain?"},
        {"content": [{"text": "Yes."}, {"text": "No."}, "raw", {"input": {"city": "Paris"}}]},
        {"content": None},
        "stray",
    ],
    "nested": [["a", ["b"]], [], "c"],
    "tools": [{"name": "look"}, {"name": "go"}],
    "n": 5,
    "half": "\ud83d",
    "empty": {"text": "", "input": {}, "more": []},
}


@pytest.mark.parametrize(
    ("path", "keys", "texts"),
    [
        ("system", (), ["Be brief."]),
        ("system", ("text",), ["Be brief."]),
        ("messages.content", ("text",), ["Rain?", "Yes.", "No.", "raw"]),
        (
            "messages.content",
            ("text", "input"),
            ["Rain?", "Yes.", "No.", "raw", '{"city":"Paris"}'],
        ),
        ("messages.content.text", (), ["Yes.", "No."]),
        ("nested", (), ["a", "b", "c"]),
        ("tools", (), ['{"name":"look"}', '{"name":"go"}']),
        ("tools.name", (), ["look", "go"]),
        ("n", (), []),
        ("half", (), ["?"]),
        ("empty", ("text", "input", "more"), []),
        ("absent.path", (), []),
    ],
)
def test_texts(path: str, keys: tuple[str, ...], texts: list[str]) -> None:
    """Texts are found in lists and objects, in their order; tools are spelled as JSON."""
    assert list(texts_along(BODY, path, *keys)) == texts


def test_deep_rubbish() -> None:
    """Nesting deeper than Python can follow is passed over."""
    deep: Any = []
    for _ in range(100_000):
        deep = [deep]
    very: dict[str, object] = {"input": {"deep": deep}}
    assert list(texts_along({"a": deep, "b": very}, "a")) == []
    assert list(texts_along({"a": deep, "b": very}, "b", "input")) == []


JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=5)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.sampled_from("abc"), inner, max_size=3)
    ),
)


@given(body=st.dictionaries(st.sampled_from("abc"), JSON))
def test_any_json(body: dict[str, object]) -> None:
    """Whatever the body is, what comes out are texts that can be encoded, none of them empty."""
    for path, keys in (("a", ()), ("a.b", ("c",)), ("a.a.a", ("b", "c"))):
        for text in texts_along(body, path, *keys):
            assert text.encode()


def test_json_is_spelled_compactly() -> None:
    """A tool's input is spelled without spaces, and is the same JSON."""
    value = {"q": "à", "n": [1, 2]}
    (spelled,) = texts_along({"input": value}, "input")
    assert json.loads(spelled) == value
    assert " " not in spelled
