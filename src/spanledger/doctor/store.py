"""The data directory of `spanledger up`, looked at from outside: a store has one owner."""

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from spanledger.doctor.finding import Finding, attention, fine, note
from spanledger.errors import SettingsError
from spanledger.instrumentation.state import is_held
from spanledger.settings import KEYS_FILE, Settings
from spanledger.storage.address import ServerAddress

__all__ = ["check_store"]


def check_store(settings: Settings) -> Iterator[Finding]:
    """Whether there is a store, and whether a process serves it. It is not opened."""
    directory = settings.data_dir
    if settings.clickhouse_url:
        yield _check_address(settings.clickhouse_url)
        yield from _check_keys(directory / KEYS_FILE)
        return
    if not directory.exists():
        yield note(
            "store.directory",
            f"There is no store at {directory}.",
            "None is needed beside an application; 'spanledger up' makes one.",
            path=str(directory),
        )
        return
    if not directory.is_dir() or not os.access(directory, os.R_OK | os.W_OK | os.X_OK):
        yield attention(
            "store.directory",
            f"{directory} is no directory that this user can write.",
            "Mend its rights, or name another one by SPANLEDGER_DATA_DIR or --data-dir.",
            path=str(directory),
        )
        return
    yield _check_owner(directory)
    yield from _check_keys(directory / KEYS_FILE)


def _check_address(url: str) -> Finding:
    try:
        address = ServerAddress.parse(url).shown
    except SettingsError as error:
        return attention("store.server", f"{error}.", "Mend SPANLEDGER_CLICKHOUSE_URL.")
    return fine("store.server", f"Calls are kept at {address}.", address=address)


def _check_owner(directory: Path) -> Finding:
    owner = _owner(directory / "lock")
    if owner is None:
        return note(
            "store.owner",
            f"No process serves the store at {directory}.",
            "Start 'spanledger up', if it is to run on this machine.",
            path=str(directory),
        )
    return fine(
        "store.owner",
        f"The store at {directory} is served by the process {owner}.",
        path=str(directory),
        owner=owner,
    )


def _owner(lock: Path) -> str | None:
    """Who holds the lock; `None` for nobody."""
    with suppress(OSError):
        fd = os.open(lock, os.O_RDONLY | os.O_CLOEXEC)
        try:
            if is_held(fd):
                return os.pread(fd, 32, 0).decode("ascii", "replace").strip() or "unknown"
        finally:
            os.close(fd)
    return None


def _check_keys(path: Path) -> Iterator[Finding]:
    with suppress(OSError):
        mode = path.stat().st_mode & 0o777
        if mode & 0o077:
            yield attention(
                "store.keys",
                f"{path} can be read by others (mode {mode:o}).",
                f"chmod 600 {path}",
                path=str(path),
            )
