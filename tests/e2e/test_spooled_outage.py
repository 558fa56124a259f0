"""An outage of the store that is longer than the spool is large loses nothing."""

from contextlib import ExitStack
from pathlib import Path

import httpx
import pytest

from spanledger.collector.admission import Admission
from spanledger.collector.drain import Drain, Pace
from spanledger.collector.pipeline import Pipeline
from spanledger.collector.receiver import create_receiver
from spanledger.collector.spool import Refusal
from spanledger.collector.spool_intake import SpooledIntake
from spanledger.pricing.book import PriceBook
from spanledger.server import utc_now
from spanledger.serving import base_url, listen, serving
from spanledger.storage.keys import KeyRing
from spanledger.storage.query import CostQuery, Selection
from tests.collector.spans import build_body, build_span
from tests.collector.spooled import open_spool
from tests.collector.test_drain import FailingStore
from tests.e2e.load import PROTOBUF, Load
from tests.running import wait_until

BOOK = PriceBook()


@pytest.mark.parametrize("hangs", [False, True], ids=["fails", "hangs"])
def test_at_the_cap_senders_are_told_and_nothing_is_dropped(tmp_path: Path, *, hangs: bool) -> None:
    """R4, R5: acknowledged until the spool is full, then 503; at the end all is stored."""
    store, load = FailingStore(), Load(senders=4, seed=5)
    pace = Pace(linger_s=0.01, retry_first_s=0.01, retry_max_s=0.05, idle_s=0.05)
    with ExitStack() as stack:
        spool = open_spool(tmp_path / "spool", bytes_max=200_000, segment_bytes=50_000)
        stack.callback(spool.close)
        pipeline = stack.enter_context(Pipeline(store, lambda: BOOK, utc_now))
        drain = stack.enter_context(Drain(spool, pipeline, 1_000_000, pace))
        intake = stack.enter_context(SpooledIntake(spool))
        receiver = create_receiver(
            Admission(
                intake=intake,
                keys=KeyRing(tmp_path / "keys.json"),
                open_without_key=True,
                body_bytes_max=1_000_000,
                clock=utc_now,
            )
        )
        listener = stack.enter_context(listen("127.0.0.1", 0))
        stack.enter_context(serving(receiver, listener))
        load.url = base_url(listener)
        with load.sending():
            load.wait_for(100)
            store.fails = not hangs
            if hangs:
                store.gate.clear()
            wait_until(lambda: load.refused > 20)
            answer = httpx.post(
                f"{load.url}/v1/traces",
                content=build_body(*(build_span() for _ in range(2000))),
                headers={"content-type": PROTOBUF},
                trust_env=False,
            )
            assert (answer.status_code, "retry-after" in answer.headers) == (503, True)
            store.fails = False
            store.gate.set()
            load.wait_for(100)
            load.finish()
        assert drain.settle(60)

    (result,) = store.costs(CostQuery(where=Selection(project="default"))).results
    assert (result.calls, result.amount) == (load.acknowledged, load.cost)
    assert load.wrong == []
    assert intake.counts[Refusal.FULL] > 20
