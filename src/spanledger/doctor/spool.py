"""What waits for the collector on this machine, for how long, and whether there is room for more.

The files are only looked at. What a living process has delivered of its file is known to it alone,
so what waits is at most what is said here.
"""

import os
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from spanledger import attributes as names
from spanledger.doctor.finding import Finding, attention, fine, plural
from spanledger.instrumentation.frames import read_frames
from spanledger.instrumentation.records import read_record
from spanledger.instrumentation.segment import SUFFIX
from spanledger.instrumentation.state import is_held
from spanledger.instrumentation.telemetry import spool_directory, spool_root
from spanledger.settings import OtlpTarget, Settings

__all__ = ["check_spool"]

_LATE_S: Final = 120.0
"""What has waited longer than this has been tried in vain."""

_NEARLY_FULL: Final = 0.9
_LOOKED_AT_MAX: Final = 100
_MIB: Final = 1024 * 1024


@dataclass(frozen=True, slots=True)
class _File:
    """What lies in one file of the spool."""

    directory: Path
    size: int
    held: bool
    """Its process lives."""
    records: int
    damaged: int
    oldest_s: float
    """When its first record was made, in seconds since 1970."""


def check_spool(settings: Settings, target: OtlpTarget) -> Iterator[Finding]:
    """The directory, what waits in it for this collector and for others."""
    root, own = spool_root(settings), spool_directory(settings, target)
    if root is None or own is None:
        yield attention(
            "spool.directory",
            "There is no home directory: spans wait in memory, and end with their process.",
            "Set SPANLEDGER_SPOOL_DIR to a directory that can be written.",
        )
        return
    files = [file for path in sorted(root.glob(f"*/*{SUFFIX}")) if (file := _read(path))]
    ours = [file for file in files if file.directory == own]
    yield _check_directory(root)
    yield _check_room(settings, own, ours)
    yield from _check_waiting(ours)
    yield from _check_elsewhere([file for file in files if file.directory != own])
    if damaged := sum(file.damaged for file in files):
        yield attention(
            "spool.damaged",
            f"{plural(damaged, 'record')} in the spool cannot be read any more.",
            "Look whether the disk is sound; the others are delivered all the same.",
            damaged=damaged,
        )


def _check_directory(root: Path) -> Finding:
    if _writable(root):
        return fine(
            "spool.directory", f"Spans wait in {root}, which can be written.", path=str(root)
        )
    return attention(
        "spool.directory",
        f"{root} cannot be written: spans wait in memory, and end with their process.",
        "Let this user write there, or set SPANLEDGER_SPOOL_DIR to another directory.",
        path=str(root),
    )


def _check_room(settings: Settings, own: Path, files: Sequence[_File]) -> Finding:
    size, room = sum(file.size for file in files), settings.spool_bytes_max
    living = sum(file.held for file in files)
    spooling = "1 process spools" if living == 1 else f"{living} processes spool"
    says = (
        f"{size / _MIB:.1f} of {room / _MIB:.1f} MiB are used for this collector and key"
        f" ({own.name}); {spooling} there now."
    )
    facts = {"bytes": size, "bytes_max": room, "living": living, "directory": own.name}
    if size > room * _NEARLY_FULL:
        return attention(
            "spool.room",
            says,
            "It is all but full, and then new spans are dropped: let the collector be reached, or"
            " raise SPANLEDGER_SPOOL_BYTES_MAX.",
            **facts,
        )
    return fine("spool.room", says, **facts)


def _check_waiting(files: Sequence[_File]) -> Iterator[Finding]:
    waiting = [file for file in files if file.records]
    if not waiting:
        yield fine("spool.waiting", "No span waits for this collector.", records=0)
        return
    records, age_s = sum(file.records for file in waiting), _age_s(waiting)
    facts = {"records": records, "oldest_s": round(age_s)}
    says = f"At most {plural(records, 'span')} {_wait(records)}, the oldest for {_spoken(age_s)}."
    if age_s < _LATE_S:
        yield fine("spool.waiting", says, **facts)
        return
    yield attention(
        "spool.waiting",
        says,
        "They are delivered when the collector can be reached."
        if any(file.held for file in waiting)
        else "Their processes are gone: the next one that records with these settings delivers"
        " them, once it has made a call.",
        **facts,
    )


def _check_elsewhere(files: Sequence[_File]) -> Iterator[Finding]:
    for directory in sorted({file.directory for file in files if file.records}):
        waiting = [file for file in files if file.directory == directory and file.records]
        records, age_s = sum(file.records for file in waiting), _age_s(waiting)
        says = (
            f"At most {plural(records, 'span')} {_wait(records)} for another collector or key"
            f" ({directory.name}), the oldest for {_spoken(age_s)}."
        )
        facts = {"directory": directory.name, "records": records, "oldest_s": round(age_s)}
        if any(file.held for file in waiting) and age_s < _LATE_S:
            yield fine("spool.elsewhere", says, **facts)
        else:
            yield attention(
                "spool.elsewhere",
                says,
                "A key decides whose costs they are, so they wait for the address and the headers"
                " with which they were recorded: run the application with those once more.",
                **facts,
            )


def _read(path: Path) -> _File | None:
    """What lies in a file; `None` where it is gone, or another user's."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        held, status = is_held(fd), os.fstat(fd)
        data = os.pread(fd, status.st_size, 0)
    except OSError:
        return None
    finally:
        os.close(fd)
    frames = read_frames(data, limit=len(data) + 1)
    # The header is an object, a record an array.
    records = [payload for payload in frames.payloads if payload.startswith(b"[")]
    # The last record of a living process may be in the middle of being written.
    damaged = 0 if held else frames.damaged
    oldest_s = _oldest_s(records, status.st_mtime)
    return _File(path.parent, status.st_size, held, len(records), damaged, oldest_s)


def _oldest_s(records: Sequence[bytes], modified_s: float) -> float:
    """When the first was made. Those of batches have the time of their provider."""
    for payload in records[:_LOOKED_AT_MAX]:
        record = read_record(payload)
        if record is not None and not record.attributes.get(names.REQUEST_BATCH):
            return record.end_unix_nano / 1e9
    return modified_s


def _writable(root: Path) -> bool:
    """Whether files can be made there, or the directory itself where it is not there yet."""
    nearest = next((one for one in (root, *root.parents) if one.exists()), root)
    with suppress(OSError), tempfile.TemporaryFile(dir=nearest):
        return True
    return False


def _age_s(files: Sequence[_File]) -> float:
    return max(time.time() - min(file.oldest_s for file in files), 0.0)


def _wait(count: int) -> str:
    return "waits" if count == 1 else "wait"


def _spoken(seconds: float) -> str:
    for unit, length in (("day", 86_400), ("hour", 3_600), ("minute", 60)):
        if seconds >= 2 * length:
            return plural(int(seconds / length), unit)
    return plural(int(seconds), "second")
