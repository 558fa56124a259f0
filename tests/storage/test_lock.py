import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from spanledger.errors import StoreError, StoreLocked
from spanledger.storage.lock import lock_directory

HOLD = """
import sys
from pathlib import Path
from spanledger.storage.lock import lock_directory
release = lock_directory(Path(sys.argv[1]))
print("held", flush=True)
sys.stdin.read()
"""


def test_one_owner(data_dir: Path) -> None:
    """A directory has one owner at a time, and the next one once it lets go."""
    release = lock_directory(data_dir)

    with pytest.raises(StoreLocked, match=rf"in use by another process \(pid {os.getpid()}\)"):
        lock_directory(data_dir)
    release()
    lock_directory(data_dir)()


def test_owner_in_another_process(data_dir: Path) -> None:
    """The refusal names the owner's pid; when it is killed, the directory is free."""
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(data_dir)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as owner:
        assert owner.stdout is not None
        assert owner.stdout.readline() == "held\n"
        expected = re.escape(
            f"the data directory {data_dir} is in use by another process (pid {owner.pid})"
        )
        with pytest.raises(StoreLocked, match=f"^{expected}$"):
            lock_directory(data_dir)
        owner.kill()

    lock_directory(data_dir)()


def test_places_that_cannot_be_used(tmp_path: Path) -> None:
    """A file in the way, or a place where nothing can be made, is said in one sentence."""
    (tmp_path / "file").write_text("")

    for place, reason in [
        (tmp_path / "file", "File exists"),
        (tmp_path / "file" / "data", "Not a directory"),
        (Path("/proc/nowhere"), "No such file or directory"),
    ]:
        message = re.escape(f"the data directory {place} cannot be used: {reason}")
        with pytest.raises(StoreError, match=f"^{message}$"):
            lock_directory(place)


def test_only_its_owner_may_look(tmp_path: Path) -> None:
    """Threat 11: other accounts of the machine cannot read what anybody's calls cost."""
    lock_directory(tmp_path / "data")()

    assert (tmp_path / "data").stat().st_mode & 0o777 == 0o700
