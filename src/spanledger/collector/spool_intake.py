"""Takes deliveries into the spool: what waits at the same moment goes to disk together."""

import asyncio
import threading
from collections import Counter, deque
from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from types import TracebackType
from typing import Final, Self

from spanledger.collector.delivery import Delivery
from spanledger.collector.spool import Refusal, Spool, SpoolRefused

__all__ = ["SpooledIntake"]

GROUP_BYTES_MAX: Final = 8 * 1024 * 1024
"""Written at once, unless a single delivery is larger."""

WAITING_BYTES_MAX: Final = 64 * 1024 * 1024
"""What may wait in memory for the disk; beyond it senders are told to come back."""

WAITING_MAX: Final = 4096


@dataclass(frozen=True, slots=True)
class _Waiting:
    delivery: Delivery
    done: Future[None] = field(default_factory=Future[None])


class SpooledIntake:
    """An `Intake`: a delivery is taken when it is on disk.

    One thread writes. While the disk is busy with one group the next one gathers, so senders share
    the cost of forcing data to disk.
    """

    def __init__(self, spool: Spool) -> None:
        self._spool = spool
        self.counts: Counter[str] = Counter()
        """Deliveries that were `acknowledged`, and those that were refused, by the reason."""
        self._changed = threading.Condition()
        self._waiting: deque[_Waiting] = deque()
        self._waiting_bytes = 0
        self._closed = False
        self._writer = threading.Thread(target=self._run, name="spanledger-spool", daemon=True)
        self._writer.start()

    async def take(self, delivery: Delivery) -> None:
        """Have a delivery on disk.

        Raises:
            SpoolRefused: it was not taken, and may be sent again.
        """
        await asyncio.wrap_future(self.submit(delivery))

    def submit(self, delivery: Delivery) -> Future[None]:
        """Queue a delivery; the future ends when it is on disk, or with the error.

        Raises:
            SpoolRefused: it was not taken: too much waits for the disk, or the server stops.
        """
        waiting = _Waiting(delivery)
        with self._changed:
            if self._closed:
                raise self._refusal(Refusal.CLOSED, "the server stops")
            total = self._waiting_bytes + len(delivery.body)
            if len(self._waiting) >= WAITING_MAX or (self._waiting and total > WAITING_BYTES_MAX):
                raise self._refusal(Refusal.BUSY, "too much waits for the disk")
            self._waiting.append(waiting)
            self._waiting_bytes = total
            self._changed.notify()
        return waiting.done

    def close(self) -> None:
        """Take nothing more, and write what is waiting."""
        with self._changed:
            self._closed = True
            self._changed.notify()
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
        while group := self._next_group():
            # A sender that has gone away does not wait for an answer any more.
            wanted = [one for one in group if one.done.set_running_or_notify_cancel()]
            if wanted:
                self._write(wanted)

    def _next_group(self) -> list[_Waiting]:
        """What waits, as much as is written at once; empty when the intake is closed."""
        group: list[_Waiting] = []
        size = 0
        with self._changed:
            self._changed.wait_for(lambda: self._waiting or self._closed)
            while self._waiting:
                next_size = len(self._waiting[0].delivery.body)
                if group and size + next_size > GROUP_BYTES_MAX:
                    break
                size += next_size
                group.append(self._waiting.popleft())
            self._waiting_bytes -= size
        return group

    def _write(self, group: Sequence[_Waiting]) -> None:
        try:
            self._spool.append([one.delivery for one in group])
        except SpoolRefused as error:
            self.counts[error.reason] += len(group)
            for one in group:
                one.done.set_exception(error)
        else:
            self.counts["acknowledged"] += len(group)
            for one in group:
                one.done.set_result(None)

    def _refusal(self, reason: Refusal, why: str) -> SpoolRefused:
        self.counts[reason] += 1
        return SpoolRefused(reason, f"{why}: send again later")
