"""The proof that history can be computed: every amount again, from what is stored alone."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from spanledger.pricing.book import PriceBook
from spanledger.pricing.cost import Unpriced
from spanledger.pricing.engine import price
from spanledger.storage.books import kept_book
from spanledger.storage.evidence import same_figures
from spanledger.storage.protocol import Store
from spanledger.storage.query import Selection
from spanledger.storage.row import CostRow
from spanledger.storage.walk import Progress, silent, walk

__all__ = ["Rebuild", "rebuild"]

EXAMPLES_MAX: Final = 20
BOOKS_MAX: Final = 8
"""Price books in memory at once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rebuild:
    """How many stored costs are what their usage and their price book give."""

    calls: int
    equal_calls: int
    different_calls: int
    without_amount_calls: int
    """Unpriced or invalid: there is no amount to compute."""
    without_book_calls: int
    """Their price book is not in the store: they were stored before books were kept."""
    different: tuple[str, ...]
    """Ids of the first calls that differ."""


def rebuild(store: Store, where: Selection, progress: Progress = silent) -> Rebuild:
    """Price each selected call by the book that its cost names, and compare; change nothing.

    Raises:
        StoreError: the store failed, or a book in it cannot be read.
    """
    counts: Counter[str] = Counter()
    different: list[str] = []

    @lru_cache(BOOKS_MAX)
    def book(version: str) -> PriceBook | None:
        return kept_book(store, version)

    def visit(rows: Sequence[CostRow]) -> None:
        for row in rows:
            outcome = _compare(
                row, None if isinstance(row.cost, Unpriced) else book(row.cost.book_version)
            )
            counts[outcome] += 1
            if outcome == "different" and len(different) < EXAMPLES_MAX:
                different.append(row.call.call_id)

    walk(store, where, visit, progress)
    return Rebuild(
        calls=counts.total(),
        equal_calls=counts["equal"],
        different_calls=counts["different"],
        without_amount_calls=counts["without amount"],
        without_book_calls=counts["without book"],
        different=tuple(different),
    )


def _compare(row: CostRow, book: PriceBook | None) -> str:
    if isinstance(row.cost, Unpriced):
        return "without amount"
    if book is None:
        return "without book"
    return "equal" if same_figures(price(row.call, book), row.cost) else "different"
