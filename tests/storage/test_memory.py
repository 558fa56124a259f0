from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal, Inexact

import pytest

from spanledger.storage.memory import MemoryStore
from spanledger.storage.protocol import Store
from spanledger.storage.query import CostQuery, Selection
from spanledger.storage.row import CostRow


def test_memory_store_is_a_store(a_row: Callable[..., CostRow]) -> None:
    """It has the shape of a store, and gives rows back as they are (see also test_contract.py)."""
    store: Store = MemoryStore()
    row = a_row(project="p", start_time=datetime(2026, 1, 1, tzinfo=UTC))
    store.write([row])

    assert store.calls(Selection(project="p"), limit=1)[0] is row


def test_a_sum_is_never_rounded(a_row: Callable[..., CostRow]) -> None:
    """Where a sum would need more digits than there are, it is refused rather than rounded."""
    store = MemoryStore()
    store.write([a_row(Decimal(amount), project="p") for amount in ("1E50", "1E-50")])

    with pytest.raises(Inexact):
        store.costs(CostQuery(where=Selection(project="p")))
