"""Deliveries on disk, from their acknowledgement until the store has them.

One thread appends, another reads. Files are read in the order in which they were made, and deleted
once all in them is stored. How far that is stands in a small file: it only spares a restart work,
for a call that is stored again replaces itself.
"""

import logging
import shutil
import threading
import time
from collections import Counter, deque
from collections.abc import Sequence
from contextlib import suppress
from enum import StrEnum
from pathlib import Path
from typing import Final

from spanledger.collector.delivery import Delivery
from spanledger.collector.spool_quarantine import Quarantine
from spanledger.collector.spool_records import Record, encode
from spanledger.collector.spool_segment import HEADER_BYTES, SUFFIX, Segment
from spanledger.errors import StoreError
from spanledger.storage.lock import lock_directory

__all__ = ["Refusal", "Spool", "SpoolRefused", "is_settled"]

log = logging.getLogger(__name__)

SEGMENT_BYTES: Final = 64 * 1024 * 1024
"""A file that has grown to this is not added to."""

SEGMENT_AGE_S: Final = 60.0
"""A file that is older and has been stored goes: bodies do not lie on the disk for longer."""

_POSITION: Final = "position"


class Refusal(StrEnum):
    """Why a delivery was not taken."""

    FULL = "full"
    """As much lies in the spool as may."""
    DISK_FULL = "disk_full"
    """The disk has no more room than is left to others."""
    DISK_FAILED = "disk_failed"
    """The disk did not take it."""
    BUSY = "busy"
    """Too much waits for the disk."""
    CLOSED = "closed"
    """The server stops."""


class SpoolRefused(StoreError):
    """A delivery was not taken; it may be sent again later."""

    def __init__(self, reason: Refusal, message: str) -> None:
        super().__init__(message)
        self.reason = reason


class Spool:
    """A directory of segments, owned by this process.

    `append` is called by one thread, and all that reads by one other.
    """

    def __init__(
        self,
        directory: Path,
        *,
        bytes_max: int,
        free_bytes_min: int,
        segment_bytes: int = SEGMENT_BYTES,
    ) -> None:
        """Own the directory, made if need be, and find what was left there.

        Args:
            directory: Where it is.
            bytes_max: How much may lie there; beyond it deliveries are refused.
            free_bytes_min: How much room is left to others on the disk.
            segment_bytes: How large a file grows.

        Raises:
            StoreLocked: another process owns it.
            StoreError: it cannot be used, or holds files of a newer version.
        """
        self._directory = directory
        self._bytes_max = bytes_max
        self._free_bytes_min = free_bytes_min
        self._segment_bytes = segment_bytes
        self.counts: Counter[str] = Counter()
        """Records that were `damaged` or `torn`, and deliveries that were `set_aside`."""
        self._writing = threading.Lock()  # held while the file at the end changes
        self._grown = threading.Condition()  # held for moments, while the list changes
        self._segments: deque[Segment] = deque()
        self._active: Segment | None = None
        self._active_since = 0.0
        self._at = 0  # the file that is read, of those in the list
        self._offset = HEADER_BYTES  # and where in it
        self._stored_to = HEADER_BYTES  # in the oldest file
        self._release = lock_directory(directory)
        try:
            self._open()
        except OSError as error:
            self.close()
            msg = f"the spool {directory} cannot be used: {error.strerror}"
            raise StoreError(msg) from error
        except StoreError:
            self.close()
            raise

    @property
    def size(self) -> int:
        """How many bytes lie there, those in quarantine included."""
        with self._grown:
            return self._quarantined + sum(segment.size for segment in self._segments)

    @property
    def oldest_s(self) -> float:
        """When the oldest file was made, in seconds since 1970; 0 where there is none."""
        with self._grown, suppress(OSError):
            if self._segments:
                return self._segments[0].path.stat().st_mtime
        return 0.0

    def append(self, deliveries: Sequence[Delivery]) -> None:
        """Keep deliveries, all or none; they are on disk when this returns.

        Raises:
            SpoolRefused: none is taken.
        """
        with self._writing:
            self._check_room(sum(len(delivery.body) for delivery in deliveries))
            try:
                segment = self._writable()
                segment.append(b"".join(encode(one, segment.marker) for one in deliveries))
            except OSError as error:
                msg = f"the spool cannot be written ({error.strerror}): send again later"
                raise SpoolRefused(Refusal.DISK_FAILED, msg) from error
        with self._grown:
            self._grown.notify_all()

    def next(self) -> Delivery | None:
        """The next delivery that was not read yet; `None` where there is none.

        What is damaged is counted, kept in the quarantine and passed over.

        Raises:
            OSError: the disk does not give or take what it should; nothing was passed over.
        """
        while (segment := self._readable()) is not None:
            found = segment.record(self._offset, segment.size)
            if isinstance(found, Record):
                self._offset = found.end
                return found.delivery
            if not found.torn:
                name = f"damaged-{segment.path.name}-{found.start}"
                self._quarantine.keep_bytes(name, segment.copy(found.start, found.end))
                log.error("damage in the spool: %d bytes are in %s", found.end - found.start, name)
                self._weigh_quarantine()
            self.counts["torn" if found.torn else "damaged"] += 1
            self._offset = found.end
        return None

    def acknowledge(self) -> None:
        """All that was read is stored: forget it.

        Raises:
            OSError: files are left that a restart reads again; this can be repeated.
        """
        self._readable()
        while self._at:
            self._segments[0].remove()
            with self._grown:
                self._segments.popleft()
                self._at -= 1
                self._stored_to = HEADER_BYTES
        if self._segments and self._stored_to != self._offset:
            self._stored_to = self._offset
            # On a full disk files go all the same, and make room.
            with suppress(OSError):
                self._write_position(self._segments[0])

    def rewind(self) -> None:
        """Read again what was read and not acknowledged."""
        with self._grown:
            self._at, self._offset = 0, self._stored_to

    def retire(self, *, idle: bool) -> None:
        """Let the file at the end go too, if all of it was read and it is old, or nothing comes.

        What was read must have been acknowledged.

        Raises:
            OSError: it is left, and a restart reads it again.
        """
        active = self._active
        if active is None or not (idle or time.monotonic() - self._active_since > SEGMENT_AGE_S):
            return
        if self._writing.acquire(blocking=False):
            try:
                if self._readable() is None:
                    self._active = None
            finally:
                self._writing.release()
            self.acknowledge()

    def set_aside(self, delivery: Delivery) -> None:
        """Keep a delivery in the quarantine, from where the next start takes it again.

        Raises:
            OSError: it is not certain to be kept.
        """
        self._quarantine.keep_delivery(delivery)
        self.counts["set_aside"] += 1
        self._weigh_quarantine()

    def give_up_segment(self) -> None:
        """Move the file that is being read to the quarantine: the disk does not give it any more.

        Raises:
            OSError: it is still where it was.
        """
        with self._writing:
            segment = self._readable()
            if segment is None:
                return
            if segment is self._active:
                self._active = None
            self._quarantine.keep_segment(segment)
            with self._grown:
                self._segments.remove(segment)
                self._offset = self._stored_to = HEADER_BYTES
        log.error("the disk does not give %s any more: it is in the quarantine", segment.path.name)
        self.counts["damaged"] += 1
        self._weigh_quarantine()

    def wait(self, timeout_s: float, or_until: threading.Event | None = None) -> bool:
        """Wait until there is something to read, or the event is set; whether either is so.

        Who sets the event calls `wake`.
        """
        with self._grown:
            return self._grown.wait_for(
                lambda: (
                    self._readable() is not None or (or_until is not None and or_until.is_set())
                ),
                timeout_s,
            )

    def wake(self) -> None:
        """Have those who wait look at their events."""
        with self._grown:
            self._grown.notify_all()

    def close(self) -> None:
        """Let go of the directory; what is in it stays for the next start."""
        with self._grown:
            for segment in self._segments:
                segment.close()
            self._segments.clear()
            self._active = None
        self._release()

    def _open(self) -> None:
        self._quarantine = Quarantine(self._directory / "quarantine")
        self._quarantined = 0
        paths = sorted(self._directory.glob(f"*{SUFFIX}"))
        last = Segment.open(paths[-1]) if paths else None
        sequence = last.sequence + 1 if last else 1
        if last:
            last.close()
        self._sequence = self._quarantine.give_back(self._directory, sequence)
        for path in sorted(self._directory.glob(f"*{SUFFIX}")):
            self._segments.append(Segment.open(path))
        self._weigh_quarantine()
        self._offset = self._stored_to = self._read_position()

    def _weigh_quarantine(self) -> None:
        self._quarantined = self._quarantine.size

    def _check_room(self, size: int) -> None:
        if self.size + size > self._bytes_max:
            msg = f"the spool is full ({self._bytes_max} bytes): send again later"
            raise SpoolRefused(Refusal.FULL, msg)
        try:
            free = shutil.disk_usage(self._directory).free
        except OSError as error:
            msg = f"the spool cannot be used ({error.strerror}): send again later"
            raise SpoolRefused(Refusal.DISK_FAILED, msg) from error
        if free - size < self._free_bytes_min:
            msg = f"less than {self._free_bytes_min} bytes are free on the disk: send again later"
            raise SpoolRefused(Refusal.DISK_FULL, msg)

    def _writable(self) -> Segment:
        active = self._active
        if active is not None and active.sound and active.size < self._segment_bytes:
            return active
        self._active = None
        segment = Segment.create(self._directory, self._sequence)
        self._sequence += 1
        self._active_since = time.monotonic()
        with self._grown:
            self._segments.append(segment)
        self._active = segment
        return segment

    def _readable(self) -> Segment | None:
        """The file in which the next record stands; files that were read are passed over."""
        with self._grown:
            while self._at < len(self._segments):
                segment = self._segments[self._at]
                if self._offset < segment.size:
                    return segment
                if segment is self._active:
                    return None
                segment.close()  # it is opened again if it has to be read again
                self._at += 1
                self._offset = HEADER_BYTES
            return None

    def _write_position(self, segment: Segment) -> None:
        path = self._directory / _POSITION
        beside = path.with_suffix(".new")
        # Not forced to disk: without it, or with an older one, a restart stores some calls again.
        beside.touch(mode=0o600)
        beside.write_text(f"{segment.path.name} {self._offset}\n", encoding="ascii")
        beside.replace(path)

    def _read_position(self) -> int:
        """Where to begin in the oldest file. It is believed only if a record stands there."""
        try:
            text = (self._directory / _POSITION).read_text(encoding="ascii")
        except (OSError, ValueError):
            return HEADER_BYTES
        name, _, offset = text.removesuffix("\n").partition(" ")
        first = self._segments[0] if self._segments else None
        if first is None or first.path.name != name or not offset.isdecimal() or text[-1] != "\n":
            return HEADER_BYTES
        start = int(offset)
        if start == first.size or isinstance(first.record(start, first.size), Record):
            return start
        return HEADER_BYTES


def is_settled(directory: Path) -> bool:
    """Whether the store has all that lies in a spool, as far as its files tell; for onlookers."""
    try:
        segments = {path.name: path.stat().st_size for path in directory.glob(f"*{SUFFIX}")}
        full = {name: size for name, size in segments.items() if size > HEADER_BYTES}
        if not full:
            return True
        name, _, offset = (directory / _POSITION).read_text(encoding="ascii").partition(" ")
    except FileNotFoundError:
        return False  # it changes just now
    return {name: int(offset or 0)} == full
