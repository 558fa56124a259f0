from types import MappingProxyType
from typing import Any

import pytest

from spanledger.dialects.counts import Shape, count_in, gather, list_in, object_in, total
from spanledger.errors import InvalidUsage

SHAPE: Shape = {"a": "x", "more": {"b": "y", "deep": {"c": "z"}}, "second": "x"}


@pytest.mark.parametrize(
    ("raw", "found"),
    [
        ({}, {}),
        ({"a": 0}, {"x": 0}),
        ({"a": 1, "second": 2}, {"x": 1}),
        ({"second": 2, "a": None}, {"x": 2}),
        ({"a": 3.0, "unheard": "of"}, {"x": 3}),
        ({"more": None}, {}),
        ({"more": {"b": 4, "deep": {"c": 5}}}, {"y": 4, "z": 5}),
    ],
)
def test_gather(raw: dict[str, object], found: dict[str, int]) -> None:
    """Counts are found by their names at any depth; the first that is stated stands, 0 included."""
    assert gather(raw, SHAPE) == found


@pytest.mark.parametrize(
    "raw",
    [
        {"a": "1"},
        {"a": True},
        {"a": 1.5},
        {"a": -1},
        {"a": 10**5000},
        {"more": 1},
        {"more": [1]},
        {"more": {"deep": "c"}},
    ],
)
def test_no_counts(raw: dict[str, object]) -> None:
    """What is no count, or no object where one belongs, is refused with its name."""
    with pytest.raises(InvalidUsage, match=r"^(a|more|deep) is "):
        gather(raw, SHAPE)


def test_first_name_that_states_a_count() -> None:
    """Of two names for a count the first that states one stands."""
    assert count_in({"a": None, "b": 2}, "a", "b") == 2
    assert count_in({"a": 1, "b": 2}, "a", "b") == 1
    assert count_in({}, "a", "b") is None


@pytest.mark.parametrize("value", [{"b": 1}, MappingProxyType({"b": 1})])
def test_objects(value: object) -> None:
    """Any mapping is an object."""
    assert object_in({"a": value}, "a") == {"b": 1}
    assert list_in({"a": [value]}, "a") == [{"b": 1}]


def test_absent_is_empty() -> None:
    """What is absent or null holds nothing."""
    assert object_in({}, "a") == {}
    assert object_in({"a": None}, "a") == {}
    assert list_in({"a": None}, "a") == []


@pytest.mark.parametrize("value", [5, "b", {"b": 1}, [5], [None]])
def test_no_list_of_objects(value: Any) -> None:
    """A list has objects in it, and nothing else is a list."""
    with pytest.raises(InvalidUsage, match="a is a"):
        list_in({"a": value}, "a")


def test_total() -> None:
    """A sum is of what was stated, and of nothing it is not 0."""
    assert total(1, None, 2) == 3
    assert total(0) == 0
    assert total(None) is None
    assert total() is None
