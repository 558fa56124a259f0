"""Where records wait for the collector: in files, or in memory where none can be written.

Any thread appends; one thread, the sender's, takes batches out. A record is written before
`append` returns, or by a thread that writes at that very moment: nobody waits for anybody's disk,
and a finaliser that appends in the middle of an append does no harm.
"""

import os
import threading
import time
from collections import deque
from contextlib import suppress
from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path
from typing import Final

from opentelemetry.sdk.resources import Resource

from spanledger.instrumentation.frames import frame
from spanledger.instrumentation.losses import note_loss
from spanledger.instrumentation.records import Attributes, resource_payload
from spanledger.instrumentation.segment import SUFFIX, Segment

__all__ = ["MEMORY_RECORDS_MAX", "Batch", "Spool"]

MEMORY_RECORDS_MAX: Final = 10_000
"""What is kept where no file can be written; beyond it the newest are dropped."""

_SEGMENTS: Final = 64
"""The space for the spool is used in so many parts: one is freed when all of it is delivered."""

_RETRY_S: Final = 5.0
"""After a failure of the disk it is left alone so long."""

_UNSENT: Final = "not delivered before the end of the process"


@dataclass(frozen=True, slots=True)
class Batch:
    """Records of one resource, in the order in which they came."""

    resource: Attributes
    payloads: tuple[bytes, ...]
    damaged: int = 0
    """Records between them that cannot be read any more."""
    segment: Segment | None = None
    """Where they are from; `None`: memory."""
    end: int = 0
    """Where in the segment they end."""


class Spool:
    """The records that wait, of this process and of those that died."""

    def __init__(self, directory: Path | None, bytes_max: int) -> None:
        self._directory = directory
        self._bytes_max = bytes_max
        self._segment_bytes = bytes_max // _SEGMENTS
        self._incoming: deque[tuple[Resource, bytes]] = deque()
        self._memory: deque[tuple[Resource, bytes]] = deque()
        self._writing = threading.Lock()
        self._active: Segment | None = None
        self._resource: Resource | None = None
        self._sealed: deque[Segment] = deque()
        self._retry_at = 0.0
        self._full = False

    @property
    def in_memory(self) -> int:
        """Records that would not survive the process."""
        return len(self._memory) + len(self._incoming)

    def append(self, resource: Resource, payload: bytes) -> None:
        """Keep a record, or drop and count it where there is no room."""
        if len(self._incoming) >= MEMORY_RECORDS_MAX:
            note_loss("the disk is too slow", 1)
            return
        self._incoming.append((resource, payload))
        self._write_incoming()

    def next_batch(self, limit: int) -> Batch | None:
        """The oldest records, at most `limit`; the same again until they are acknowledged."""
        while self._sealed:
            segment = self._sealed[0]
            batch = _read(segment, limit)
            if batch is not None:
                return batch
            self._sealed.popleft()
            with suppress(OSError):
                segment.remove()
            self._retry_at = 0.0
        active = self._active
        batch = _read(active, limit) if active is not None else None
        return batch or self._remembered(limit)

    def acknowledge(self, batch: Batch) -> None:
        """Forget a batch: it has been delivered, or never will be."""
        note_loss("damaged in the spool", batch.damaged)
        if batch.segment is None:
            for _ in batch.payloads:
                self._memory.popleft()
            return
        batch.segment.position = batch.end
        if batch.segment is self._active and self._writing.acquire(blocking=False):
            try:
                if batch.segment is self._active and batch.end == batch.segment.size:
                    with suppress(OSError):
                        batch.segment.rewind()
            finally:
                self._writing.release()
            self._write_incoming()

    def adopt(self) -> None:
        """Take over what processes have left that are gone."""
        ours = {segment.path for segment in (*self._sealed, self._active) if segment is not None}
        for path in self._files():
            if path not in ours:
                # Another process was quicker, or the file belongs to another user.
                with suppress(OSError):
                    adopted = Segment.adopt(path)
                    if adopted is not None:
                        self._sealed.append(adopted)

    def close(self) -> None:
        """Let go of the files: what is not delivered is left to the next process."""
        with self._writing:
            for segment in (*self._sealed, self._active):
                if segment is not None:
                    _leave(segment)
            self._sealed.clear()
            self._active = None
        note_loss(_UNSENT, self.in_memory)
        self._memory.clear()
        self._incoming.clear()
        if self._directory is not None:
            with suppress(OSError):
                self._directory.rmdir()

    def after_fork(self) -> None:
        """In the child: all that was open or waiting is the parent's business."""
        for segment in (*self._sealed, self._active):
            if segment is not None:
                segment.close()
        self._writing = threading.Lock()
        self._active = None
        for waiting in (self._sealed, self._incoming, self._memory):
            waiting.clear()

    def _write_incoming(self) -> None:
        # Whoever comes while somebody writes leaves the record to him; he looks once more.
        while self._incoming and self._writing.acquire(blocking=False):
            try:
                while self._incoming:
                    self._write(*self._incoming.popleft())
            finally:
                self._writing.release()

    def _write(self, resource: Resource, payload: bytes) -> None:
        try:
            segment = self._writable(resource)
            if segment is not None:
                segment.append(frame(payload))
                return
        except OSError:
            self._seal()
            self._retry_at = time.monotonic() + _RETRY_S
        if self._full:
            note_loss("the spool is full", 1)
        elif len(self._memory) >= MEMORY_RECORDS_MAX:
            note_loss("no directory can be written, and memory is full", 1)
        else:
            self._memory.append((resource, payload))

    def _writable(self, resource: Resource) -> Segment | None:
        """The file for the next record of `resource`; `None` while there can be none."""
        active = self._active
        if active is not None and resource is self._resource and active.size < self._segment_bytes:
            return active
        self._seal()
        if self._directory is None or time.monotonic() < self._retry_at:
            return None
        self._full = self._bytes() + self._segment_bytes > self._bytes_max
        if self._full:
            self._retry_at = time.monotonic() + _RETRY_S
            return None
        self._active = Segment.create(self._directory, resource_payload(resource))
        self._resource = resource
        return self._active

    def _seal(self) -> None:
        if self._active is not None:
            self._sealed.append(self._active)
            self._active = None

    def _remembered(self, limit: int) -> Batch | None:
        if not self._memory:
            return None
        resource = self._memory[0][0]
        # By index: other threads append meanwhile.
        first = [self._memory[index] for index in range(min(limit, len(self._memory)))]
        same = takewhile(lambda item: item[0] is resource, first)
        return Batch(dict(resource.attributes), tuple(payload for _, payload in same))

    def _files(self) -> list[Path]:
        if self._directory is None:
            return []
        try:
            return sorted(self._directory.glob(f"*{SUFFIX}"))
        except OSError:
            return []

    def _bytes(self) -> int:
        """What lies in the directory, of all processes."""
        total = 0
        for path in self._files():
            with suppress(OSError):
                total += os.stat(path).st_size  # noqa: PTH116 - a file may go at any moment
        return total


def _read(segment: Segment, limit: int) -> Batch | None:
    """The next records of a segment; `None` where there are no more, or it cannot be read."""
    try:
        frames = segment.read(limit)
    except OSError:
        return None
    if not frames.payloads and not frames.damaged:
        return None
    end = segment.position + frames.end
    return Batch(segment.resource, frames.payloads, frames.damaged, segment, end)


def _leave(segment: Segment) -> None:
    with suppress(OSError):
        if segment.position >= segment.size:
            segment.remove()
        else:
            segment.close()
