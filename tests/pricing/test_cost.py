"""A cost knows what it is made of, and compares as a value."""

from decimal import Decimal
from typing import Any

from spanledger.pricing.cost import Cost, PriceLine

LINE = PriceLine("input_tokens", Decimal(2), Decimal(1), 1, Decimal(2), "overlay:mine", None)


def a_cost(**fields: Any) -> Cost:
    """A plain cost; tests name what they vary."""
    plain: dict[str, Any] = {
        "status": "priced",
        "amount": Decimal(2),
        "lines": (LINE,),
        "book_version": "b",
    }
    return Cost(**plain | fields)


def test_lines_are_made_once_and_only_when_they_are_asked_for() -> None:
    """Most amounts are only added up."""
    made: list[str] = []

    def make() -> tuple[PriceLine, ...]:
        made.append("lines")
        return (LINE,)

    cost = a_cost(lines=make)

    assert made == []
    assert cost.lines == cost.lines == (LINE,)
    assert made == ["lines"]


def test_our_own_figure_is_the_amount_unless_the_provider_stated_one() -> None:
    """Order of truth: where a stated cost has no figure of ours beside it, there is none."""
    assert a_cost().computed_amount == Decimal(2)
    assert a_cost(status="reported").computed_amount is None
    beside = a_cost(status="reported", computed_amount=Decimal(3))
    assert (beside.computed_amount, beside.difference) == (Decimal(3), Decimal(-1))
    assert a_cost(status="reported").difference is None
    assert a_cost().difference is None


def test_costs_are_values() -> None:
    """Two costs are the same when all that they say is the same, however their lines are made."""
    lazy = a_cost(lines=lambda: (LINE,))

    assert lazy == a_cost()
    assert hash(lazy) == hash(a_cost())
    assert a_cost() != a_cost(reason="why")
    assert a_cost() != "a cost"
    assert "amount=Decimal('2')" in repr(lazy)
