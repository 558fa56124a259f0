from dataclasses import replace
from decimal import Decimal

from spanledger.pricing.cost import Cost, Unpriced
from spanledger.storage.differences import MODELS_MAX, VERSIONS_MAX, Tally
from spanledger.storage.row import CostRow
from tests.storage.priced import a_call, fresh


def costing(row: CostRow, amount: str, version: str = "1") -> CostRow:
    """The row with another cost."""
    cost = Cost(status="priced", amount=Decimal(amount), lines=(), book_version=version)
    return replace(row, cost=cost)


def test_sums_are_exact() -> None:
    """Amounts far apart are added without rounding, and an unknown one adds nothing."""
    tally, row = Tally(), fresh(a_call("p"))
    for amount in ("99999999999999999999999999", "0.000000000001"):
        tally.add(costing(row, amount), replace(row, cost=Unpriced("")))

    (line,) = tally.differences()

    assert line.amount_before == Decimal("99999999999999999999999999.000000000001")
    assert (line.amount_after, line.newly_unpriced_calls) == (None, 2)


def test_models_are_bounded() -> None:
    """Names beyond the bound are one line without a name; none of their calls is left out."""
    tally = Tally()
    for number in range(MODELS_MAX + 7):
        row = fresh(a_call("p", request_model=f"m{number}"))
        tally.add(row, row)

    lines = tally.differences()

    assert len(lines) == MODELS_MAX + 1
    assert (lines[0].provider, lines[0].model, lines[0].calls) == ("", "", 7)


def test_versions_are_bounded() -> None:
    """Only of costs that change, each once, and no more than the bound."""
    tally, row = Tally(), fresh(a_call("p"))
    same = costing(row, "1", "kept")
    tally.add(same, same)
    tally.add(replace(row, cost=Unpriced("")), row)
    for number in range(2 * VERSIONS_MAX):
        tally.add(costing(row, "1", f"v{number // 2}"), row)

    versions = tally.replaced_versions()

    assert len(versions) == VERSIONS_MAX
    assert "kept" not in versions
