"""The store that lasts: ClickHouse, embedded in this process or on a server."""

import logging
import signal
import struct
import threading
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from datetime import UTC
from pathlib import Path
from typing import Any, Final, TypeVar

import clickhouse_connect
from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import ClickHouseError, Error, OperationalError
from urllib3.exceptions import HTTPError, ReadTimeoutError

from spanledger.errors import StoreError
from spanledger.storage.clickhouse_history import COLUMN_TYPES, ClickHouseHistory, columns_of
from spanledger.storage.columns import build_row
from spanledger.storage.layout import Layout
from spanledger.storage.lock import lock_directory
from spanledger.storage.migrate import load_migrations, migrate
from spanledger.storage.protocol import CallPosition
from spanledger.storage.query import CostQuery, CostResult, CostTable, Quality, Selection
from spanledger.storage.row import CostRow
from spanledger.storage.statements import CALLS, calls_statement, costs_statement, micros

__all__ = ["ClickHouseStore", "describe", "is_lost", "open_embedded"]

_logger = logging.getLogger(__name__)

T = TypeVar("T")

_FAILURES: Final = (ClickHouseError, OSError, ArithmeticError, ValueError, struct.error)
"""What the client raises: its own errors, the network's, and for values that no column can hold
whatever its serialisation came across."""

_FATAL: Final = (
    signal.SIGABRT, signal.SIGBUS, signal.SIGFPE, signal.SIGILL, signal.SIGSEGV, signal.SIGSYS,
    signal.SIGTRAP, signal.SIGTSTP,
)  # fmt: skip
"""What the engine handles when it opens. Its handler waits five minutes for a thread which only the
server program of ClickHouse has: a process that crashes would hang, its ports open, not end."""


EMBEDDED: Final = Layout()


def describe(error: Exception) -> str:
    """What failed, without a text that may hold SQL and the values in it."""
    name = error.name if isinstance(error, Error) else None
    return f"the store failed ({name or type(error).__name__})"


def is_lost(error: BaseException | None) -> bool:
    """Whether the connection was refused or broke, so that trying again soon makes sense."""
    if not isinstance(error, OperationalError):
        return False
    cause = error.__cause__
    return isinstance(cause, HTTPError) and not isinstance(cause, ReadTimeoutError)


def open_embedded(data_dir: Path) -> "ClickHouseStore":
    """Open the store in `data_dir`, made if need be, with the schema of this program.

    ClickHouse runs inside this process: one process owns the directory, the process must not fork
    afterwards, and has one such store open at a time. Closing it and opening another works.

    Raises:
        StoreLocked: another process, or this one, has it open.
        StoreError: the directory cannot be used, or its schema is not one of ours.
    """
    release = lock_directory(data_dir)
    store = ClickHouseStore(lambda: _connect(data_dir / "clickhouse"), release)
    try:
        with _signals_kept():
            store.migrate()
    except StoreError:
        store.close()
        raise
    return store


@contextmanager
def _signals_kept() -> Generator[None]:
    """Leave the process's own handling of fatal signals as it is, whatever the block does to it."""
    handlers = {number: signal.getsignal(number) for number in _FATAL}
    try:
        yield
    finally:
        # Python lets no other thread do this.
        if threading.current_thread() is threading.main_thread():
            for number, handler in handlers.items():
                if handler is not None:
                    signal.signal(number, handler)


def _connect(path: Path) -> Client:
    try:
        return clickhouse_connect.get_client(interface="chdb", path=str(path))
    except ImportError as error:
        msg = "embedded ClickHouse is not installed: pip install 'spanledger[embedded]'"
        raise StoreError(msg) from error
    except ClickHouseError as error:
        _logger.debug("ClickHouse did not open", exc_info=True)
        msg = (
            f"embedded ClickHouse cannot open {path}: it is damaged or not writable, "
            "or this process has another store open"
        )
        raise StoreError(msg) from error


class ClickHouseStore(ClickHouseHistory):
    """Answers as the `Store` protocol says, from ClickHouse.

    Every operation has a client for itself, taken from those that are idle or newly made by
    `connect`; so there are as many as there were operations at once, however many threads come and
    go. `release` is called when the last of them has been closed.
    """

    def __init__(
        self,
        connect: Callable[[], Client],
        release: Callable[[], None] = lambda: None,
        *,
        layout: Layout = EMBEDDED,
        explain: Callable[[Exception], str] = describe,
        pauses_ms: Sequence[int] = (),
    ) -> None:
        """Open nothing yet.

        Args:
            connect: Makes a client.
            release: Called once, after the last client has been closed.
            layout: Where the tables are.
            explain: What to say to a person of an error of the client.
            pauses_ms: After a loss of the connection an operation is tried again, once after each
                of these pauses in milliseconds.
        """
        super().__init__(layout)
        self._connect = connect
        self._release = release
        self._explain = explain
        self._pauses_ms = tuple(pauses_ms)
        self._changed = threading.Condition()
        self._idle: list[Client] = []
        self._busy = 0
        self._closed = False

    def migrate(self) -> None:
        """Bring the database to the schema of this program.

        Raises:
            StoreError: a migration failed, or the database is not one of ours.
        """
        self._with_client(lambda client: migrate(client, load_migrations(), self._layout))

    def write(self, rows: Sequence[CostRow]) -> None:
        """Keep `rows` in one insert, on disk when this returns.

        A reader sees the rows of one month all at once.
        """
        if not rows:
            return
        self._insert(CALLS, COLUMN_TYPES, lambda: columns_of(rows))

    def costs(self, query: CostQuery) -> CostTable:
        """Sum calls as `query` asks."""
        buckets = {micros(edge): index for index, edge in enumerate(query.edges)} or {0: 0}
        keys = len(query.group_by)
        statement = costs_statement(query)
        rows = self._ask(statement.text, statement.parameters)
        results = [_result(buckets[row[0]], row[1 : 1 + keys], row[1 + keys :]) for row in rows]
        return CostTable(tuple(results[: query.limit]), truncated=len(results) > query.limit)

    def calls(
        self, where: Selection, *, limit: int, after: CallPosition | None = None
    ) -> Sequence[CostRow]:
        """The selected calls, latest first; with `after`, those beyond that position."""
        statement = calls_statement(where, limit=limit, after=after)
        return [build_row(row) for row in self._ask(statement.text, statement.parameters)]

    def close(self) -> None:
        """Wait for what is under way, then let go of the database; again does nothing."""
        with self._changed:
            if self._closed:
                return
            self._closed = True
            self._changed.wait_for(lambda: self._busy == 0)
            for client in self._idle:
                client.close()
            self._idle.clear()
        self._release()

    def _with_client(self, operation: Callable[[Client], T]) -> T:
        """What `operation` does with a client; done again while the connection is lost.

        It may have been done although its answer was lost, so it must bear that. All of ours do.
        """
        for pause_ms in self._pauses_ms:
            try:
                with self._client() as client:
                    return operation(client)
            except StoreError as error:
                if not is_lost(error.__cause__):
                    raise
            with self._changed:
                self._changed.wait_for(lambda: self._closed, pause_ms / 1_000)
        with self._client() as client:
            return operation(client)

    @contextmanager
    def _client(self) -> Generator[Client]:
        """A client for one operation; what goes wrong becomes a `StoreError` without any SQL."""
        with self._changed:
            if self._closed:
                msg = "the store is closed"
                raise StoreError(msg)
            self._busy += 1
            client = self._idle.pop() if self._idle else None
        try:
            client = client or self._connect()
            yield client
        except _FAILURES as error:
            _logger.debug("ClickHouse failed", exc_info=True)
            raise StoreError(self._explain(error)) from error
        finally:
            with self._changed:
                self._busy -= 1
                if client is not None:
                    self._idle.append(client)
                self._changed.notify_all()


def _result(bucket: int, group: Sequence[str], measures: Sequence[Any]) -> CostResult:
    return CostResult(
        bucket=bucket,
        group=tuple(group),
        amount=measures[0],
        calls=measures[1],
        errors=measures[2],
        input_tokens=measures[3],
        output_tokens=measures[4],
        cache_read_tokens=measures[5],
        cache_write_tokens=measures[6],
        reasoning_tokens=measures[7],
        quality=Quality(
            priced_calls=measures[8],
            reported_calls=measures[9],
            estimated_calls=measures[10],
            partial_calls=measures[11],
            unpriced_calls=measures[12],
            invalid_calls=measures[13],
        ),
        first_seen=measures[14].replace(tzinfo=UTC),
        last_seen=measures[15].replace(tzinfo=UTC),
    )
