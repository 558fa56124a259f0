"""Attributes as texts, counts and objects."""

import pytest

from spanledger.collector.conventions.record import (
    TEXT_MAX,
    AttributeValue,
    as_count,
    as_object,
    as_text,
)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("a\x00b", "ab"),
        ("x" * 5000, "x" * TEXT_MAX),
        (42, "42"),
        (True, ""),
        (b"x", ""),
        (None, ""),
    ],
)
def test_texts(value: AttributeValue, text: str) -> None:
    """Bounded and clean; what is no text is absent."""
    assert as_text(value) == text


@pytest.mark.parametrize(
    ("value", "count"), [(42, 42), (True, None), (4.0, None), ("4", None), (None, None)]
)
def test_counts(value: AttributeValue, count: int | None) -> None:
    """A truth value is no count, though Python takes it for one."""
    assert as_count(value) == count


@pytest.mark.parametrize(
    "value",
    ["", "{", "[1]", '"text"', "null", "[" * 3000, '{"a": "' + "x" * TEXT_MAX + '"}', 5, None],
)
def test_what_is_no_object(value: AttributeValue) -> None:
    """Threat 8: broken, nested without end, too long, or another kind of JSON."""
    assert as_object(value) is None


def test_an_object() -> None:
    """As JSON spells it."""
    assert as_object('{"input": 8}') == {"input": 8}
