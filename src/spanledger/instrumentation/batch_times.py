"""When the calls of a batch were made, where their results do not say it: once said, it stands.

A call that is recorded twice must have the same time both times, or it is two rows. So the first
that is known of a batch is kept for all processes of this machine: when the provider says that the
batch was made, else when its results were first seen here.
"""

import json
import os
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from hashlib import sha256
from operator import itemgetter
from pathlib import Path
from typing import Final, cast

from spanledger.dialects.results import Batch

__all__ = ["KEPT_MAX", "BatchTimes", "Made"]

KEPT_MAX: Final = 1024
"""Batches that are remembered; the oldest are forgotten."""

_SUFFIX: Final = ".batch"


@dataclass(frozen=True, slots=True)
class Made:
    """What is known of a batch."""

    at_s: int
    """Seconds since 1970."""
    model: str = ""


class BatchTimes:
    """What is known of batches, by the host and the id under which their results are fetched."""

    def __init__(self, directory: Path | None) -> None:
        """`directory` is where it is kept; without one it lasts as long as the process."""
        self._directory = directory
        self._known: dict[str, Made] = {}

    def learn(self, host: str, batch: Batch) -> None:
        """Keep what a provider says of a batch, unless something is known of it."""
        if batch.created_s is not None:
            for source in batch.sources:
                self._first(_name(host, source), Made(batch.created_s, batch.model))

    def of(self, host: str, source: str) -> Made:
        """What is known; if nothing is, its time is now, and stays so."""
        return self._first(_name(host, source), Made(int(time.time())))

    def _first(self, name: str, made: Made) -> Made:
        known = self._known.get(name)
        if known is None:
            while len(self._known) >= KEPT_MAX:
                self._known.pop(next(iter(self._known)), None)
            known = self._known[name] = self._kept(name, made)
        return known

    def _kept(self, name: str, made: Made) -> Made:
        """What the directory has under `name`; that is `made` where it had nothing."""
        if self._directory is None:
            return made
        path = self._directory / f"{name}{_SUFFIX}"
        try:
            return _read(path) or made
        except OSError:
            pass
        with suppress(OSError):
            self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            if not _write(path, made):
                return _read(path) or made
            self._forget()
        return made

    def _forget(self) -> None:
        """Drop the oldest beyond the bound."""
        if self._directory is None:
            return
        with os.scandir(self._directory) as entries:
            kept = [
                (one.stat().st_mtime, one.path) for one in entries if one.name.endswith(_SUFFIX)
            ]
        for _, path in sorted(kept, key=itemgetter(0))[: max(len(kept) - KEPT_MAX, 0)]:
            Path(path).unlink(missing_ok=True)


def _name(host: str, source: str) -> str:
    return sha256(json.dumps([host, source]).encode()).hexdigest()[:32]


def _read(path: Path) -> Made | None:
    """What a file says; `None` where it is damaged.

    Raises:
        OSError: there is none, or it cannot be read.
    """
    with suppress(ValueError, RecursionError):
        said = cast("object", json.loads(path.read_text("ascii")))
        if isinstance(said, dict):
            fields = cast("Mapping[str, object]", said)
            at_s, model = fields.get("at_s"), fields.get("model")
            if isinstance(at_s, int) and isinstance(model, str):
                return Made(at_s, model)
    return None


def _write(path: Path, made: Made) -> bool:
    """Write a whole file at once; `False` where somebody was quicker.

    Raises:
        OSError: it cannot be written.
    """
    draft = path.with_name(f"{path.name}.{os.getpid()}.{time.monotonic_ns()}")
    fd = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        with open(fd, "w", encoding="ascii") as file:  # noqa: PTH123 - of a descriptor
            file.write(json.dumps({"at_s": made.at_s, "model": made.model}))
        os.link(draft, path)
    except FileExistsError:
        return False
    finally:
        draft.unlink(missing_ok=True)
    return True
