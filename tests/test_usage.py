"""Quantities that can be true are kept; others cannot be built."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spanledger.errors import InvalidUsage
from spanledger.usage import COMMON, DISJOINT, PART_OF, QUANTITY_MAX, UNITS, Usage


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


@pytest.mark.parametrize("unit", UNITS)
@pytest.mark.parametrize("value", [0, 1])
def test_plain_is_what_has_common_units_only(unit: str, value: int) -> None:
    """Input and output reported, and of nothing else more than none."""
    quantities = {"input_tokens": 9, "output_tokens": 9, unit: value}
    for part in (unit, *PART_OF.get(unit, ())):
        for whole in PART_OF.get(part, ()):
            quantities.setdefault(whole, 9)
    usage = Usage(**quantities)
    rare = {part for part, quantity in quantities.items() if quantity} - set(COMMON)

    assert usage.plain is not bool(rare)


@pytest.mark.parametrize("side", ["input_tokens", "output_tokens"])
def test_a_usage_with_one_side_only_is_not_plain(side: str) -> None:
    """Absent is not zero: what was not reported may have been consumed."""
    assert not Usage(**{side: 5}).plain
    assert Usage(input_tokens=0, output_tokens=0).plain
    assert not Usage().plain


@pytest.mark.parametrize(("part", "other", "whole"), DISJOINT)
def test_two_that_share_nothing_fit_into_their_whole_together(
    part: str, other: str, whole: str
) -> None:
    """Exactly full is possible; one more is not, and the error names all three."""
    quantities = dict.fromkeys(_above(part) | _above(other), 1000) | {"input_tokens": 10_000}
    quantities |= {whole: 10}
    quantities |= {part: 4, other: 6}

    assert getattr(Usage(**quantities), whole) == 10
    with pytest.raises(InvalidUsage, match=rf"{part} and {other} 11 exceeds {whole} 10"):
        Usage(**quantities | {part: 5})
    assert Usage(**quantities | {part: 4, other: 0}).reported()[other] == 0


def _above(unit: str) -> set[str]:
    direct = set(PART_OF.get(unit, ()))
    return direct.union(*map(_above, direct))


@pytest.mark.parametrize("unit", UNITS)
def test_every_unit_has_its_limits(unit: str) -> None:
    """None at all, the most that is believed, and nothing beyond either."""
    around = dict.fromkeys(_above(unit), QUANTITY_MAX)

    assert Usage(**around | {unit: QUANTITY_MAX}).reported()[unit] == QUANTITY_MAX
    assert Usage(**{unit: 0}).reported() == {unit: 0}
    wrongs: list[Any] = [-1, QUANTITY_MAX + 1, 10**5000, True, 1.0, "1", [1], float("nan")]
    for wrong in wrongs:
        with pytest.raises(InvalidUsage, match=f"^{unit} ") as refused:
            Usage(**{**around, unit: wrong})
        assert len(str(refused.value)) <= 200


def test_whole_numbers_of_a_kind_of_their_own_are_quantities() -> None:
    """As a program of one's own may count."""

    class Tokens(int):
        """A count of tokens."""

    assert Usage(input_tokens=Tokens(5), cache_read_tokens=Tokens(5)).total_tokens == 5
    assert not Usage(output_tokens=Tokens(5), reasoning_tokens=Tokens(0)).plain
    with pytest.raises(InvalidUsage, match="cache_read_tokens 6 exceeds input_tokens 5"):
        Usage(input_tokens=Tokens(5), cache_read_tokens=Tokens(6))


def test_usages_are_values() -> None:
    """Equal where all that was reported is; whether they are plain is no part of it."""
    assert Usage(input_tokens=1) == Usage(input_tokens=1)
    assert Usage(input_tokens=1) != Usage(input_tokens=1, output_tokens=0)
    assert "plain" not in repr(Usage())
