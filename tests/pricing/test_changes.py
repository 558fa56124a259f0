"""What a newer list would change is shown before anybody adopts it."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from spanledger.pricing.changes import Change, changes
from spanledger.pricing.listing import PriceList

NOVEMBER = datetime(2026, 11, 1, tzinfo=UTC)


def model(name: str, price: str, **more: Any) -> dict[str, Any]:
    """A model of the list."""
    return {"id": name, "match": {"equals": name}, "prices": {"input_mtok": price}, **more}


def a_list(*models: dict[str, Any]) -> PriceList:
    """A list of one provider."""
    return PriceList("test", [{"id": "acme", "models": list(models)}])


def test_added_removed_and_changed_models_are_told_apart() -> None:
    """Each with what it costs before and after; a model that stays the same is no change."""
    old = a_list(model("same", "1"), model("gone", "2"), model("dearer", "3"))
    new = a_list(model("same", "1"), model("dearer", "4"), model("new", "5"))

    assert list(changes(old, new, NOVEMBER)) == [
        Change("acme", "dearer", "changed", {"input_mtok": Decimal(3)}, {"input_mtok": Decimal(4)}),
        Change("acme", "gone", "removed", {"input_mtok": Decimal(2)}, {}),
        Change("acme", "new", "added", {}, {"input_mtok": Decimal(5)}),
    ]


def test_a_change_that_costs_the_same_today_is_a_change() -> None:
    """Other names, tiers or past times are told as well: they price past calls anew if asked."""
    old = a_list(model("m", "1"))
    new = a_list(model("m", "1", context_window=8192))

    (change,) = changes(old, new, NOVEMBER)

    assert change.kind == "changed"
    assert change.before == change.after


def test_a_model_without_a_price_has_none_to_show() -> None:
    """Nothing is made up for it."""
    (change,) = changes(a_list(), a_list(model("m", "1", prices={})), NOVEMBER)

    assert change.after == {}
