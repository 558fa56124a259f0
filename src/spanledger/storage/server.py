"""The store on a ClickHouse server or cluster, which several processes may share."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

import clickhouse_connect
from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import Error, OperationalError
from urllib3.exceptions import HTTPError, ReadTimeoutError

from spanledger.errors import StoreError
from spanledger.storage.address import ServerAddress
from spanledger.storage.clickhouse import ClickHouseStore, open_embedded

__all__ = ["open_server", "open_store"]

TIMEOUT_S: Final = 30
"""How long a server may say nothing. It says how far it is, so a question may take longer."""

CONNECT_TIMEOUT_S: Final = 5

PAUSES_MS: Final = (100, 400, 1_000)
"""After the loss of a connection. What takes longer is an outage, which the caller bridges."""

_SETTINGS: Final = {
    # What is acknowledged is written: servers gather small inserts in memory otherwise.
    "async_insert": 0,
    # A row may be written again as it was before, after another version of it.
    "insert_deduplicate": 0,
}

_CLUSTER_SETTINGS: Final = {
    # What is acknowledged is on a shard, not in a queue of the server that took it.
    "distributed_foreground_insert": 1,
    # Reads go to the replica that was written to, as long as it is there.
    "load_balancing": "in_order",
}

_REFUSED: Final = frozenset({192, 193, 194, 516})
"""Unknown user, wrong or missing password, authentication failed."""
_NOT_ALLOWED: Final = 497
_NO_DATABASE: Final = 81
_NO_TABLE: Final = 60


def open_store(data_dir: Path, clickhouse_url: str) -> ClickHouseStore:
    """The store on the server at `clickhouse_url`; the embedded one in `data_dir` if that is empty.

    Raises:
        SettingsError: the URL cannot be used.
        StoreLocked: another process has the embedded store open.
        StoreError: the store cannot be opened; the text says why.
    """
    if clickhouse_url:
        return open_server(ServerAddress.parse(clickhouse_url))
    return open_embedded(data_dir)


def open_server(
    address: ServerAddress, *, timeout_s: int = TIMEOUT_S, pauses_ms: Sequence[int] = PAUSES_MS
) -> ClickHouseStore:
    """Open the store on a server, with the schema of this program.

    Several processes may have it open at once, and may start at the same time.

    Args:
        address: Where it is.
        timeout_s: For how many seconds the server may say nothing.
        pauses_ms: See `ClickHouseStore`.

    Raises:
        StoreError: the server cannot be reached or refuses us, or its schema is not one of ours.
    """

    def connect() -> Client:
        cluster_settings = _CLUSTER_SETTINGS if address.layout.cluster else {}
        return clickhouse_connect.get_client(
            interface="https" if address.secure else "http",
            host=address.host,
            port=address.port,
            username=address.user,
            password=address.password,
            connect_timeout=CONNECT_TIMEOUT_S,
            send_receive_timeout=timeout_s,
            settings=_SETTINGS | cluster_settings,
            # A session stays locked by a question whose answer nobody waits for any more.
            autogenerate_session_id=False,
            # Values travel in the body: an address has a limit, and stands in the logs of proxies.
            form_encode_query_params=True,
        )

    store = ClickHouseStore(
        connect, layout=address.layout, explain=_explainer(address, timeout_s), pauses_ms=pauses_ms
    )
    try:
        store.migrate()
    except StoreError:
        store.close()
        raise
    return store


def _explainer(address: ServerAddress, timeout_s: int) -> Callable[[Exception], str]:
    """Sentences for what goes wrong at `address`, without SQL, values or the password."""
    server, database = f"ClickHouse at {address.place}", f"the database {address.layout.database}"

    def explain(error: Exception) -> str:
        code = error.code if isinstance(error, Error) else None
        if code in _REFUSED:
            return f"{server} refuses the user {address.user} or the password"
        if code == _NOT_ALLOWED:
            return f"{server} does not allow the user {address.user} what is needed in {database}"
        if code == _NO_DATABASE:
            return f"{server} has no longer {database}"
        if code == _NO_TABLE:
            return f"{server} lacks a table of Spanledger in {database}: start again to make it"
        return _explain_transport(error, server, timeout_s)

    return explain


def _explain_transport(error: Exception, server: str, timeout_s: int) -> str:
    cause = error.__cause__
    if isinstance(error, OperationalError) and isinstance(cause, ReadTimeoutError):
        return f"{server} has said nothing for {timeout_s} s"
    if isinstance(error, OperationalError) and isinstance(cause, HTTPError):
        return f"{server} cannot be reached, or broke the connection off"
    name = error.name if isinstance(error, Error) else None
    return f"{server} failed ({name or type(error).__name__})"
