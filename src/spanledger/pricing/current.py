"""The book in force: the adopted list and the user's overlay, read anew when their files change.

A list is adopted once and then stays, also when a newer genai-prices is installed: what new calls
cost changes when somebody says so (`spanledger prices update`), never by an upgrade alone.
"""

import gzip
import json
import logging
import os
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any, Final, cast

from spanledger.errors import PriceError
from spanledger.pricing.book import PriceBook
from spanledger.pricing.listing import PriceList, installed_list, installed_version
from spanledger.pricing.overlay import load_overlay

__all__ = ["CurrentBook", "adopt_list", "adopted_list", "read_list"]

LIST_FILE: Final = "price-list.json.gz"
"""Name of the adopted list in the data directory."""

LOOK_AGAIN_NS: Final = 1_000_000_000
"""Files are looked at no more often than this."""

_log = logging.getLogger(__name__)

_Stamp = tuple[int, int, int] | None


def adopted_list(data_dir: Path) -> PriceList | None:
    """The list that has been adopted in `data_dir`; `None` where none has.

    Raises:
        PriceError: its file is damaged.
    """
    path = data_dir / LIST_FILE
    return read_list(path) if path.exists() else None


def adopt_list(data_dir: Path, prices: PriceList) -> None:
    """Make `prices` the list of `data_dir`, at once for every reader and durably.

    Raises:
        PriceError: the file cannot be written.
    """
    content = {"version": prices.version, "providers": prices.raw}
    data = gzip.compress(json.dumps(content).encode(), mtime=0)
    try:
        data_dir.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=data_dir, prefix=LIST_FILE, delete=False) as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        Path(file.name).replace(data_dir / LIST_FILE)
    except OSError as error:
        msg = f"cannot write the price list to {data_dir}: {error.strerror}"
        raise PriceError(msg) from error


def read_list(path: Path) -> PriceList:
    """A list from a file: genai-prices' `data.json`, or one that we have written; also compressed.

    Raises:
        PriceError: it cannot be read, or is something else.
    """
    try:
        data = path.read_bytes()
        if data.startswith(b"\x1f\x8b"):
            data = gzip.decompress(data)
        content = cast("object", json.loads(data))
    except OSError as error:
        msg = f"{path}: cannot be read: {error.strerror or error}"
        raise PriceError(msg) from error
    except (ValueError, EOFError, RecursionError) as error:
        msg = f"{path}: it is no JSON"
        raise PriceError(msg) from error
    version = f"genai-prices/{sha256(data).hexdigest()[:8]}"
    providers = content
    if isinstance(content, dict):
        stated = cast("dict[str, Any]", content)
        version, providers = str(stated.get("version", version)), stated.get("providers")
    if not isinstance(providers, list):
        msg = f"{path}: a price list is a list of providers"
        raise PriceError(msg)
    try:
        return PriceList(version, cast("Sequence[dict[str, Any]]", providers))
    except PriceError as error:
        msg = f"{path}: {error}"
        raise PriceError(msg) from error


class CurrentBook:
    """Called, it gives the book in force. Safe to call from several threads."""

    def __init__(
        self, data_dir: Path, overlay: Path, clock: Callable[[], int] = time.monotonic_ns
    ) -> None:
        """Read the files, and adopt the installed list where none has been adopted.

        Args:
            data_dir: where the adopted list is kept.
            overlay: the user's overlay, which need not exist.
            clock: in nanoseconds, rising.

        Raises:
            PriceError: a file is there and cannot be used.
        """
        self._data_dir = data_dir
        self._overlay = overlay
        self._clock = clock
        self._reading = threading.Lock()
        if not (data_dir / LIST_FILE).exists():
            adopt_list(data_dir, installed_list())
        self._stamps = self._look()
        self._looked_at = clock()
        self._book = self._read()
        if self._book.prices.version != installed_version():
            _log.warning(
                "prices are those of %s: what %s would change is shown by 'spanledger prices diff'",
                self._book.prices.version,
                installed_version(),
            )

    def __call__(self) -> PriceBook:
        """The book in force. Files that changed and cannot be used leave it as it is."""
        if self._clock() - self._looked_at >= LOOK_AGAIN_NS and self._reading.acquire(
            blocking=False
        ):
            try:
                self._refresh()
            finally:
                self._reading.release()
        return self._book

    def _refresh(self) -> None:
        self._looked_at = self._clock()
        stamps = self._look()
        if stamps == self._stamps:
            return
        self._stamps = stamps
        try:
            self._book = self._read()
        except PriceError as error:
            _log.error("%s; prices stay as they were (%s)", error, self._book.version)
        else:
            _log.warning("prices are now those of %s", self._book.version)

    def _read(self) -> PriceBook:
        own = load_overlay(self._overlay) if self._overlay.exists() else None
        return PriceBook(adopted_list(self._data_dir), own=own)

    def _look(self) -> tuple[_Stamp, _Stamp]:
        return _stamp(self._data_dir / LIST_FILE), _stamp(self._overlay)


def _stamp(path: Path) -> _Stamp:
    try:
        stat = path.stat()
    except OSError:
        return None
    return stat.st_mtime_ns, stat.st_size, stat.st_ino
