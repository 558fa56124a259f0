"""Brings what lies in the spool to the store, in its own time, and never gives up."""

import logging
import threading
import time
import zlib
from collections import Counter, deque
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from types import TracebackType
from typing import Final, Self

from spanledger.call import Call
from spanledger.collector.conventions import Recent
from spanledger.collector.delivery import Delivery, calls_of
from spanledger.collector.pipeline import GROUP_ROWS_MAX, Pipeline
from spanledger.collector.spool import Spool
from spanledger.errors import SpanledgerError

__all__ = ["Drain", "Pace"]

log = logging.getLogger(__name__)

FAILURES_BEFORE_SUSPICION: Final = 3
"""A group that failed so often is looked at delivery by delivery."""

CONTROLS: Final = 3
"""A delivery is set aside after it failed so often, each time while another one was stored."""

READ_FAILURES_MAX: Final = 8
"""A file that could not be read so often in a row is given up."""

GROUP_MAX: Final = 1000
"""Deliveries of a group."""

GROUP_BYTES_MAX: Final = 32 * 1024 * 1024
"""Bodies of a group, as they came."""

SUSPECTS_MAX: Final = 100
"""A group that fails grows no further than this."""

TRIES_GROW_MAX: Final = 64
TRIES: Final = 8
"""A group that fails is tried in so many parts, times the failures so far, before it is taken that
the store fails whatever it is given."""

CLOSE_S: Final = 2.0
"""What is done about the backlog when the server stops."""

_UNFORESEEN: Final = (
    SpanledgerError, ArithmeticError, AttributeError, LookupError, RuntimeError, TypeError,
    ValueError, zlib.error,
)  # fmt: skip
"""What a delivery may make our own code raise that the receiver did not foresee. It must not end
the thread on which all others wait."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """How long is waited; in seconds."""

    linger_s: float = 0.2
    """For more to come, when little is there: an insert costs much the same for few rows."""
    retry_first_s: float = 0.1
    retry_max_s: float = 10.0
    idle_s: float = 1.0
    """After this without a delivery the last file goes as well."""


@dataclass(frozen=True, slots=True)
class _Item:
    delivery: Delivery
    calls: Sequence[Call]
    error: Exception | None = None
    """Why its calls cannot be read."""


class Drain:
    """A thread that reads, prices and stores, in the order in which deliveries came."""

    def __init__(
        self, spool: Spool, pipeline: Pipeline, body_bytes_max: int, pace: Pace | None = None
    ) -> None:
        """Begin to drain."""
        self._spool = spool
        self._pipeline = pipeline
        self._body_bytes_max = body_bytes_max
        self._pace = pace or Pace()
        self._recent = Recent()
        self.counts: Counter[str] = Counter()
        """Calls that were `stored`, and attempts that `failed`."""
        self._closing = threading.Event()
        self._deadline = 0.0
        self._settled = threading.Condition()
        self._idle = False
        self._thread = threading.Thread(target=self._run, name="spanledger-drain", daemon=True)
        self._thread.start()

    def settle(self, timeout_s: float) -> bool:
        """Wait until all that has been acknowledged so far is stored; whether it is."""
        # In this order: the thread says that it is busy before it reads what there is.
        with self._settled:
            return self._settled.wait_for(lambda: not self._spool.wait(0) and self._idle, timeout_s)

    def close(self, timeout_s: float = CLOSE_S) -> bool:
        """Go on for at most `timeout_s`, then stop; whether the thread has ended.

        What is not stored then is left to the next start. The thread has not ended if the store
        does not answer.
        """
        self._deadline = time.monotonic() + timeout_s
        self._closing.set()
        self._spool.wake()
        self._thread.join(timeout_s + 1)
        return not self._thread.is_alive()

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
        failures, going_on = 0, True
        while going_on:
            try:
                going_on = self._turn()
                failures = 0
            except OSError as error:
                failures += 1
                # What was read and not stored is read again.
                self._spool.rewind()
                going_on = self._pause("the spool cannot be used", error, failures)
                if failures % READ_FAILURES_MAX == 0:
                    with suppress(OSError):
                        self._spool.give_up_segment()

    def _turn(self) -> bool:
        """Store what is there, or wait for it; whether to go on.

        Raises:
            OSError: the spool cannot be used.
        """
        self._idle = False
        group = self._next_group()
        if not self._store(group):
            return False
        self._spool.acknowledge()
        if self._closing.is_set() and (not group or time.monotonic() > self._deadline):
            return False
        self._spool.retire(idle=False)
        if not group:
            with self._settled:
                self._idle = True
                self._settled.notify_all()
            if not self._spool.wait(self._pace.idle_s, self._closing):
                self._spool.retire(idle=True)
        return True

    def _next_group(self) -> list[_Item]:
        """What is stored at once: what there is, within bounds.

        Raises:
            OSError: the spool cannot be read, and there is nothing that was read before.
        """
        group: list[_Item] = []
        rows = size = 0
        until = 0.0
        while rows < GROUP_ROWS_MAX and size < GROUP_BYTES_MAX and len(group) < GROUP_MAX:
            try:
                delivery = self._spool.next()
            except OSError:
                if group:
                    break
                raise
            if delivery is None:
                left_s = until - time.monotonic()
                if left_s <= 0 or not self._spool.wait(left_s, self._closing):
                    break
                if self._closing.is_set():
                    until = 0.0
                continue
            until = until or time.monotonic() + self._pace.linger_s
            group.append(self._read(delivery))
            rows += len(group[-1].calls)
            size += len(delivery.body)
        return group

    def _read(self, delivery: Delivery) -> _Item:
        try:
            return _Item(delivery, calls_of(delivery, self._body_bytes_max, self._recent))
        except _UNFORESEEN as error:
            return _Item(delivery, (), error)

    def _store(self, group: Sequence[_Item]) -> bool:
        """Store a group, however long it takes; `False` if the drain is closed before."""
        for item in group:
            if item.error is not None and not self._set_aside(item, item.error):
                return False
        waiting = [item for item in group if item.calls]
        failures = 0
        while waiting and (error := self._try(waiting)) is not None:
            failures += 1
            if failures >= FAILURES_BEFORE_SUSPICION:
                waiting = self._without_poison(waiting, TRIES * min(failures, TRIES_GROW_MAX))
                if not waiting:
                    break
            if not self._pause("the store fails, what was acknowledged waits", error, failures):
                return False
        return True

    def _try(self, group: Sequence[_Item]) -> Exception | None:
        """Store a group; what was raised if that fails."""
        calls = [call for item in group for call in item.calls]
        try:
            self._pipeline.store(calls)
        except (OSError, *_UNFORESEEN) as error:
            self.counts["failed"] += 1
            return error
        self.counts["stored"] += len(calls)
        return None

    def _without_poison(self, group: Sequence[_Item], tries: int) -> list[_Item]:
        """Store what can be stored, set aside what never can be; what is left to try again.

        A delivery alone says nothing about whose fault it is, so it is compared with one that is
        stored: until there is one, the store is taken to be out of order.
        """
        suspects, sound = self._divide(group, tries)
        if sound is None:
            # Another delivery may tell the difference.
            with suppress(OSError):
                return [*group, *(self._next_group() if len(group) < SUSPECTS_MAX else ())]
            return [*group]
        left: list[_Item] = []
        for suspect in suspects:
            error = self._poison(suspect, sound)
            if error is None or not self._set_aside(suspect, error):
                left.append(suspect)
        return left

    def _divide(self, group: Sequence[_Item], tries: int) -> tuple[list[_Item], _Item | None]:
        """Store a group in parts: what is left of it, and one of those that were stored.

        In an outage everything fails; after so many `tries` it is taken for one.
        """
        parts, suspects, sound = deque([list(group)]), list[_Item](), None
        while parts:
            part = parts.popleft()  # the larger first: something sound is found the sooner
            if self._closing.is_set() or (sound is None and tries <= 0):
                suspects += part
                continue
            tries -= 1
            if self._try(part) is None:
                sound = part[0]
            elif len(part) == 1:
                suspects += part
            else:
                middle = len(part) // 2
                parts += [part[:middle], part[middle:]]
        return suspects, sound

    def _poison(self, suspect: _Item, sound: _Item) -> Exception | None:
        """Why `suspect` is not stored where `sound` is, each time; `None` where that is not so."""
        error = None
        for _ in range(CONTROLS):
            error = self._try([suspect])
            if error is None or self._try([sound]) is not None:
                return None
        return error

    def _set_aside(self, item: _Item, why: Exception) -> bool:
        """Move a delivery to the quarantine; `False` if the drain is closed before."""
        failures = 0
        while True:
            try:
                self._spool.set_aside(item.delivery)
            except OSError as error:
                failures += 1
                if not self._pause("the quarantine cannot be written", error, failures):
                    return False
            else:
                log.error(
                    "a delivery of project %s cannot be stored (%s): it is in the quarantine of "
                    "the spool, and is tried again at the next start",
                    item.delivery.project,
                    type(why).__name__,
                )
                return True

    def _pause(self, what: str, error: Exception, failures: int) -> bool:
        """Wait before the next attempt; whether there is to be one."""
        if failures & (failures - 1) == 0:  # 1, 2, 4, 8...: an outage does not fill the log
            log.warning("%s (attempt %d): %s", what, failures, error)
        wait_s = self._pace.retry_first_s * 2 ** min(failures - 1, 30)
        return not self._closing.wait(min(wait_s, self._pace.retry_max_s))
