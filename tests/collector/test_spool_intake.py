"""A delivery is taken when it is on disk, together with those that came meanwhile."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from spanledger.collector.spool import Refusal, Spool, SpoolRefused
from spanledger.collector.spool_intake import WAITING_MAX, SpooledIntake
from tests.collector.spooled import MIB, a_delivery, open_spool, read_all


@pytest.fixture
def spool(tmp_path: Path) -> Iterator[Spool]:
    """An empty spool of 10 MiB."""
    spool = open_spool(tmp_path / "spool", bytes_max=10 * MIB)
    yield spool
    spool.close()


def test_what_was_taken_is_there(spool: Spool) -> None:
    """Of many senders at once each delivery is there once, and each is counted."""
    bodies = [f"{number}".encode() for number in range(200)]

    async def send() -> None:
        await asyncio.gather(*(intake.take(a_delivery(body)) for body in bodies))

    with SpooledIntake(spool) as intake:
        asyncio.run(send())

    assert sorted(read_all(spool)) == sorted(bodies)
    assert intake.counts == {"acknowledged": 200}


def test_what_waits_goes_to_disk_together(spool: Spool) -> None:
    """While the disk is busy a group gathers; all of it is on disk before anyone is told."""
    with SpooledIntake(spool) as intake:
        with spool._writing:
            first = intake.submit(a_delivery(b"0"))
            rest = [intake.submit(a_delivery(b"%d" % number)) for number in range(1, 50)]
            assert not any(one.done() for one in (first, *rest))
        for one in (first, *rest):
            one.result(60)

    assert read_all(spool) == [b"%d" % number for number in range(50)]


def test_a_refusal_reaches_every_sender(spool: Spool) -> None:
    """R5: full is full for all of a group, and what was taken before stays taken."""
    with SpooledIntake(spool) as intake:
        intake.submit(a_delivery(bytes(6 * MIB))).result(60)
        with pytest.raises(SpoolRefused, match="full"):
            intake.submit(a_delivery(bytes(6 * MIB))).result(60)
        with pytest.raises(SpoolRefused, match="full"):
            asyncio.run(intake.take(a_delivery(bytes(6 * MIB))))

    assert intake.counts == {"acknowledged": 1, Refusal.FULL: 2}
    assert len(read_all(spool)) == 1


def test_a_disk_that_hangs_fills_no_memory(spool: Spool) -> None:
    """Beyond a bound of deliveries, or bytes, senders are told to come back."""
    with SpooledIntake(spool) as intake:
        with spool._writing:
            taken = [intake.submit(a_delivery(bytes(5 * MIB)))]
            while intake.counts[Refusal.BUSY] == 0:
                with suppress(SpoolRefused):
                    taken.append(intake.submit(a_delivery(bytes(5 * MIB))))
            assert 12 <= len(taken) <= 14
        for one in taken:
            assert isinstance(one.exception(60), SpoolRefused | None)
        with spool._writing:
            small = [intake.submit(a_delivery(b""))]
            while intake.counts[Refusal.BUSY] == 1:
                with suppress(SpoolRefused):
                    small.append(intake.submit(a_delivery(b"")))
            assert WAITING_MAX <= len(small) <= 2 * WAITING_MAX + 1
        for one in small:
            one.exception(60)


def test_a_sender_that_goes_away_stops_nobody(spool: Spool) -> None:
    """A request that is cancelled while it waits takes nothing with it."""
    with SpooledIntake(spool) as intake:
        with spool._writing:
            blocked = intake.submit(a_delivery(b"first"))
            while not blocked.running():
                pass
            gone = intake.submit(a_delivery(b"gone"))
            assert gone.cancel()
            late = intake.submit(a_delivery(b"late"))
        late.result(60)

    assert read_all(spool) == [b"first", b"late"]


def test_closed_it_takes_nothing_more(spool: Spool) -> None:
    """R2: what waited when the server stops is written, what comes then is refused."""
    intake = SpooledIntake(spool)
    with spool._writing:
        taken = [intake.submit(a_delivery(b"%d" % number)) for number in range(5)]
        closing = threading.Thread(target=intake.close)
        closing.start()
    closing.join()
    with pytest.raises(SpoolRefused, match="the server stops") as refused:
        intake.submit(a_delivery())

    assert all(one.exception() is None for one in taken)
    assert len(read_all(spool)) == 5
    assert refused.value.reason is Refusal.CLOSED
    assert intake.counts == {"acknowledged": 5, Refusal.CLOSED: 1}
