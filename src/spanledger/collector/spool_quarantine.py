"""What the spool could not read and what the store would not take, kept for a person to see."""

import os
from pathlib import Path
from typing import Final

from spanledger.collector.delivery import Delivery
from spanledger.collector.spool_records import encode
from spanledger.collector.spool_segment import SUFFIX, Segment, sync_directory

__all__ = ["Quarantine"]

_REFUSED: Final = "refused-"

GIVEN_BACK_MAX: Final = 1000
"""Deliveries that one start tries again."""


class Quarantine:
    """A directory beside the segments. Nothing in it is deleted by us."""

    def __init__(self, directory: Path) -> None:
        """Make the directory if need be.

        Raises:
            OSError: it cannot be made.
        """
        directory.mkdir(mode=0o700, exist_ok=True)
        self._directory = directory

    @property
    def size(self) -> int:
        """How many bytes lie there."""
        return sum(path.stat().st_size for path in self._directory.iterdir())

    def keep_bytes(self, name: str, data: bytes) -> None:
        """Keep a stretch of a segment that cannot be read, in the file `name`.

        Raises:
            OSError: it is not certain to be kept.
        """
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC
        fd = os.open(self._directory / name, flags, 0o600)
        with os.fdopen(fd, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        sync_directory(self._directory)

    def keep_segment(self, segment: Segment) -> None:
        """Move a whole file here that the disk does not give any more.

        Raises:
            OSError: it is not certain to be kept.
        """
        segment.path.rename(self._directory / f"unreadable-{segment.path.name}")
        segment.close()
        sync_directory(self._directory)
        sync_directory(segment.path.parent)

    def keep_delivery(self, delivery: Delivery) -> None:
        """Keep a delivery until the next start, which tries it again.

        Raises:
            OSError: it is not certain to be kept.
        """
        segment = Segment.create(self._directory, 0)
        try:
            segment.append(encode(delivery, segment.marker))
            segment.path.rename(self._directory / f"{_REFUSED}{segment.path.name}")
            sync_directory(self._directory)
        except OSError:
            segment.path.unlink(missing_ok=True)
            raise
        finally:
            segment.close()

    def give_back(self, spool: Path, sequence: int) -> int:
        """Move deliveries that were kept into the spool; return the next sequence number.

        Raises:
            OSError: not all are moved.
        """
        # By their markers, which are drawn by lot: those beyond the bound have their turn later.
        for path in sorted(self._directory.glob(f"{_REFUSED}*{SUFFIX}"))[:GIVEN_BACK_MAX]:
            marker = path.name.rpartition("-")[2]
            path.rename(spool / f"{sequence:012d}-{marker}")
            sequence += 1
        sync_directory(spool)
        sync_directory(self._directory)
        return sequence
