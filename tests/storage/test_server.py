"""A store on a server that is there, is not, hangs, or dies in the middle of an insert."""

import logging
import signal
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import httpx
import pytest

from spanledger.errors import SettingsError, StoreError
from spanledger.storage.clickhouse import ClickHouseStore
from spanledger.storage.query import CostQuery, Selection
from spanledger.storage.row import CostRow
from spanledger.storage.server import open_server, open_store
from tests.collector.spans import build_body, build_span
from tests.running import ADMIN_KEY, run_spanledger, spanledger_up
from tests.storage.servers import PASSWORD, ChdbServer

Builder = Callable[..., CostRow]

ALL = CostQuery(where=Selection(project="p"))

PATIENT = (1_000,) * 60
"""Pauses that outlast a start of the server."""

HANGS_S = 2
"""Longer than an answer takes here."""


@pytest.fixture
def mortal(tmp_path: Path) -> Iterator[ChdbServer]:
    """A server for one test, which may end it."""
    server = ChdbServer(tmp_path / "mortal")
    server.start()
    yield server
    server.kill()


def url(server: ChdbServer, database: str) -> str:
    """The address as one sets it."""
    return f"clickhouse://collector:p%40ss%2Fword%3Aof%20tests@127.0.0.1:{server.port}/{database}"


def test_a_url_leads_to_the_server(server: ChdbServer, database: str, tmp_path: Path) -> None:
    """An empty URL is the embedded store, another one a server; no data directory is made then."""
    store = open_store(tmp_path / "data", url(server, database))
    assert store.costs(ALL).results == ()
    store.close()
    assert not (tmp_path / "data").exists()

    open_store(tmp_path / "data", "").close()
    assert (tmp_path / "data" / "clickhouse").is_dir()
    with pytest.raises(SettingsError):
        open_store(tmp_path, "http://h")


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_server_that_dies_in_an_insert(mortal: ChdbServer, a_row: Builder, when: str) -> None:
    """The insert is no success; written again once the server is back, each row counts once."""
    rows = [a_row("0.1", project="p") for _ in range(5_000)]
    store = mortal.open()
    store.write(rows[:100])
    mortal.die_at_next_insert(when)
    with pytest.raises(StoreError, match=r"cannot be reached, or broke the connection off$"):
        store.write(rows)
    mortal.wait()
    with pytest.raises(StoreError, match=r"cannot be reached, or broke the connection off$"):
        store.costs(ALL)
    mortal.start()
    (stands,) = store.costs(ALL).results
    assert (stands.calls, stands.amount) == ((100, 10) if when == "before" else (5_000, 500))
    store.write(rows)
    (result,) = store.costs(ALL).results
    store.close()

    assert (result.calls, result.amount) == (5_000, Decimal(500))


def test_a_restart_is_bridged(mortal: ChdbServer, a_row: Builder) -> None:
    """A server that comes back in time is no error, and nothing is doubled."""
    store = mortal.open(pauses_ms=PATIENT)
    rows = [a_row("0.1", project="p") for _ in range(20)]
    mortal.die_at_next_insert("after")

    def restart() -> None:
        mortal.wait()
        mortal.start()

    restarting = threading.Thread(target=restart)
    restarting.start()
    store.write(rows)
    (result,) = store.costs(ALL).results
    restarting.join()
    store.close()

    assert (result.calls, result.amount) == (20, Decimal(2))


def test_a_server_that_hangs(mortal: ChdbServer, a_row: Builder) -> None:
    """A server that says nothing is given up, and the rows may be written again."""
    row = a_row("0.1", project="p")
    mortal.open().close()
    store = open_server(mortal.address(), timeout_s=HANGS_S)
    assert mortal.process is not None
    mortal.process.send_signal(signal.SIGSTOP)
    with pytest.raises(StoreError, match=rf"has said nothing for {HANGS_S} s$"):
        store.write([row])
    with pytest.raises(StoreError, match=r"has said nothing for 1 s$"):
        open_server(mortal.address(), timeout_s=1)
    mortal.process.send_signal(signal.SIGCONT)
    store.write([row])
    (result,) = store.costs(ALL).results
    store.close()

    assert (result.calls, result.amount) == (1, Decimal("0.1"))


def test_closing_ends_the_trying(mortal: ChdbServer) -> None:
    """Nobody waits for the pauses of a store that is closed."""
    store = mortal.open(pauses_ms=(10**7,))
    mortal.kill()
    said: list[str] = []

    def ask() -> None:
        with pytest.raises(StoreError) as raised:
            store.costs(ALL)
        said.append(str(raised.value))

    asking = threading.Thread(target=ask)
    asking.start()
    store.close()
    asking.join(60)
    mortal.start()

    assert said[0].endswith(("the store is closed", "broke the connection off"))


def test_refusals_are_sentences(
    server: ChdbServer, database: str, caplog: pytest.LogCaptureFixture
) -> None:
    """A wrong password, a database that is not ours to make, and nobody there: each is said."""
    caplog.set_level(logging.DEBUG)
    here = f"ClickHouse at 127.0.0.1:{server.port}"
    address = server.address(database)
    wrong = {
        f"{here} refuses the user collector or the password": server.address(password="geheim"),  # noqa: S106 - it opens nothing
        f"{here} refuses the user bob or the password": replace(address, user="bob"),
        f"{here} does not allow the user collector what is needed in the database forbidden_1": (
            server.address("forbidden_1")
        ),
        "ClickHouse at 127.0.0.1:1 cannot be reached, or broke the connection off": replace(
            address, port=1
        ),
    }

    for sentence, refused in wrong.items():
        with pytest.raises(StoreError) as raised:
            open_server(refused, pauses_ms=())
        assert str(raised.value) == sentence
    logged = "\n".join(record.getMessage() for record in caplog.records)
    assert PASSWORD not in logged
    assert "geheim" not in logged


def test_a_database_that_is_gone(server: ChdbServer, database: str, a_row: Builder) -> None:
    """Somebody drops a table, or all: it is said, and starting again makes them anew."""
    store = server.open(database)
    with store._client() as client:
        client.command(f"DROP TABLE {database}.calls SYNC")
    with pytest.raises(StoreError, match=rf"lacks a table of Spanledger in the .* {database}: "):
        store.write([a_row(project="p")])
    with store._client() as client:
        client.command(f"DROP DATABASE {database} SYNC")
    with pytest.raises(StoreError, match=rf"has no longer the database {database}$"):
        store.write([a_row(project="p")])
    store.close()
    store = server.open(database)
    store.write([a_row(project="p")])
    store.close()


def test_one_database_beside_another(server: ChdbServer, database: str, a_row: Builder) -> None:
    """Stores in two databases of one server share nothing."""
    stores = [server.open(f"{database}_{side}") for side in ("left", "right")]
    stores[0].write([a_row("1", project="p")])
    amounts = [[result.amount for result in store.costs(ALL).results] for store in stores]
    for store in stores:
        store.close()

    assert amounts == [[Decimal(1)], []]


def test_values_do_not_stand_in_addresses(
    served: ClickHouseStore, project: str, a_row: Builder, caplog: pytest.LogCaptureFixture
) -> None:
    """Proxies and servers log addresses, so nobody's name is in one."""
    caplog.set_level(logging.DEBUG, "urllib3")
    served.write([a_row(project=project, user_id="ann.smith")])
    filters = {"user": ("ann.smith",)}

    assert len(served.calls(Selection(project=project, filters=filters), limit=9)) == 1
    requests = [record.getMessage() for record in caplog.records]
    assert requests
    assert not [text for text in requests if "ann.smith" in text]


def test_collectors_side_by_side(server: ChdbServer, database: str, tmp_path: Path) -> None:
    """Two collectors that start together share one store; a span that went to both counts once."""
    variables = {"SPANLEDGER_CLICKHOUSE_URL": url(server, database)}
    headers = {"Authorization": f"Bearer {ADMIN_KEY}"}
    spans = [build_span(span_id=number.to_bytes(8)) for number in range(1, 5)]
    for side in ("left", "right"):
        (tmp_path / side).mkdir()
    with (
        spanledger_up(tmp_path / "left", **variables) as left,
        spanledger_up(tmp_path / "right", **variables) as right,
    ):
        for up, sent in ((left, spans[:3]), (right, spans[1:])):
            answer = httpx.post(
                f"{up.otlp_url}/v1/traces",
                content=build_body(*sent),
                headers={"content-type": "application/x-protobuf"},
                trust_env=False,
            )
            assert answer.status_code == 200
        for up in (left, right):
            up.settle()
        pages = [
            httpx.get(
                f"{up.api_url}/v1/costs?bucket_width=total", headers=headers, trust_env=False
            ).json()["data"]
            for up in (left, right)
        ]

    assert pages[0] == pages[1]
    assert pages[0][0]["results"][0]["calls"] == 4
    assert not (tmp_path / "left" / "spanledger-data" / "clickhouse").exists()


def test_nothing_shows_the_password(server: ChdbServer, tmp_path: Path) -> None:
    """A start that fails, and the doctor, name the server and not the password."""
    wrong = f"clickhouse://collector:geheim@127.0.0.1:{server.port}/spanledger"
    ports = ("--port", "0", "--otlp-http-port", "0")
    up = run_spanledger("up", *ports, cwd=tmp_path, SPANLEDGER_CLICKHOUSE_URL=wrong)
    doctor = run_spanledger("doctor", "--json", cwd=tmp_path, SPANLEDGER_CLICKHOUSE_URL=wrong)

    assert up.returncode == 1
    assert f"127.0.0.1:{server.port} refuses the user collector" in up.stderr
    assert f"clickhouse://collector@127.0.0.1:{server.port}/spanledger" in doctor.stdout
    assert "geheim" not in up.stdout + up.stderr + doctor.stdout + doctor.stderr
