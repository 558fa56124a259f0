"""What is put aside is kept, readable to us alone, and deliveries come back."""

import stat
from pathlib import Path

from spanledger.collector.spool_quarantine import Quarantine
from spanledger.collector.spool_records import Record, encode
from spanledger.collector.spool_segment import HEADER_BYTES, Segment
from tests.collector.spooled import a_delivery


def test_bytes_are_kept_as_they_are(tmp_path: Path) -> None:
    """Of damage a person can look at what is left; its size is known."""
    quarantine = Quarantine(tmp_path / "quarantine")
    quarantine.keep_bytes("damaged-1", b"what is left")

    kept = tmp_path / "quarantine" / "damaged-1"
    assert kept.read_bytes() == b"what is left"
    assert quarantine.size == len(b"what is left")
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    assert stat.S_IMODE(kept.parent.stat().st_mode) == 0o700


def test_a_delivery_comes_back(tmp_path: Path) -> None:
    """What the store would not take is a segment again at the next start, after all others."""
    quarantine = Quarantine(tmp_path / "quarantine")
    quarantine.keep_delivery(a_delivery(b"one"))
    quarantine.keep_delivery(a_delivery(b"two"))

    assert quarantine.give_back(tmp_path, 5) == 7

    back = [Segment.open(path) for path in sorted(tmp_path.glob("*.spool"))]
    records = [segment.record(HEADER_BYTES, segment.size) for segment in back]
    assert [segment.sequence for segment in back] == [5, 6]
    assert {one.delivery.body for one in records if isinstance(one, Record)} == {b"one", b"two"}
    assert quarantine.size == 0
    for segment in back:
        segment.close()


def test_a_whole_file_is_kept(tmp_path: Path) -> None:
    """A file that cannot be read is moved, with all that is in it."""
    quarantine = Quarantine(tmp_path / "quarantine")
    segment = Segment.create(tmp_path, 1)
    segment.append(encode(a_delivery(), segment.marker))
    quarantine.keep_segment(segment)

    assert list(tmp_path.glob("*.spool")) == []
    assert quarantine.size == segment.size
    assert quarantine.give_back(tmp_path, 2) == 2
