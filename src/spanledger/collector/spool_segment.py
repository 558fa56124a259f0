"""One file of the spool: a header, then records. What `append` has taken is on disk.

The name holds the place in the order of files and the marker of its records, the header the number
of the format. So a damaged header costs nothing: the records are found all the same.
"""

import os
import re
import secrets
import struct
import zlib
from pathlib import Path
from typing import Final, Self

from spanledger.collector.spool_records import MARKER_BYTES, Gap, Record, read_record
from spanledger.errors import StoreError

__all__ = ["HEADER_BYTES", "SUFFIX", "Segment", "sync_directory"]

SUFFIX: Final = ".spool"
FORMAT: Final = 1
MAGIC: Final = b"SPANLEDGER-SPOOL"

_NAME: Final = re.compile(rf"(\d+)-([0-9a-f]{{{2 * MARKER_BYTES}}}){re.escape(SUFFIX)}")
_HEADER: Final = struct.Struct(">16sH")
_CRC: Final = struct.Struct(">I")
HEADER_BYTES: Final = _HEADER.size + _CRC.size
"""The header has this form in every format, so that each program can read the number."""


class Segment:
    """A file of records; the one process that owns the spool appends to it or reads it."""

    def __init__(self, path: Path, fd: int) -> None:
        match = _NAME.fullmatch(path.name)
        if match is None:
            msg = f"{path} is no file of a spool"
            raise StoreError(msg)
        self.path = path
        self.sequence = int(match[1])
        self.marker = bytes.fromhex(match[2])
        self.sound = True
        """May be appended to."""
        self.size = os.fstat(fd).st_size
        """Bytes that are on disk; records end here."""
        self._fd = fd

    @classmethod
    def create(cls, directory: Path, sequence: int) -> Self:
        """A new file, that is there after a power cut as well.

        Raises:
            OSError: it cannot be made; nothing is left of it.
        """
        path = directory / f"{sequence:012d}-{secrets.token_hex(MARKER_BYTES)}{SUFFIX}"
        segment = cls(path, os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
        try:
            segment.append(_header())
            sync_directory(directory)
        except OSError:
            path.unlink(missing_ok=True)
            segment.close()
            raise
        return segment

    @classmethod
    def open(cls, path: Path) -> Self:
        """A file that an earlier process has left, to be read.

        Raises:
            StoreError: a newer version of Spanledger wrote it, or it is no file of a spool.
            OSError: it cannot be read.
        """
        segment = cls(path, os.open(path, os.O_RDONLY | os.O_CLOEXEC))
        segment.sound = False
        try:
            written = _format(segment._read(0, HEADER_BYTES))
        finally:
            # Opened again when it is read: there may be more files than may be open.
            segment.close()
        if written > FORMAT:
            msg = (
                f"{path} was written by a newer version of Spanledger (format {written}, this one "
                f"knows {FORMAT}): start that version, or move the file away"
            )
            raise StoreError(msg)
        return segment

    def append(self, data: bytes) -> None:
        """Write records at the end and have them on disk: all of them, or none.

        Raises:
            OSError: they are not taken. Where it is not certain that the file is as it was before,
                it is not `sound` any more.
        """
        try:
            written = 0
            while written < len(data):
                written += os.pwrite(self._fd, memoryview(data)[written:], self.size + written)
            self.sound = False
            os.fdatasync(self._fd)  # after a failure the system may have forgotten what to write
            self.sound = True
        except OSError:
            self._cut()
            raise
        self.size += len(data)

    def record(self, start: int, end: int) -> Record | Gap:
        """What stands at `start`, where the file is looked at up to `end`.

        Raises:
            OSError: the file cannot be read.
        """
        return read_record(self._read, start, end, self.marker)

    def copy(self, start: int, end: int) -> bytes:
        """The bytes of a stretch as they are.

        Raises:
            OSError: the file cannot be read.
        """
        return self._read(start, end - start)

    def remove(self) -> None:
        """Delete the file.

        Raises:
            OSError: it is still there, or may be after a power cut.
        """
        self.path.unlink(missing_ok=True)
        self.close()
        sync_directory(self.path.parent)

    def close(self) -> None:
        """Let go of the file; again does nothing."""
        fd, self._fd = self._fd, -1
        if fd >= 0:
            os.close(fd)

    def _cut(self) -> None:
        try:
            os.ftruncate(self._fd, self.size)
        except OSError:
            self.sound = False

    def _read(self, start: int, count: int) -> bytes:
        """`count` bytes, fewer only at the end; one call of the system gives 2 GiB at most."""
        if self._fd < 0:
            self._fd = os.open(self.path, os.O_RDONLY | os.O_CLOEXEC)
        return os.pread(self._fd, count, start)


def sync_directory(directory: Path) -> None:
    """Have the names in `directory` on disk.

    Raises:
        OSError: that is not certain.
    """
    fd = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def _header() -> bytes:
    head = _HEADER.pack(MAGIC, FORMAT)
    return head + _CRC.pack(zlib.crc32(head))


def _format(header: bytes) -> int:
    """The number of the format; that of this program where the header is damaged."""
    if len(header) < HEADER_BYTES or not header.startswith(MAGIC):
        return FORMAT
    head = header[: _HEADER.size]
    if _CRC.unpack_from(header, _HEADER.size)[0] != zlib.crc32(head):
        return FORMAT
    return int(_HEADER.unpack(head)[1])
