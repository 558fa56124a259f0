"""A damaged frame is skipped and counted, and takes no other with it."""

import json
from itertools import accumulate

from hypothesis import given
from hypothesis import strategies as st

from spanledger.instrumentation.frames import frame, read_frames

PAYLOADS = tuple(json.dumps([number, "x" * number]).encode() for number in range(5))
DATA = b"".join(frame(payload) for payload in PAYLOADS)


@given(st.lists(st.binary().map(lambda data: data.replace(b"\n", b""))))
def test_what_is_framed_is_read(payloads: list[bytes]) -> None:
    """Whatever the payloads hold, except newlines."""
    data = b"".join(frame(payload) for payload in payloads)
    read = read_frames(data, limit=1000)

    assert (list(read.payloads), read.damaged, read.end) == (payloads, 0, len(data))


def test_any_flipped_byte_costs_one_record_at_most() -> None:
    """Wherever it is, and whatever it becomes: a newline or a digit included."""
    for position in range(len(DATA)):
        for wrong in {DATA[position] ^ 0xFF, DATA[position] ^ 1, ord("\n"), ord("f")}:
            damaged = DATA[:position] + bytes([wrong]) + DATA[position + 1 :]
            read = read_frames(damaged, limit=1000)

            missing = len(PAYLOADS) - len(read.payloads)
            assert missing <= 1, (position, wrong)
            assert set(read.payloads) <= set(PAYLOADS), (position, wrong)
            assert read.damaged >= missing


def test_a_torn_tail_costs_the_record_that_it_is_of() -> None:
    """The rest is there, wherever the file was cut."""
    ends = list(accumulate(len(frame(payload)) for payload in PAYLOADS))
    for length in range(len(DATA)):
        read = read_frames(DATA[:length], limit=1000)

        # A frame without its newline is whole.
        assert len(read.payloads) == sum(end - 1 <= length for end in ends)
        assert read.end == length


def test_reading_goes_on_where_it_ended() -> None:
    """A limit cuts between frames, never within one."""
    found: list[bytes] = []
    position = 0
    while position < len(DATA):
        read = read_frames(DATA[position:], limit=2)
        found += read.payloads
        position += read.end

    assert tuple(found) == PAYLOADS
