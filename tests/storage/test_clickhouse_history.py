"""What ClickHouse does beyond the contract, which tests/storage/test_history.py covers."""

from pathlib import Path

import pytest

from spanledger.storage.clickhouse import open_embedded
from spanledger.storage.clickhouse_history import ClickHouseHistory
from spanledger.storage.history import PeriodAct
from spanledger.storage.layout import Layout
from tests.storage.priced import NOON, a_call, fresh
from tests.storage.test_history import a_repricing


def test_history_survives_the_process(data_dir: Path) -> None:
    """Books, periods, repricings and replaced rows are there when the directory is opened again."""
    act = PeriodAct(project="p", month="2026-10", closed=True, made_at=NOON, made_by="ann")
    row, repricing = fresh(a_call("p")), a_repricing("p")
    store = open_embedded(data_dir)
    since = store.keep_book("1", b"\0\xff", NOON)
    store.keep_period(act)
    store.keep_repricing(repricing)
    store.keep_replaced("rp", [row])
    store.close()

    store = open_embedded(data_dir)
    kept = (store.book("1"), list(store.periods("p")), list(store.repricings("p")))
    replaced = store.replaced("rp", [row.call])
    again = store.keep_book("1", b"\0\xff", NOON.replace(year=2030))
    store.close()

    assert kept == (b"\0\xff", [act], [repricing])
    assert replaced == {row.call.identity: row}
    assert again == since == NOON


def test_it_is_a_part_of_a_store() -> None:
    """By itself it has no way to a database."""
    with pytest.raises(NotImplementedError):
        ClickHouseHistory(Layout()).book("1")
