"""A repricing whose process is killed; apart, for it opens directories of its own."""

import subprocess
import sys
from decimal import Decimal
from pathlib import Path

import pytest

from spanledger.storage.clickhouse import open_embedded
from spanledger.storage.history import MICROSECOND
from spanledger.storage.query import CostQuery, Selection
from spanledger.storage.repricing import resume
from spanledger.storage.undoing import undo
from tests.storage.priced import NOON, a_call, clock, rows_of, same_but_time, stale

KILLED = """
import os
import sys
from pathlib import Path
from spanledger.storage.clickhouse import ClickHouseStore, open_embedded
from spanledger.storage.repricing import reprice
from tests.storage.priced import BOOK, clock, october

left = int(sys.argv[2])
store = open_embedded(Path(sys.argv[1]))

class Dying(ClickHouseStore):
    def _die(self):
        global left
        left -= 1
        if left == 0:
            os.kill(os.getpid(), 9)

    def write(self, rows):
        self._die()
        super().write(rows)
        self._die()

    def keep_repricing(self, repricing):
        super().keep_repricing(repricing)
        self._die()

store.__class__ = Dying
reprice(store, BOOK, october("p"), clock=clock, dry_run=False)
"""


@pytest.mark.parametrize(
    "moment", [1, 3, *(pytest.param(moment, marks=pytest.mark.soak) for moment in (2, 4, 5))]
)
def test_killed_in_the_middle(data_dir: Path, moment: int) -> None:
    """Killed after the record, before or after any page: resumed or undone, all is right."""
    rows = [stale(a_call("p", start_time=NOON + n * MICROSECOND)) for n in range(4_000)]
    store = open_embedded(data_dir)
    store.write(rows)
    store.close()

    killed = subprocess.run(
        [sys.executable, "-c", KILLED, str(data_dir), str(moment)],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        check=False,
    )

    assert killed.returncode == -9, killed.stderr
    store = open_embedded(data_dir)
    (begun,) = store.repricings("p")
    resumed = resume(store, begun, clock=clock) if moment % 2 else begun
    after = store.costs(CostQuery(where=Selection(project="p"))).results[0].amount
    undo(store, begun, clock=clock)
    restored = rows_of(store, "p")
    store.close()
    assert begun.state == "applying"
    if moment % 2:
        assert resumed.changed_calls == 4_000
        assert resumed.differences[0].amount_before == Decimal(28_000)
        assert after == Decimal(10_000)
    assert same_but_time(restored, rows[::-1])
