"""The store on a ClickHouse server or cluster, which several processes may share."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final, Self
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

import clickhouse_connect
from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import Error, OperationalError
from urllib3.exceptions import HTTPError, ReadTimeoutError

from spanledger.errors import SettingsError, StoreError
from spanledger.storage.clickhouse import ClickHouseStore
from spanledger.storage.layout import DATABASE, Layout

__all__ = ["ServerAddress", "open_server"]

TIMEOUT_S: Final = 30
"""How long a server may say nothing. It says how far it is, so a question may take longer."""

CONNECT_TIMEOUT_S: Final = 5

PAUSES_MS: Final = (100, 400, 1_000)
"""After the loss of a connection. What takes longer is an outage, which the caller bridges."""

_PORTS: Final = {"clickhouse": 8123, "clickhouses": 8443}

_FORM: Final = "clickhouse://user:password@host:8123/database"

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


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerAddress:
    """Where the server is, who we are there, and where the tables are."""

    host: str
    port: int
    secure: bool
    """Speak TLS, and verify the server's certificate."""
    user: str
    password: str = field(repr=False)
    layout: Layout

    @classmethod
    def parse(cls, url: str) -> Self:
        """Read `clickhouse://user:password@host:port/database`, with `?cluster=name` for a cluster.

        The scheme `clickhouses` means TLS. User, password and names are percent-encoded as in any
        URL.

        Raises:
            SettingsError: it is none. The text shows nothing of the URL, which holds a password.
        """
        try:
            parts = urlsplit(url)
            port = parts.port
        except ValueError as error:
            raise SettingsError(_refusal("it is no URL")) from error
        if parts.scheme not in _PORTS or not parts.hostname or parts.fragment:
            raise SettingsError(_refusal("it has another form"))
        if port == 0:
            raise SettingsError(_refusal("0 is no port to connect to"))
        return cls(
            host=parts.hostname,
            port=port or _PORTS[parts.scheme],
            secure=parts.scheme == "clickhouses",
            user=unquote(parts.username or "default"),
            password=unquote(parts.password or ""),
            layout=Layout(
                database=unquote(parts.path.strip("/")) or DATABASE, cluster=_cluster(parts)
            ),
        )

    @property
    def place(self) -> str:
        """Host and port, for people."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"

    @property
    def shown(self) -> str:
        """The URL without the password."""
        scheme = "clickhouses" if self.secure else "clickhouse"
        cluster = f"?cluster={self.layout.cluster}" if self.layout.cluster else ""
        return f"{scheme}://{self.user}@{self.place}/{self.layout.database}{cluster}"


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


def _cluster(parts: SplitResult) -> str:
    """The cluster that the query names."""
    query = parse_qsl(parts.query, keep_blank_values=True)
    if any(name != "cluster" or not value for name, value in query) or len(query) > 1:
        raise SettingsError(_refusal("after the question mark stands cluster=NAME or nothing"))
    return query[0][1] if query else ""


def _refusal(reason: str) -> str:
    return f"the address of the ClickHouse server cannot be used: {reason} (write it as {_FORM})"


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
