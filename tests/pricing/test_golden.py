"""The golden set: what providers answered, and what it cost, each case with its source.

The expected amounts were computed by hand from the source's rates, never by this program. A line of
`golden/*.jsonl` is what `spanledger price --jsonl` reads, with `category`, `expected_usd`,
`expected_status`, the `breakdown` of the amount, its `source` and how sure it is.
"""

import json
from collections import Counter
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from spanledger.pricing.book import PriceBook
from spanledger.pricing.cost import SCALE, Cost
from spanledger.pricing.engine import price
from spanledger.pricing.overlay import read_overlay
from spanledger.pricing.recorded import read_recorded

GOLDEN = Path(__file__).parent / "golden"
BOOK = PriceBook()


def cases() -> Iterator[Any]:
    """Every case, named by its id and kind."""
    for file in sorted(GOLDEN.glob("*.jsonl")):
        for line in file.read_text(encoding="utf-8").splitlines():
            case = json.loads(line)
            yield pytest.param(case, id=f"{case['id']}-{case['category']}")


@pytest.mark.parametrize("case", list(cases()))
def test_a_recorded_answer_costs_what_its_source_says(case: dict[str, Any]) -> None:
    """S4.3, S4.5, S4.6, S3.3: right to the last digit, and never silently zero."""
    book = BOOK
    if overlay := case.get("overlay"):
        book = BOOK.with_own(read_overlay(json.dumps({"overrides": overlay}), "overlay"))

    cost = price(read_recorded(case), book)

    assert cost.status == case["expected_status"], cost.reason
    if case["expected_usd"] is None:
        assert not isinstance(cost, Cost)
        return
    assert isinstance(cost, Cost)
    # Each line is rounded to the scale of the store; a sum of lines may differ by half of it each.
    assert abs(cost.amount - Decimal(case["expected_usd"])) <= SCALE * (len(cost.lines) + 1) / 2


def test_the_set_has_every_kind_with_its_source() -> None:
    """Done when: at least 150 beside the shared ones, of every kind, each with its source."""
    all_cases = [parameters.values[0] for parameters in cases()]

    assert len(all_cases) == len({case["id"] for case in all_cases})
    assert all(case["source"] for case in all_cases)
    assert len(all_cases) >= 21 + 150
    statuses = Counter(case["expected_status"] for case in all_cases)
    assert statuses.keys() >= {"priced", "reported", "partial", "unpriced", "invalid"}
