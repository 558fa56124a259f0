"""A file of the spool: what it has taken is there, and what it could not take is not."""

import os
import resource
import stat
import struct
import zlib
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import pytest

from spanledger.collector.spool_records import Record, encode
from spanledger.collector.spool_segment import HEADER_BYTES, Segment, sync_directory
from spanledger.errors import StoreError
from tests.collector.spooled import a_delivery


@contextmanager
def files_end_at(size: int) -> Generator[None]:
    """The system lets no file grow beyond `size` meanwhile: a write fails, as on a full disk.

    Python ignores the signal that comes with it.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_it_comes_back_as_it_was(tmp_path: Path) -> None:
    """Name, marker and records are those of the process that wrote it."""
    segment = Segment.create(tmp_path, 7)
    segment.append(encode(a_delivery(), segment.marker))
    segment.close()

    again = Segment.open(segment.path)
    found = again.record(HEADER_BYTES, again.size)

    assert (again.sequence, again.marker, again.size) == (7, segment.marker, segment.size)
    assert isinstance(found, Record)
    assert found.delivery == a_delivery()
    assert again.copy(0, 4) == b"SPAN"
    again.remove()
    assert list(tmp_path.iterdir()) == []


def test_nobody_else_reads_it(tmp_path: Path) -> None:
    """Threat "prompts at rest": bodies may hold them."""
    segment = Segment.create(tmp_path, 1)
    segment.close()

    assert stat.S_IMODE(segment.path.stat().st_mode) == 0o600


def test_what_does_not_fit_leaves_nothing(tmp_path: Path) -> None:
    """R6: a write that fails in its middle is taken back, and the next one works."""
    segment = Segment.create(tmp_path, 1)
    size = segment.size
    with files_end_at(size + 1000), pytest.raises(OSError, match="File too large"):
        segment.append(bytes(5000))

    assert segment.path.stat().st_size == size == segment.size
    assert segment.sound
    segment.append(encode(a_delivery(), segment.marker))
    assert isinstance(segment.record(size, segment.size), Record)
    segment.close()


def test_a_file_that_cannot_be_begun_is_not_left(tmp_path: Path) -> None:
    """A header that does not fit leaves no file behind."""
    with files_end_at(3), pytest.raises(OSError, match="File too large"):
        Segment.create(tmp_path, 1)

    assert list(tmp_path.iterdir()) == []


def test_a_file_that_cannot_be_cut_is_not_added_to(tmp_path: Path) -> None:
    """After a failure that leaves the file unknown, it is only read."""
    segment = Segment.create(tmp_path, 1)
    segment.close()

    with pytest.raises(OSError, match="Bad file descriptor"):
        segment.append(b"data")
    assert not segment.sound


def test_a_newer_format_is_refused(tmp_path: Path) -> None:
    """A program that went back a version does not guess; the file stays."""
    segment = Segment.create(tmp_path, 1)
    segment.close()
    head = struct.pack(">16sH", b"SPANLEDGER-SPOOL", 2)
    segment.path.write_bytes(head + struct.pack(">I", zlib.crc32(head)))

    with pytest.raises(StoreError, match=r"newer version of Spanledger \(format 2"):
        Segment.open(segment.path)


@pytest.mark.parametrize("at", range(HEADER_BYTES))
def test_a_damaged_header_costs_nothing(tmp_path: Path, at: int) -> None:
    """R7: the marker is in the name, and a damaged number of the format is seen as damage."""
    segment = Segment.create(tmp_path, 1)
    segment.append(encode(a_delivery(), segment.marker))
    segment.close()
    data = bytearray(segment.path.read_bytes())
    data[at] ^= 0xFF
    segment.path.write_bytes(data)

    again = Segment.open(segment.path)

    assert isinstance(again.record(HEADER_BYTES, again.size), Record)
    again.close()


def test_other_files_are_none_of_ours(tmp_path: Path) -> None:
    """A name that no program of ours gives is not opened."""
    path = tmp_path / "notes.spool"
    path.touch()

    with pytest.raises(StoreError, match="no file of a spool"):
        Segment.open(path)


def test_a_directory_is_forced_to_disk(tmp_path: Path) -> None:
    """What is no directory cannot be."""
    sync_directory(tmp_path)
    file = tmp_path / "file"
    file.touch()

    with pytest.raises(NotADirectoryError):
        sync_directory(file)
    assert os.listdir(tmp_path) == ["file"]  # noqa: PTH208 - names alone
