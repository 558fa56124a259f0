"""The thread that estimates usage where none was stated, so that nobody waits for the counting.

An exchange that has ended without usage is handed over as it is; its span ends when its tokens are
counted, with the time at which the exchange did. What cannot be taken, or is not done in time, ends
without an estimate.
"""

import atexit
import os
import queue
import threading
import weakref
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final

from spanledger.instrumentation.guard import guarded
from spanledger.instrumentation.tally import Tally
from spanledger.instrumentation.unstated import Facts, Unstated, can_be_estimated, estimate
from spanledger.tokenizer import count_tokens, pieces

__all__ = ["EXIT_S", "WAITING_BYTES_MAX", "WAITING_MAX", "Estimator", "drain", "not_estimated"]

WAITING_MAX: Final = 1000
WAITING_BYTES_MAX: Final = 32 * 1024 * 1024
"""So many calls, with so much of prompts and answers, may wait to be counted."""

EXIT_S: Final = 0.5
"""How long the end of the process is held up for those that wait."""

_LOADING_S: Final = 2.0
"""How much longer at most where the first of all is not counted yet: it loads the vocabulary."""

_STOPPING_S: Final = 1.0
"""How long the thread may take to stop, and mostly takes a thousandth of that."""

_NOTHING: Final[Facts] = {}

_not_estimated: Final = Tally(
    "usage that was not stated is not estimated: %s; further calls are counted and not logged"
)


def not_estimated() -> dict[str, int]:
    """How many calls without usage this process has not estimated, by reason; empty when none."""
    return _not_estimated.counts()


@dataclass(slots=True, eq=False)
class _Waiting:
    call: Unstated
    finish: Callable[[Facts], None]
    weight: int
    claimed: threading.Lock = field(default_factory=threading.Lock)
    """Taken once, by who ends it, and never released."""

    def end(self, facts: Facts) -> bool:
        """End it; tells whether nobody else has."""
        if not self.claimed.acquire(blocking=False):
            return False
        self.finish(facts)
        return True


@dataclass(frozen=True, slots=True)
class _Order:
    """Tell that all that came before is done."""

    stop: bool
    done: threading.Event = field(default_factory=threading.Event)


class Estimator:
    """Takes calls from any thread, and counts their tokens in one that starts with the first."""

    def __init__(self) -> None:
        # A simple queue, because a finaliser may put in the middle of a put.
        self._queue: queue.SimpleQueue[_Waiting | _Order] = queue.SimpleQueue()
        self._starting = threading.Lock()
        self._weighing = threading.RLock()
        self._thread: threading.Thread | None = None
        self._current: _Waiting | None = None
        self._bytes = 0
        self._closed = False
        self._late = False
        self._counted = False
        _estimators.add(self)

    def take(self, call: Unstated, finish: Callable[[Facts], None]) -> bool:
        """Take over a call, and call `finish` later with what its span is still to say.

        Answers False where it is not taken: then `finish` is the caller's to call.
        """
        if self._closed or not can_be_estimated(call):
            return False
        weight = call.weight
        if self._queue.qsize() >= WAITING_MAX or self._bytes + weight > WAITING_BYTES_MAX:
            _not_estimated.note("too many wait")
            return False
        if self._thread is None and not self._start():
            return False
        self._weigh(weight)
        self._queue.put(_Waiting(call, finish, weight))
        if self._closed:
            self._end_waiting()
        return True

    def drain(self, timeout_s: float) -> bool:
        """Wait for those that have been taken so far; tells whether they are done."""
        if self._thread is None and self._queue.empty():
            return True
        order = _Order(stop=False)
        self._queue.put(order)
        # Looked at after the put: a thread that ends looks at the queue after it is none.
        if self._thread is None and not self._start():
            return False
        return order.done.wait(timeout_s)

    def close(self, timeout_s: float = EXIT_S) -> None:
        """Finish what can be finished in that time; the rest ends without an estimate."""
        if self._closed:
            return
        self._closed = True
        atexit.unregister(self.close)
        thread = self._thread
        if thread is not None and thread.is_alive():
            self._queue.put(_Order(stop=True))
            thread.join(timeout_s)
            if thread.is_alive() and not self._counted:
                thread.join(_LOADING_S)
            # The thread stops counting at the next piece: the interpreter must not end in the
            # middle of one, which is not Python's.
            self._late = True
            thread.join(_STOPPING_S)
        self._end_waiting()

    def after_fork(self) -> None:
        """In the child: those that wait are the parent's business."""
        self._queue = queue.SimpleQueue()
        self._starting = threading.Lock()
        self._weighing = threading.RLock()
        self._thread, self._current, self._bytes = None, None, 0

    def _start(self) -> bool:
        """Start the thread; tells whether it runs, or somebody else starts it at this moment."""
        if not self._starting.acquire(blocking=False):
            return True
        try:
            if self._thread is None:
                thread = threading.Thread(target=self._run, name="spanledger-tokens", daemon=True)
                # After the sender's, so that at the end of the process it is called before.
                atexit.register(self.close)
                self._thread = thread
                thread.start()
        except RuntimeError:
            # At the interpreter's end no thread starts any more.
            self._thread = None
        finally:
            self._starting.release()
        return self._thread is not None

    def _run(self) -> None:
        going = True
        try:
            while going:
                going = False
                with guarded("estimate usage"):
                    going = not self._step()
        finally:
            # Whatever has ended it: another goes on with what waits, or starts with the next call.
            self._thread = None
            if not self._closed and not self._queue.empty():
                self._start()

    def _step(self) -> bool:
        """Wait for what comes next, and do it; tells whether it was the last."""
        item = self._queue.get()
        if isinstance(item, _Waiting):
            self._work(item)
            return False
        item.done.set()
        return item.stop

    def _work(self, waiting: _Waiting) -> None:
        self._current = waiting
        facts = _NOTHING
        try:
            with guarded("estimate usage"):
                if not self._late:
                    facts = estimate(waiting.call, self._count)
        finally:
            with guarded("end a span"):
                self._end(waiting, _NOTHING if self._late else facts)
            self._current = None
            self._counted = True
            self._weigh(-waiting.weight)

    def _count(self, model: str, texts: Iterable[str]) -> int:
        return count_tokens(model, self._in_time(texts))

    def _in_time(self, texts: Iterable[str]) -> Iterator[str]:
        for text in texts:
            for piece in pieces(text):
                if self._late:
                    return
                yield piece

    def _end(self, waiting: _Waiting, facts: Facts) -> None:
        if waiting.end(facts) and self._late:
            _not_estimated.note("there was no time left")

    def _weigh(self, weight: int) -> None:
        with self._weighing:
            self._bytes += weight

    def _end_waiting(self) -> None:
        """End what is left as it is."""
        current = self._current
        left = [] if current is None else [current]
        while True:
            try:
                item = self._queue.get_nowait()
            except queue.Empty:
                break
            if isinstance(item, _Waiting):
                left.append(item)
            else:
                item.done.set()
        for waiting in left:
            with guarded("end a span"):
                self._end(waiting, _NOTHING)


_estimators: Final[weakref.WeakSet[Estimator]] = weakref.WeakSet()


def drain(timeout_s: float) -> None:
    """Wait for all that have been taken in this process so far."""
    for estimator in list(_estimators):
        estimator.drain(timeout_s)


def _begin_anew() -> None:
    for estimator in _estimators:
        estimator.after_fork()


os.register_at_fork(after_in_child=_begin_anew)
