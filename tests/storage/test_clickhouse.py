import logging
import os
import re
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import clickhouse_connect
import pytest

from spanledger.errors import StoreError, StoreLocked
from spanledger.storage.clickhouse import ClickHouseStore, open_embedded
from spanledger.storage.query import CostQuery, Selection
from spanledger.storage.row import CostRow

Builder = Callable[..., CostRow]

NOON = datetime(2026, 11, 1, 12, tzinfo=UTC)

ALL = Selection(project="p")

WRITE = """
import sys
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from spanledger.call import Call
from spanledger.pricing.cost import Cost
from spanledger.storage.clickhouse import open_embedded
from spanledger.storage.row import CostRow

now = datetime(2026, 11, 1, tzinfo=UTC)
cost = Cost(status="priced", amount=Decimal("0.1"), lines=(), book_version="")
store = open_embedded(Path(sys.argv[1]))
for number in range(20):
    ids = {"trace_id": f"{number:032x}", "span_id": f"{number:016x}"}
    call = Call(project="p", start_time=now, duration_us=1, provider="x", operation="chat", **ids)
    store.write([CostRow(call, cost, now)])
    print(number, flush=True)
sys.stdin.read()
"""


@pytest.fixture
def opened(data_dir: Path) -> Iterator[ClickHouseStore]:
    """A store for this test alone; the shared one would keep the others from opening theirs."""
    store = open_embedded(data_dir)
    yield store
    store.close()


def _python(code: str, *arguments: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-c", code, *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONWARNINGS": "error"},
    )


def test_killed_process_loses_nothing(data_dir: Path) -> None:
    """What was written is there after the process was killed, and its lock is not (promise 2)."""
    with _python(WRITE, str(data_dir)) as writer:
        assert writer.stdout is not None
        written = [int(writer.stdout.readline()) for _ in range(20)]
        refusal = re.escape(
            f"the data directory {data_dir} is in use by another process (pid {writer.pid})"
        )
        with pytest.raises(StoreLocked, match=f"^{refusal}$"):
            open_embedded(data_dir)
        writer.kill()
    store = open_embedded(data_dir)
    amounts = [result.amount for result in store.costs(CostQuery(where=ALL)).results]
    store.close()

    assert written == list(range(20))
    assert amounts == [Decimal(2)]


def test_a_process_that_crashes_ends(data_dir: Path) -> None:
    """The engine's own handling of fatal signals would keep it for five minutes, ports open."""
    with _python(WRITE, str(data_dir)) as writer:
        assert writer.stdout is not None
        for _ in range(20):
            writer.stdout.readline()
        writer.send_signal(signal.SIGSEGV)

        assert writer.wait(timeout=60) == -signal.SIGSEGV


def test_reopening(data_dir: Path, tmp_path: Path, a_row: Builder) -> None:
    """A store that was closed opens again with all its rows, also after another was open."""
    row = a_row(project="p")
    for place, rows in ((data_dir, [row]), (tmp_path / "other", []), (data_dir, [])):
        store = open_embedded(place)
        store.write(rows)
        found = list(store.calls(ALL, limit=9))
        store.close()

        assert found == ([] if place != data_dir else [row])


def test_one_store_at_a_time(data_dir: Path, tmp_path: Path) -> None:
    """The same directory twice, or two directories at once, are refused in one sentence each."""
    other = tmp_path / "other"
    store = open_embedded(data_dir)

    with pytest.raises(StoreLocked, match=rf"\(pid {os.getpid()}\)$"):
        open_embedded(data_dir)
    with pytest.raises(StoreError, match=r"cannot open .* or this process has another store open"):
        open_embedded(other)
    store.close()
    open_embedded(other).close()


def test_places_that_cannot_be_used(tmp_path: Path) -> None:
    """A file where the directory should be is refused in one sentence."""
    (tmp_path / "file").write_text("")

    with pytest.raises(
        StoreError, match=r"^the data directory .*file cannot be used: File exists$"
    ):
        open_embedded(tmp_path / "file")


def test_file_in_the_way_of_clickhouse(data_dir: Path) -> None:
    """A data directory in which ClickHouse cannot keep its files is refused, and let go of."""
    data_dir.mkdir()
    (data_dir / "clickhouse").write_text("")

    for _ in range(2):
        with pytest.raises(StoreError, match="embedded ClickHouse cannot open"):
            open_embedded(data_dir)


def test_newer_database_is_refused(data_dir: Path) -> None:
    """A database of a later program is refused, and let go of."""
    store = open_embedded(data_dir)
    with store._client() as client:
        client.command(
            "INSERT INTO spanledger.schema_migrations VALUES (9999, '9999_later.sql', '', now64(6))"
        )
    store.close()

    for _ in range(2):
        with pytest.raises(StoreError, match=r"newer than this program: .* 9999_later\.sql"):
            open_embedded(data_dir)


def test_missing_chdb_is_said(tmp_path: Path) -> None:
    """Without the embedded extra, opening says what to install."""
    code = """
import sys
sys.modules["chdb"] = None
from pathlib import Path
from spanledger.errors import StoreError
from spanledger.storage.clickhouse import open_embedded
try:
    open_embedded(Path(sys.argv[1]))
except StoreError as error:
    print(error)
"""
    with _python(code, str(tmp_path / "data")) as process:
        output, errors = process.communicate()

    assert (output, errors) == (
        "embedded ClickHouse is not installed: pip install 'spanledger[embedded]'\n",
        "",
    )


def test_months_of_late_spans(opened: ClickHouseStore, project: str, a_row: Builder) -> None:
    """One batch may hold calls of more months than ClickHouse takes in one insert by itself."""
    rows = [a_row(project=project, start_time=NOON - timedelta(days=31 * n)) for n in range(130)]
    opened.write(rows)

    assert list(opened.calls(Selection(project=project), limit=200)) == rows


def test_replays_count_once_before_and_after_merges(
    opened: ClickHouseStore, project: str, a_row: Builder
) -> None:
    """Twins count once while they lie in different parts, and once when these were merged."""
    rows = [a_row("0.25", project=project) for _ in range(4)]
    where = Selection(project=project)
    for batch in (rows, rows[:3], rows[2:]):
        opened.write(batch)
    before = opened.costs(CostQuery(where=where)).results
    with opened._client() as client:
        client.command("OPTIMIZE TABLE spanledger.calls FINAL")
        kept = client.query(
            "SELECT count() FROM spanledger.calls WHERE project = {p:String}",
            parameters={"p": project},
        )

    assert before == opened.costs(CostQuery(where=where)).results
    assert (before[0].calls, before[0].amount) == (4, Decimal(1))
    assert kept.result_rows == [(4,)]


@pytest.mark.parametrize(
    "impossible",
    [
        {"duration_us": 2**70},
        {"user_id": "secret \ud800"},
        {"reported_amount": Decimal("1e30")},
        {"reported_amount": Decimal("NaN")},
    ],
)
def test_values_that_no_column_holds(
    opened: ClickHouseStore, project: str, a_row: Builder, impossible: dict[str, object]
) -> None:
    """A batch with a value that cannot be kept fails as a whole, and the next one is written."""
    good = a_row(project=project)

    with pytest.raises(StoreError, match=r"^the store failed"):
        opened.write([good, a_row(project=project, **impossible)])
    assert list(opened.calls(Selection(project=project), limit=9)) == []
    opened.write([good])
    assert list(opened.calls(Selection(project=project), limit=9)) == [good]


def test_errors_show_no_sql(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """What goes wrong is named, while SQL and the values in it are for the debug log alone."""
    path = str(tmp_path / "empty")
    store = ClickHouseStore(lambda: clickhouse_connect.get_client(interface="chdb", path=path))
    caplog.set_level(logging.DEBUG, "spanledger.storage")

    with pytest.raises(StoreError) as raised:
        store.costs(CostQuery(where=Selection(project="secret")))
    store.close()

    assert str(raised.value) == "the store failed (UNKNOWN_DATABASE)"
    levels = {r.levelname for r in caplog.records if r.name.startswith("spanledger")}
    assert levels == {"DEBUG"}


def test_unreachable_server(a_row: Builder) -> None:
    """A server that does not answer is a `StoreError` on every operation, and closing works."""
    with socket.create_server(("127.0.0.1", 0)) as unused:
        port = unused.getsockname()[1]
    store = ClickHouseStore(lambda: clickhouse_connect.get_client(host="127.0.0.1", port=port))

    for attempt in (
        store.migrate,
        lambda: store.write([a_row(project="p")]),
        lambda: store.calls(ALL, limit=1),
    ):
        with pytest.raises(StoreError, match=r"^the store failed \(\w+\)$"):
            attempt()
    store.close()


def test_closed_store(data_dir: Path, a_row: Builder) -> None:
    """A closed store says so whatever it is asked, and closing it again does nothing."""
    store = open_embedded(data_dir)
    store.close()
    store.close()

    for attempt in (
        lambda: store.write([a_row(project="p")]),
        lambda: store.calls(ALL, limit=1),
        lambda: store.costs(CostQuery(where=ALL)),
    ):
        with pytest.raises(StoreError, match=r"^the store is closed$"):
            attempt()


def test_closing_waits_for_what_is_under_way(tmp_path: Path) -> None:
    """The directory is let go of only after the last operation has ended."""
    events: list[str] = []
    entered, go_on = threading.Event(), threading.Event()
    path = str(tmp_path / "clickhouse")
    store = ClickHouseStore(
        lambda: clickhouse_connect.get_client(interface="chdb", path=path),
        lambda: events.append("released"),
    )

    def operate() -> None:
        with store._client() as client:
            entered.set()
            go_on.wait(60)
            events.append(str(client.command("SELECT 'done'")))

    threads = [threading.Thread(target=operate), threading.Thread(target=store.close)]
    threads[0].start()
    assert entered.wait(60)
    threads[1].start()
    go_on.set()
    for thread in threads:
        thread.join()

    assert events == ["done", "released"]


def test_clients_do_not_grow_with_threads(data_dir: Path) -> None:
    """Threads that come and go one after another share one client."""
    store = open_embedded(data_dir)
    for _ in range(10):
        thread = threading.Thread(target=store.calls, args=(ALL,), kwargs={"limit": 1})
        thread.start()
        thread.join()
    clients = len(store._idle)
    store.close()

    assert clients == 1
