"""Calls become priced rows, stored in groups; their senders learn when they are durable."""

import logging
import queue
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from datetime import datetime
from types import TracebackType
from typing import Final, Self

from spanledger.call import Call
from spanledger.errors import StoreError
from spanledger.pricing.book import PriceBook
from spanledger.pricing.engine import price
from spanledger.storage.protocol import Store
from spanledger.storage.row import CostRow

__all__ = ["Pipeline", "PipelineFull"]

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
    done: Future[None] = field(default_factory=Future[None])


class Pipeline:
    """Prices calls and writes them through one thread, many batches in one insert.

    The future of a batch is done when its rows are durable; only then may they be acknowledged.
    """

    def __init__(self, store: Store, book: PriceBook, clock: Callable[[], datetime]) -> None:
        self._store = store
        self._book = book
        self._clock = clock
        self._waiting: queue.Queue[_Batch | None] = queue.Queue(WAITING_MAX)
        self._writer = threading.Thread(target=self._run, name="spanledger-writer", daemon=True)
        self._writer.start()

    def submit(self, calls: Sequence[Call]) -> Future[None]:
        """Price `calls` and queue them; the future ends when they are durable, or with the error.

        Raises:
            PipelineFull: too much is waiting; nothing was taken.
        """
        now = self._clock()
        batch = _Batch([CostRow(call, price(call, self._book), now) for call in calls])
        try:
            self._waiting.put_nowait(batch)
        except queue.Full:
            msg = f"{WAITING_MAX} batches are waiting to be written: send again later"
            raise PipelineFull(msg) from None
        return batch.done

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
            self._write(group)
            if last:
                return

    def _write(self, group: Sequence[_Batch]) -> None:
        try:
            self._store.write([row for batch in group for row in batch.rows])
        except StoreError as error:
            log.warning("could not store %d batches: %s", len(group), error)
            for batch in group:
                batch.done.set_exception(error)
        else:
            for batch in group:
                batch.done.set_result(None)
