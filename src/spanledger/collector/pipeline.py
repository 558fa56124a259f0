"""Calls become priced rows, stored in groups; their senders learn when they are durable."""

import logging
import queue
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from datetime import datetime
from itertools import groupby
from types import TracebackType
from typing import Final, Self

from spanledger.call import Call
from spanledger.errors import StoreError
from spanledger.pricing.book import PriceBook
from spanledger.pricing.engine import price
from spanledger.storage.protocol import Store
from spanledger.storage.redelivery import write_calls
from spanledger.storage.row import CostRow

__all__ = ["GROUP_ROWS_MAX", "Pipeline", "PipelineFull"]

log = logging.getLogger(__name__)

WAITING_MAX: Final = 256
"""Batches that may wait for the writer; beyond it senders are told to come back."""

GROUP_ROWS_MAX: Final = 10_000
"""Rows written in one insert: enough to spread its fixed cost of some 10 ms."""


class PipelineFull(StoreError):
    """More is waiting to be written than may; nothing was taken."""


@dataclass(slots=True)
class _Batch:
    rows: Sequence[CostRow]
    book: PriceBook
    done: Future[None] = field(default_factory=Future[None])


class Pipeline:
    """Prices calls and writes them through one thread, many batches in one insert.

    The future of a batch is done when its rows are durable; only then may they be acknowledged.
    The price book is kept in the store before the first row that was priced by it.
    """

    def __init__(
        self, store: Store, book: Callable[[], PriceBook], clock: Callable[[], datetime]
    ) -> None:
        """Begin to take calls.

        Args:
            store: where they go.
            book: gives the price book in force.
            clock: the time in UTC.
        """
        self._store = store
        self._book = book
        self._clock = clock
        self._kept: tuple[str, datetime] | None = None
        self._waiting: queue.Queue[_Batch | None] = queue.Queue(WAITING_MAX)
        self._writer = threading.Thread(target=self._run, name="spanledger-writer", daemon=True)
        self._writer.start()

    def submit(self, calls: Sequence[Call]) -> Future[None]:
        """Price `calls` and queue them; the future ends when they are durable, or with the error.

        Raises:
            PipelineFull: too much is waiting; nothing was taken.
        """
        batch = self._priced(calls)
        try:
            self._waiting.put_nowait(batch)
        except queue.Full:
            msg = f"{WAITING_MAX} batches are waiting to be written: send again later"
            raise PipelineFull(msg) from None
        return batch.done

    def store(self, calls: Sequence[Call]) -> None:
        """Price `calls` and write them now; they are durable when this returns.

        Raises:
            StoreError: nothing is certain about the calls; storing them again is safe.
        """
        for start in range(0, len(calls), GROUP_ROWS_MAX):
            batch = self._priced(calls[start : start + GROUP_ROWS_MAX])
            write_calls(self._store, batch.rows, self._keep(batch.book))

    def close(self) -> None:
        """Write what is waiting, then stop."""
        self._waiting.put(None)
        self._writer.join()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _priced(self, calls: Sequence[Call]) -> _Batch:
        now, book = self._clock(), self._book()
        return _Batch([CostRow(call, price(call, book), now) for call in calls], book)

    def _run(self) -> None:
        while (first := self._waiting.get()) is not None:
            group, last = [first], False
            while sum(len(batch.rows) for batch in group) < GROUP_ROWS_MAX:
                try:
                    batch = self._waiting.get_nowait()
                except queue.Empty:
                    break
                if batch is None:
                    last = True
                    break
                group.append(batch)
            # A sender that has gone away waits for no answer; its calls are stored all the same.
            self._write(group, [one for one in group if one.done.set_running_or_notify_cancel()])
            if last:
                return

    def _write(self, group: Sequence[_Batch], answered: Sequence[_Batch]) -> None:
        try:
            for batches in _by_book(group):
                since = self._keep(batches[0].book)
                write_calls(self._store, [row for batch in batches for row in batch.rows], since)
        except StoreError as error:
            log.warning("could not store %d batches: %s", len(group), error)
            for batch in answered:
                batch.done.set_exception(error)
        else:
            for batch in answered:
                batch.done.set_result(None)

    def _keep(self, book: PriceBook) -> datetime:
        """Keep `book` in the store; return since when it has been in use."""
        if self._kept is None or self._kept[0] != book.version:
            since = self._store.keep_book(book.version, book.dump(), self._clock())
            self._kept = (book.version, since)
        return self._kept[1]


def _by_book(group: Sequence[_Batch]) -> Iterator[list[_Batch]]:
    """Batches that follow each other and were priced by the same book."""
    return (list(batches) for _, batches in groupby(group, lambda batch: batch.book.version))
