"""The thread that delivers what is spooled, for as long as it takes, and holds nobody up."""

import atexit
import logging
import os
import queue
import random
import threading
import time
import weakref
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from opentelemetry.context import (
    _SUPPRESS_INSTRUMENTATION_KEY,  # pyright: ignore[reportPrivateUsage] - it has no public name
    attach,
    set_value,
)
from opentelemetry.sdk.resources import Resource

from spanledger.instrumentation.guard import guarded
from spanledger.instrumentation.losses import note_loss
from spanledger.instrumentation.records import read_record
from spanledger.instrumentation.spool import Batch, Spool
from spanledger.settings import OtlpTarget

if TYPE_CHECKING:
    from spanledger.instrumentation.delivery import Delivery, Verdict

__all__ = ["BATCH_RECORDS", "Pace", "Sender"]

_log = logging.getLogger("spanledger")

BATCH_RECORDS: Final = 512

_FAILURES_TO_TELL: Final = 4
"""One failure is no news; an outage is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """How long the sender waits for what, in seconds."""

    tick_s: float = 2.0
    """Records are collected so long before they leave."""
    retry_first_s: float = 0.5
    retry_max_s: float = 30.0
    """Between these two the waits double while the collector cannot be reached."""
    retry_after_max_s: float = 600.0
    """The most that a `Retry-After` can ask for."""
    later_s: float = 60.0
    """The wait after an answer that only a person can mend."""
    adopt_s: float = 30.0
    """How often to look for what dead processes have left."""
    exit_s: float = 1.0
    """The most that the end of the process is held up."""

    def backoff_s(self, failures: int) -> float:
        """The wait after so many failures in a row, with jitter."""
        longest = min(self.retry_first_s * 2 ** min(failures - 1, 30), self.retry_max_s)
        return longest * random.uniform(0.5, 1.0)  # noqa: S311 - no secret depends on it


@dataclass(frozen=True, slots=True)
class _Order:
    """Deliver at once; `done` tells that it has been tried."""

    stop: bool
    done: threading.Event = field(default_factory=threading.Event)


_Orders = queue.SimpleQueue[_Order | None]
"""`None`: there is work. A simple queue, because a finaliser may put in the middle of a put."""


class Sender:
    """Spools records, and delivers them from a thread that starts with the first span."""

    def __init__(self, spool: Spool, target: OtlpTarget, pace: Pace = Pace()) -> None:
        self._spool = spool
        self._target = target
        self._pace = pace
        self._orders: _Orders = queue.SimpleQueue()
        self._starting = threading.Lock()
        self._thread: threading.Thread | None = None
        self._told = False
        self._closed = False
        self._end: float = float("inf")
        self._due: float | None = None
        self._held_until = 0.0
        self._failures = 0
        self._adopt_at = 0.0
        self._limit = BATCH_RECORDS
        _senders.add(self)

    @property
    def running(self) -> bool:
        """The thread has been started in this process."""
        return self._thread is not None

    def record(self, resource: Resource, payload: bytes) -> None:
        """Keep a record, and let the thread know."""
        self._spool.append(resource, payload)
        if not self._told:
            self._told = True
            self._orders.put(None)
        if self._thread is None:
            self.start()

    def start(self) -> None:
        """Start the thread, unless it runs, or everything is over."""
        if self._closed or not self._starting.acquire(blocking=False):
            return
        try:
            if self._thread is None:
                thread = threading.Thread(target=self._run, name="spanledger", daemon=True)
                # At the interpreter's end no thread starts any more: the next process delivers.
                thread.start()
                self._thread = thread
                atexit.register(self.close)
        finally:
            self._starting.release()

    def flush(self, timeout_s: float) -> bool:
        """Deliver now; tells whether nothing waits any more."""
        if self._thread is None:
            return True
        order = _Order(stop=False)
        self._orders.put(order)
        return order.done.wait(timeout_s) and not self._failures

    def close(self) -> None:
        """Hand over what can be in a moment; the rest is left to the next process."""
        if self._closed:
            return
        self._closed = True
        atexit.unregister(self.close)
        if self._thread is None:
            self._spool.close()
            return
        self._end = time.monotonic() + self._pace.exit_s
        order = _Order(stop=True)
        self._orders.put(order)
        if not order.done.wait(self._pace.exit_s):
            # The thread is in the middle of a request, and keeps its files until that is over.
            note_loss("not delivered before the end of the process", self._spool.in_memory)

    def after_fork(self) -> None:
        """In the child: begin anew, with a thread of its own when there is something to send."""
        self._spool.after_fork()
        self._orders = queue.SimpleQueue()
        self._starting = threading.Lock()
        self._thread, self._told, self._due = None, False, None
        self._held_until, self._failures, self._adopt_at = 0.0, 0, 0.0

    def _run(self) -> None:
        # Our own requests are no business of any instrumentation.
        suppressed = True
        attach(set_value(_SUPPRESS_INSTRUMENTATION_KEY, suppressed))
        delivery = _open(self._target)
        stopped = False
        while not stopped:
            sound = False
            with guarded("deliver spans"):
                stopped = self._step(delivery)
                sound = True
            if not sound:
                stopped = self._closed
                time.sleep(self._pace.tick_s)
        delivery.close()
        self._spool.close()

    def _step(self, delivery: "Delivery") -> bool:
        """Wait for what comes next, and do it; tells whether it was the last."""
        order = self._next_order()
        now = time.monotonic()
        if order is not None:
            self._due = max(now, self._held_until) if order.stop else now
        if now >= self._adopt_at:
            self._spool.adopt()
            self._adopt_at = now + self._pace.adopt_s
            self._due = now if self._due is None else self._due
        try:
            if self._due is not None and self._due <= min(now, self._end):
                self._deliver(delivery)
        finally:
            if order is not None and not order.stop:
                order.done.set()
        if order is None or not order.stop:
            return False
        self._finish(delivery)
        order.done.set()
        return True

    def _finish(self, delivery: "Delivery") -> None:
        """Try again while a collector that answers asks for it, and there is time."""
        while self._due is not None and self._due < self._end:
            time.sleep(max(self._due - time.monotonic(), 0.0))
            self._deliver(delivery)
        delivery.close()
        self._spool.close()

    def _next_order(self) -> _Order | None:
        wake_at = self._adopt_at if self._due is None else min(self._due, self._adopt_at)
        try:
            order = self._orders.get(timeout=max(wake_at - time.monotonic(), 0.0))
        except queue.Empty:
            return None
        if order is None and self._due is None:
            self._due = time.monotonic() + self._pace.tick_s
        return order

    def _deliver(self, delivery: "Delivery") -> None:
        """Send batch after batch until there is none, or one does not get through."""
        self._due, self._told = None, False
        while (batch := self._spool.next_batch(self._limit)) is not None:
            read = [read_record(payload) for payload in batch.payloads]
            records = [record for record in read if record is not None]
            note_loss("no record of ours", len(read) - len(records))
            if records:
                left = self._end - time.monotonic()
                if left <= 0:
                    return
                verdict = delivery.post(batch.resource, records, timeout_s=left)
                if not self._settle(batch, verdict):
                    return
            else:
                self._spool.acknowledge(batch)

    def _settle(self, batch: Batch, verdict: "Verdict") -> bool:
        """Do what the answer asks for; tells whether to go on with the next batch."""
        spans = len(batch.payloads)
        match verdict.meaning:
            case "accepted":
                note_loss("the collector rejected them", verdict.rejected, why=verdict.why)
                self._spool.acknowledge(batch)
                self._reached()
            case "split" if spans > 1:
                self._limit = max(spans // 2, 1)
            case "split" | "refused":
                note_loss("the collector refused them", spans, why=verdict.why)
                self._spool.acknowledge(batch)
                self._reached()
            case "unreachable" | "again" | "later":
                self._wait(verdict)
                return False
        return True

    def _reached(self) -> None:
        if self._failures >= _FAILURES_TO_TELL:
            _log.info("the collector can be reached again")
        self._failures = 0
        self._held_until = 0.0
        self._limit = min(self._limit * 2, BATCH_RECORDS)

    def _wait(self, verdict: "Verdict") -> None:
        """Set the time of the next try."""
        self._failures += 1
        if verdict.meaning == "later" or self._failures == _FAILURES_TO_TELL:
            log = _log.warning if self._failures in {1, _FAILURES_TO_TELL} else _log.debug
            log("spans wait, they cannot be delivered: %s", verdict.why)
        now, pace = time.monotonic(), self._pace
        wait_s = pace.later_s if verdict.meaning == "later" else pace.backoff_s(self._failures)
        if verdict.after_s is not None:
            wait_s = max(min(verdict.after_s, pace.retry_after_max_s), 0.0)
            self._held_until = now + wait_s
        self._due = now + wait_s
        if self._closed and verdict.meaning != "again":
            self._due = None


_senders: Final[weakref.WeakSet[Sender]] = weakref.WeakSet()

_opening: Final = threading.RLock()
"""Held while modules are imported: a child that forks in the middle could never import them."""


def _open(target: OtlpTarget) -> "Delivery":
    with _opening:
        from spanledger.instrumentation.delivery import (  # noqa: PLC0415 - heavy, for the thread only
            Delivery,
        )

        return Delivery(target)


def _begin_anew() -> None:
    _opening.release()
    for sender in _senders:
        sender.after_fork()


os.register_at_fork(
    before=_opening.acquire, after_in_parent=_opening.release, after_in_child=_begin_anew
)
