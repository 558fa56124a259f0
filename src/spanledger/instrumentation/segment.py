"""One file of the spool: a header, then frames. Its lock is held as long as its process lives.

Nothing is forced to disk: the page cache survives the end of the process, however it ends. A power
cut loses what the system had not written yet.
"""

import fcntl
import os
import uuid
from pathlib import Path
from typing import Final, Self

from spanledger.instrumentation.frames import Frames, frame, read_frames
from spanledger.instrumentation.records import Attributes, read_resource

__all__ = ["SUFFIX", "Segment"]

SUFFIX: Final = ".spool"

_HEADERS: Final = 2
"""The header stands twice, so that damage to one takes nobody's name away."""

_UNKNOWN: Final[Attributes] = {}


class Segment:
    """A file that one process appends to and delivers from."""

    __slots__ = ("_fd", "_head_bytes", "path", "position", "resource", "size")

    def __init__(self, path: Path, fd: int) -> None:
        self.path = path
        self.size = os.fstat(fd).st_size
        """Bytes of whole frames."""
        self.position = 0
        """Up to here everything has been delivered."""
        self.resource: Attributes = _UNKNOWN
        """What made the spans, as it described itself."""
        self._fd = fd
        self._head_bytes = 0

    @classmethod
    def create(cls, directory: Path, header: bytes) -> Self:
        """A new file, locked.

        Raises:
            OSError: the directory cannot be written to, or knows no locks.
        """
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        while True:
            path = directory / f"{uuid.uuid4().hex}{SUFFIX}"
            flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC
            segment = cls(path, os.open(path, flags, 0o600))
            try:
                locked = segment._lock()
                if locked:
                    segment.append(frame(header) * _HEADERS)
            except OSError:
                segment.remove()
                raise
            if locked:
                segment._read_header()
                return segment
            # Somebody took the empty file for a dead one in the moment before it was locked.
            segment.close()

    @classmethod
    def adopt(cls, path: Path) -> Self | None:
        """The file of a process that is gone; `None` while its process lives.

        Raises:
            OSError: it cannot be opened.
        """
        segment = cls(path, os.open(path, os.O_RDWR | os.O_APPEND | os.O_CLOEXEC))
        if not segment._lock():
            segment.close()
            return None
        segment.size = os.fstat(segment._fd).st_size
        segment._read_header()
        return segment

    def append(self, data: bytes) -> None:
        """Write frames at the end, all of them or none.

        Raises:
            OSError: they could not be written.
        """
        try:
            written = os.write(self._fd, data)
            if written < len(data):
                msg = f"only {written} of {len(data)} bytes could be written"
                raise OSError(msg)
        except OSError:
            os.ftruncate(self._fd, self.size)
            raise
        self.size += len(data)

    def read(self, limit: int) -> Frames:
        """The first frames that are not delivered yet, at most `limit`.

        Raises:
            OSError: the file cannot be read.
        """
        # Taken once: the writer may add to it while this reads.
        size = self.size
        data = os.pread(self._fd, size - self.position, self.position)
        return read_frames(data, limit=limit)

    def rewind(self) -> None:
        """Begin anew after the header: everything has been delivered.

        Raises:
            OSError: the file cannot be cut.
        """
        if self.size > self._head_bytes:
            os.ftruncate(self._fd, self._head_bytes)
            self.size = self.position = self._head_bytes

    def remove(self) -> None:
        """Delete the file, and let go of it."""
        self.path.unlink(missing_ok=True)
        self.close()

    def close(self) -> None:
        """Let go of the file: whoever comes next may adopt it."""
        fd, self._fd = self._fd, -1
        if fd >= 0:
            os.close(fd)

    def _lock(self) -> bool:
        """Whether the file is ours now, and still there."""
        try:
            fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return os.fstat(self._fd).st_nlink > 0

    def _read_header(self) -> None:
        """Find the resource, and pass over what stands before the first record."""
        while (frames := self.read(1)).end:
            for payload in frames.payloads:
                resource = read_resource(payload)
                if resource is None:
                    return
                self.resource = resource
            self.position = self._head_bytes = self.position + frames.end
