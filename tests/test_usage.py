"""Quantities that can be true are kept; others cannot be built."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spanledger.errors import InvalidUsage
from spanledger.usage import DISJOINT, PART_OF, QUANTITY_MAX, UNITS, Usage


def test_absent_is_not_zero() -> None:
    """A unit that nobody reported stays absent; a reported 0 is reported."""
    usage = Usage(input_tokens=10, cache_read_tokens=0)

    assert usage.reported() == {"input_tokens": 10, "cache_read_tokens": 0}
    assert usage.output_tokens is None


def test_total_is_input_and_output() -> None:
    """S4.2: the total of a call; parts are inside and not added again."""
    usage = Usage(input_tokens=10, cache_read_tokens=4, output_tokens=5, reasoning_tokens=5)

    assert usage.total_tokens == 15
    assert Usage().total_tokens == 0


@pytest.mark.parametrize(
    ("quantities", "says"),
    [
        ({"input_tokens": -1}, "input_tokens -1 is not between 0 and 100000000"),
        ({"input_tokens": QUANTITY_MAX + 1}, "is not between"),
        ({"output_tokens": 1.5}, "output_tokens is 1.5, not a whole number"),
        ({"output_tokens": True}, "output_tokens is True, not a whole number"),
        ({"output_tokens": "7"}, "not a whole number"),
        (
            {"input_tokens": 5, "cache_read_tokens": 6},
            "cache_read_tokens 6 exceeds input_tokens 5",
        ),
        ({"reasoning_tokens": 1}, "reasoning_tokens 1 exceeds output_tokens None"),
        (
            {"input_tokens": 9, "cache_read_tokens": 5, "cache_write_tokens": 5},
            "cache_read_tokens and cache_write_tokens 10 exceeds input_tokens 9",
        ),
        (
            {"input_tokens": 9, "cache_read_tokens": 9, "cache_read_audio_tokens": 1},
            "cache_read_audio_tokens 1 exceeds input_audio_tokens None",
        ),
    ],
)
def test_what_cannot_be_true_cannot_be_built(quantities: dict[str, Any], says: str) -> None:
    """Threat 5: the error names both units and both numbers."""
    with pytest.raises(InvalidUsage, match=says):
        Usage(**quantities)


@given(st.dictionaries(st.sampled_from(UNITS), st.integers(-5, 50)))
def test_every_usage_that_exists_is_possible(quantities: dict[str, int]) -> None:
    """Whatever is built, no part exceeds any whole that contains it."""
    try:
        usage = Usage(**quantities)
    except InvalidUsage:
        return
    assert all(quantity >= 0 for quantity in usage.reported().values())
    for part, wholes in PART_OF.items():
        for whole in wholes:
            assert (getattr(usage, part) or 0) <= (getattr(usage, whole) or 0)


def test_the_table_of_parts_names_units_only() -> None:
    """A misspelled name in the table would silently contain nothing."""
    assert {*PART_OF, *(whole for wholes in PART_OF.values() for whole in wholes)} <= set(UNITS)
    assert {unit for units in DISJOINT for unit in units} <= set(UNITS)
