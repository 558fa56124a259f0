"""The first that is known of when a batch was made stands, for every process of the machine."""

import os
import time
from pathlib import Path

import pytest

from spanledger.dialects.results import Batch
from spanledger.instrumentation.batch_times import KEPT_MAX, BatchTimes, Made

BATCH = Batch(sources=("batch_1", "file-out"), created_s=1763764812, model="m")


def test_what_a_batch_says_stands_for_its_files(tmp_path: Path) -> None:
    """Another process knows it as well, and other batches and hosts are others."""
    BatchTimes(tmp_path).learn("host", BATCH)
    times = BatchTimes(tmp_path)
    assert times.of("host", "file-out") == Made(1763764812, "m")
    assert times.of("host", "batch_1") == Made(1763764812, "m")
    assert times.of("host", "file-other").at_s > 1763764812
    assert times.of("elsewhere", "file-out").at_s > 1763764812


def test_the_first_time_stands(tmp_path: Path) -> None:
    """A call that is recorded twice has one time, whatever is learned between."""
    before = int(time.time())
    times = BatchTimes(tmp_path)
    first = times.of("host", "file-out")
    assert before <= first.at_s <= time.time()
    times.learn("host", BATCH)
    assert times.of("host", "file-out") == first
    assert BatchTimes(tmp_path).of("host", "file-out") == first


def test_a_batch_without_a_time_says_nothing(tmp_path: Path) -> None:
    """Then the first look at its results tells."""
    BatchTimes(tmp_path).learn("host", Batch(sources=("batch_1",)))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("content", ["", "{", "[]", '{"at_s":"1","model":""}', '{"at_s":1}'])
def test_a_damaged_file_is_passed_over(tmp_path: Path, content: str) -> None:
    """It costs no call, only that the time is that of the process."""
    BatchTimes(tmp_path).learn("host", BATCH)
    for path in tmp_path.iterdir():
        path.write_text(content)
    times = BatchTimes(tmp_path)
    assert times.of("host", "file-out") == times.of("host", "file-out")


def test_without_a_directory_it_lasts_as_long_as_the_process(tmp_path: Path) -> None:
    """None, or one that cannot be made: the calls are recorded all the same."""
    (tmp_path / "file").write_text("")
    for directory in (None, tmp_path / "file" / "batches"):
        times = BatchTimes(directory)
        times.learn("host", BATCH)
        assert times.of("host", "file-out") == Made(1763764812, "m")


def test_the_oldest_are_forgotten(tmp_path: Path) -> None:
    """The directory holds a bounded number of small files, for this user alone."""
    for number in range(KEPT_MAX):
        path = tmp_path / f"{number}.batch"
        path.write_text("{}")
        os.utime(path, (number, number))
    BatchTimes(tmp_path / "new").learn("host", BATCH)
    BatchTimes(tmp_path).learn("host", BATCH)
    left = {path.name for path in tmp_path.glob("*.batch")}
    assert len(left) == KEPT_MAX
    assert "0.batch" not in left
    assert "1.batch" not in left
    assert "2.batch" in left
    (one, other) = (tmp_path / "new").iterdir()
    assert one.stat().st_mode & 0o777 == other.stat().st_mode & 0o777 == 0o600
    assert (tmp_path / "new").stat().st_mode & 0o777 == 0o700


def test_memory_is_bounded() -> None:
    """A process that fetches results for ever holds what it needs of the latest."""
    times = BatchTimes(None)
    for number in range(KEPT_MAX + 10):
        times.learn("host", Batch(sources=(str(number),), created_s=1763764812))
    assert times.of("host", str(KEPT_MAX)).at_s == 1763764812
    assert times.of("host", "0").at_s > 1763764812
