"""What is worth knowing of each process that records, in a small file for `spanledger doctor`.

A process that has nothing to tell has no file. The lock on a file is held as long as its process
lives, so that it can be told whether it does.
"""

import atexit
import fcntl
import json
import os
import sys
import threading
import time
import uuid
import weakref
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from operator import itemgetter
from pathlib import Path
from typing import Final, cast

from spanledger.instrumentation import news
from spanledger.instrumentation.batches import passed_over
from spanledger.instrumentation.estimation import not_estimated
from spanledger.instrumentation.frames import frame, read_frames
from spanledger.instrumentation.guard import failures
from spanledger.instrumentation.losses import losses
from spanledger.instrumentation.text import bounded
from spanledger.instrumentation.unknown import unknown_exchanges

__all__ = [
    "KEPT_MAX",
    "KEPT_S",
    "Counts",
    "ProcessState",
    "State",
    "is_held",
    "read_states",
    "seen",
]

Counts = Mapping[str, Mapping[str, int]]
"""(sort of event, its kind) -> how often."""

KEPT_S: Final = 7 * 24 * 3600.0
"""So long the files of processes that are gone are kept."""

KEPT_MAX: Final = 64
"""Of so many processes that are gone, the latest."""

_SUFFIX: Final = ".state"
_BYTES_MAX: Final = 1024 * 1024

_PAUSE_S: Final = 1.0
"""News that are not urgent wait for each other so long."""

_SORTS: Final[Mapping[str, Callable[[], dict[str, int]]]] = {
    "losses": losses,
    "failures": failures,
    "unknown": unknown_exchanges,
    "passed_over": passed_over,
    "not_estimated": not_estimated,
}


def seen() -> Counts:
    """What this process has counted.

    Lost spans, failures of ours, exchanges that nothing reads, results of batches that could not be
    recorded, and calls without usage that were not estimated, each by kind.
    """
    return {sort: counts() for sort, counts in _SORTS.items()}


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """What a process has told."""

    alive: bool
    pid: int
    program: str
    service: str
    version: str
    """Of Spanledger."""
    started_s: float
    """Seconds since 1970."""
    updated_s: float
    counts: Counts = field(default_factory=dict[str, Mapping[str, int]])


class ProcessState:
    """Keeps the file of this process up to date, as long as it listens."""

    def __init__(self, directory: Path | None, version: str, service: str = "") -> None:
        self._directory = directory
        self._about = {"version": version, "service": bounded(service), "program": _program()}
        self._begin()
        news.listen(self.tell)
        atexit.register(self.close)
        _states.add(self)

    def tell(self, urgent: bool) -> None:  # noqa: FBT001 - as every listener is called
        """Write what is known now; what is not urgent may wait for the next news."""
        now = time.monotonic()
        if now < (self._retry_at if urgent else self._next_at):
            return
        if self._directory is None or not self._writing.acquire(blocking=False):
            return
        try:
            self._write(self._directory)
            self._next_at = now + _PAUSE_S
        except OSError:
            # A full disk is no news to be told by writing.
            self._retry_at = self._next_at = now + 60 * _PAUSE_S
        finally:
            self._writing.release()

    def close(self) -> None:
        """Write what has been held back, and listen no more."""
        news.unlisten(self.tell)
        atexit.unregister(self.close)
        if self._fd >= 0:
            self.tell(urgent=True)
            self._let_go()

    def after_fork(self) -> None:
        """In the child: begin anew, without what the parent tells itself."""
        self._let_go()
        self._begin()

    def _begin(self) -> None:
        self._fd = -1
        self._before = seen()
        self._started_s = time.time()
        self._next_at = self._retry_at = 0.0
        self._writing = threading.Lock()

    def _let_go(self) -> None:
        fd, self._fd = self._fd, -1
        if fd >= 0:
            with suppress(OSError):
                os.close(fd)

    def _write(self, directory: Path) -> None:
        if self._fd < 0:
            directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            _clear(directory)
            self._fd = _create(directory)
        told = {
            **self._about,
            "pid": os.getpid(),
            "started_s": self._started_s,
            "updated_s": time.time(),
            "counts": self._counts(),
        }
        content = frame(json.dumps(told).encode("ascii"))
        os.pwrite(self._fd, content, 0)
        os.ftruncate(self._fd, len(content))

    def _counts(self) -> Counts:
        """What has been counted since this process began."""
        since: dict[str, Mapping[str, int]] = {}
        for sort, counts in seen().items():
            before = self._before[sort]
            new = {kind: count - before.get(kind, 0) for kind, count in counts.items()}
            since[sort] = {kind: count for kind, count in new.items() if count}
        return since


def read_states(directory: Path) -> list[State]:
    """What the processes have told that keep their files in `directory`, the latest last."""
    states = [state for path in _files(directory) if (state := _read(path)) is not None]
    return sorted(states, key=lambda state: state.updated_s)


def _program() -> str:
    # Without the arguments, in which anything may stand.
    return bounded(Path(sys.argv[0] if sys.argv else "").name or "python")


def _files(directory: Path) -> list[Path]:
    try:
        return list(directory.glob(f"*{_SUFFIX}"))
    except OSError:
        return []


def _create(directory: Path) -> int:
    """A new file, locked.

    Raises:
        OSError: it cannot be made.
    """
    path = directory / f"{uuid.uuid4().hex}{_SUFFIX}"
    fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    # Who reads it at this moment holds a lock for a moment; the worst is that it looks ended.
    with suppress(BlockingIOError):
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    return fd


def _clear(directory: Path) -> None:
    """Delete the files of processes that are gone, but for the latest."""
    aged: list[tuple[float, Path]] = []
    for path in _files(directory):
        with suppress(OSError):
            aged.append((path.stat().st_mtime, path))
    aged.sort(key=itemgetter(0), reverse=True)
    oldest = time.time() - KEPT_S
    for number, (modified, path) in enumerate(aged, start=1):
        if modified < oldest or number > KEPT_MAX:
            with suppress(OSError):
                _delete_dead(path)


def _delete_dead(path: Path) -> None:
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        if not is_held(fd):
            path.unlink(missing_ok=True)
    finally:
        os.close(fd)


def is_held(fd: int) -> bool:
    """Whether another process holds the lock, which means that it lives."""
    try:
        fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    return False


def _read(path: Path) -> State | None:
    """What a file tells; `None` where it is gone or damaged."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        alive = is_held(fd)
        payloads = read_frames(os.pread(fd, _BYTES_MAX, 0), limit=1).payloads
    except OSError:
        return None
    finally:
        os.close(fd)
    return _state(payloads[0], alive=alive) if payloads else None


def _state(payload: bytes, *, alive: bool) -> State | None:
    try:
        said = cast("Mapping[str, object]", json.loads(payload))
        return State(
            alive=alive,
            pid=int(str(said["pid"])),
            program=str(said["program"]),
            service=str(said["service"]),
            version=str(said["version"]),
            started_s=float(str(said["started_s"])),
            updated_s=float(str(said["updated_s"])),
            counts=cast("Counts", said["counts"]),
        )
    except (ValueError, TypeError, KeyError, RecursionError):
        return None


_states: Final[weakref.WeakSet[ProcessState]] = weakref.WeakSet()


def _begin_anew() -> None:
    for state in _states:
        state.after_fork()


os.register_at_fork(after_in_child=_begin_anew)
