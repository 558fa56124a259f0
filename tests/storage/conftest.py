from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from decimal import Decimal
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from spanledger.call import Call
from spanledger.pricing.cost import Cost, Unpriced
from spanledger.storage.clickhouse import ClickHouseStore, open_embedded
from spanledger.storage.memory import MemoryStore
from spanledger.storage.protocol import Store
from spanledger.storage.row import CostRow
from tests.storage.servers import ChdbServer

NOON = datetime(2026, 11, 1, 12, tzinfo=UTC)

_numbers = count(1)


@pytest.fixture(scope="module")
def embedded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ClickHouseStore]:
    """One embedded ClickHouse for all tests of a module.

    A process can have one engine path open at a time, and another after closing it. So the fixture
    lives no longer than a module, that modules which open a directory of their own are not in its
    way; and it lives as long as that, since opening takes half a second. Tests are kept apart by
    their `project`.
    """
    store = open_embedded(tmp_path_factory.mktemp("embedded"))
    yield store
    store.close()


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ChdbServer]:
    """One ClickHouse server for all tests that do not end it."""
    server = ChdbServer(tmp_path_factory.mktemp("server"))
    server.start()
    yield server
    server.kill()


@pytest.fixture
def database() -> str:
    """A database of the server that no other test uses."""
    return f"test_{next(_numbers)}"


@pytest.fixture(scope="module")
def served(server: ChdbServer) -> Iterator[ClickHouseStore]:
    """A store on the server for all tests of a module."""
    store = server.open(f"served_{next(_numbers)}")
    yield store
    store.close()


@pytest.fixture(scope="module")
def distributed(server: ChdbServer) -> Iterator[ClickHouseStore]:
    """A store behind Distributed tables for all tests of a module."""
    store = server.open_distributed(f"distributed_{next(_numbers)}")
    yield store
    store.close()


# What stands on the protocol is tried over a server in make soak: the protocol itself always is.
@pytest.fixture(
    params=["memory", "embedded", pytest.param("served", marks=pytest.mark.soak)], scope="module"
)
def store(request: pytest.FixtureRequest) -> Store:
    """Each of the stores: whatever a test says, it says of all of them."""
    return MemoryStore() if request.param == "memory" else request.getfixturevalue(request.param)


# Through Distributed tables the same engine answers once more: that takes its time in make soak.
@pytest.fixture(
    params=["memory", "embedded", "served", pytest.param("distributed", marks=pytest.mark.soak)],
    scope="module",
)
def any_store(request: pytest.FixtureRequest) -> Store:
    """The stores, and the tables of a cluster as far as they can be had here."""
    return MemoryStore() if request.param == "memory" else request.getfixturevalue(request.param)


@pytest.fixture
def project() -> str:
    """A tenant that no other test uses."""
    return f"project-{next(_numbers)}"


@pytest.fixture(scope="session")
def a_row() -> Callable[..., CostRow]:
    """A builder of rows: fields of `Call` by name, and beside them the cost and its time."""

    def build(
        cost: Cost | Unpriced | Decimal | str | None = "0.5",
        recorded_at: datetime = NOON,
        **call: Any,
    ) -> CostRow:
        number = next(_numbers)
        defaults: dict[str, Any] = {
            "trace_id": f"{number:032x}",
            "span_id": f"{number:016x}",
            "start_time": NOON,
            "duration_us": 1_000,
            "provider": "openai",
            "operation": "chat",
        }
        match cost:
            case None:
                cost = Unpriced("no price")
            case str() | Decimal():
                cost = Cost(status="priced", amount=Decimal(cost), lines=(), book_version="book")
            case _:
                pass
        return CostRow(Call(**defaults | call), cost, recorded_at)

    return build


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    """A data directory that nobody has made yet."""
    return tmp_path / "data"
