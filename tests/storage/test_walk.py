from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta

import pytest

from spanledger.storage.clickhouse import ClickHouseStore
from spanledger.storage.history import MICROSECOND
from spanledger.storage.memory import MemoryStore
from spanledger.storage.query import Selection
from spanledger.storage.row import CostRow
from spanledger.storage.walk import PAGE_ROWS, WINDOW_CALLS, walk

Builder = Callable[..., CostRow]

NOON = datetime(2026, 11, 1, 12, tzinfo=UTC)


def test_every_call_once_in_order(embedded: ClickHouseStore, project: str, a_row: Builder) -> None:
    """More calls than fit into a window, most of them at once, are shown once, latest first."""
    at_once = [a_row(project=project) for _ in range(WINDOW_CALLS + 10)]
    spread = [a_row(project=project, start_time=NOON - n * timedelta(days=20)) for n in range(30)]
    ends = [
        a_row(project=project, start_time=datetime(2026, 10, 1, tzinfo=UTC) - n * MICROSECOND)
        for n in range(2)
    ]
    embedded.write([*at_once, *spread, *ends, a_row(project=f"{project}-other")])
    seen: list[CostRow] = []
    told: list[tuple[int, int]] = []

    def visit(rows: Sequence[CostRow]) -> None:
        assert len(rows) <= PAGE_ROWS
        seen.extend(rows)

    walk(
        embedded, Selection(project=project), visit, lambda done, whole: told.append((done, whole))
    )

    starts = [row.call.start_time for row in seen]
    whole = len(at_once) + 32
    assert len({row.call.identity for row in seen}) == len(seen) == whole
    assert starts == sorted(starts, reverse=True)
    assert told[-1] == (whole, whole)


def test_nothing_to_see() -> None:
    """Without calls nobody is shown anything."""
    walk(MemoryStore(), Selection(project="p"), lambda rows: pytest.fail(str(rows)))
