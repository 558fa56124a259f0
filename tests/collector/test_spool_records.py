"""Deliveries come back as they were, and damage costs the record in which it is."""

import struct
import zlib
from collections.abc import Sequence
from dataclasses import fields

from hypothesis import given
from hypothesis import strategies as st

from spanledger.collector.delivery import Delivery
from spanledger.collector.spool_records import MARKER_BYTES, Gap, Record, encode, read_record
from tests.collector.spooled import NOW, a_delivery

MARKER = bytes(range(100, 100 + MARKER_BYTES))

deliveries = st.builds(
    Delivery,
    project=st.text(max_size=20),
    encoding=st.sampled_from(["", "gzip", "zstd"]),
    body=st.binary(max_size=200),
    received_at=st.just(NOW),
)


def read_file(data: bytes) -> list[Record | Gap]:
    """What stands in a file, from its first byte."""
    found: list[Record | Gap] = []
    position = 0
    while position < len(data):
        found.append(
            read_record(lambda at, count: data[at : at + count], position, len(data), MARKER)
        )
        position = found[-1].end
    return found


def sound(found: Sequence[Record | Gap]) -> list[Delivery]:
    """The deliveries of the sound records."""
    return [one.delivery for one in found if isinstance(one, Record)]


@given(st.lists(deliveries, max_size=5))
def test_what_is_written_is_read(written: list[Delivery]) -> None:
    """Bodies, whatever is in them, and all facts, in order."""
    data = b"".join(encode(one, MARKER) for one in written)

    assert sound(read_file(data)) == written
    assert len(read_file(data)) == len(written)


def test_every_fact_of_a_delivery_is_kept() -> None:
    """A field that is added to `Delivery` is in the spool without further ado."""
    (record,) = read_file(encode(a_delivery(), MARKER))

    assert isinstance(record, Record)
    for field in fields(Delivery):
        assert getattr(record.delivery, field.name) == getattr(a_delivery(), field.name)


def test_a_cut_at_every_byte_of_the_last_record() -> None:
    """R7: the records before are read, the cut one is known as never acknowledged."""
    first, last = a_delivery(b"first"), a_delivery(b"last")
    data = encode(first, MARKER) + encode(last, MARKER)
    begin = len(encode(first, MARKER))

    for end in range(begin + 1, len(data)):
        found = read_file(data[:end])
        assert sound(found) == [first]
        assert found[1:] == [Gap(begin, end, torn=True)]


@given(st.lists(deliveries, min_size=1, max_size=4), st.data())
def test_a_flipped_bit_costs_one_record(written: list[Delivery], data: st.DataObject) -> None:
    """R7: at any byte of any record; all others are read, and the loss is seen."""
    encoded = [encode(one, MARKER) for one in written]
    hit = data.draw(st.integers(0, len(written) - 1))
    at = data.draw(st.integers(0, len(encoded[hit]) - 1))
    broken = bytearray(encoded[hit])
    broken[at] ^= 1 << data.draw(st.integers(0, 7))
    encoded[hit] = bytes(broken)

    found = read_file(b"".join(encoded))

    assert sound(found) == [*written[:hit], *written[hit + 1 :]]
    (gap,) = [one for one in found if isinstance(one, Gap)]
    assert gap.end - gap.start == len(encoded[hit])
    assert not gap.torn


@given(st.binary(min_size=1, max_size=3000))
def test_anything_is_passed_over(garbage: bytes) -> None:
    """Whatever stands before a record, the record is found."""
    found = read_file(garbage + encode(a_delivery(), MARKER))

    assert sound(found) == [a_delivery()]


def test_room_without_data_was_never_acknowledged() -> None:
    """After a power cut a file may end with zeros where a write was under way."""
    data = encode(a_delivery(), MARKER)

    assert read_file(data + bytes(5000))[1:] == [Gap(len(data), len(data) + 5000, torn=True)]


def test_a_marker_across_chunks_is_found() -> None:
    """The next record is looked for in parts of a megabyte, and may lie across two."""
    for before in range((1 << 20) - MARKER_BYTES, (1 << 20) + 2):
        found = read_file(b"x" * before + encode(a_delivery(), MARKER))
        assert sound(found) == [a_delivery()]


def test_a_body_cannot_forge_a_record() -> None:
    """Threat 4: a record within a body, with another's project, is none once its own is damaged."""
    forged = encode(a_delivery(b"forged", project="victim"), b"m" * MARKER_BYTES)
    data = bytearray(encode(a_delivery(forged), MARKER))
    data[3] ^= 1

    assert sound(read_file(bytes(data))) == []


def test_facts_of_no_known_form_are_damage() -> None:
    """A record whose checksums hold and whose facts are none of ours is kept for a person."""
    texts = ("{}", "[]", '{"received_at":1}', f'{{"received_at":"{NOW.isoformat()}","odd":1}}', "x")
    for text in texts:
        meta = text.encode()
        head = struct.pack(f">{MARKER_BYTES}sIII", MARKER, len(meta), 0, zlib.crc32(meta))
        data = head + struct.pack(">I", zlib.crc32(head)) + meta
        assert read_file(data) == [Gap(0, len(data), torn=False)]
