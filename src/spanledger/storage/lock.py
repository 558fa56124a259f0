"""One process owns a data directory."""

import fcntl
import os
from collections.abc import Callable
from pathlib import Path

from spanledger.errors import StoreError, StoreLocked

__all__ = ["lock_directory"]


def lock_directory(directory: Path) -> Callable[[], None]:
    """Make `directory` if need be and own it until the returned function is called.

    The system lets go of it as well when the process ends, however it ends.

    Raises:
        StoreLocked: somebody owns it already.
        StoreError: it is no directory, or cannot be written.
    """
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        file = (directory / "lock").open("a+", encoding="ascii")
    except OSError as error:
        msg = f"the data directory {directory} cannot be used: {error.strerror}"
        raise StoreError(msg) from error
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        file.seek(0)
        owner = file.read().strip() or "unknown"
        file.close()
        msg = f"the data directory {directory} is in use by another process (pid {owner})"
        raise StoreLocked(msg) from error
    file.truncate(0)
    file.write(f"{os.getpid()}\n")
    file.flush()
    return file.close
