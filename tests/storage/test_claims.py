import threading

import pytest

from spanledger.errors import HistoryRefused
from spanledger.storage.claims import Claims


def test_a_claim_is_refused_while_it_is_held() -> None:
    """One at a time, by its name; it is free again afterwards, also after an error."""
    claims = Claims()
    with (
        claims.history("a"),
        claims.history("b"),
        pytest.raises(HistoryRefused, match="being changed already"),
        claims.history("a"),
    ):
        pytest.fail("the claim was given twice")
    with pytest.raises(KeyError), claims.history("a"):
        raise KeyError
    with claims.history("a"):
        pass


def test_turns_are_taken_one_after_another() -> None:
    """Nobody is in the middle of what another does."""
    claims, order = Claims(), list[str]()
    first, go_on = threading.Event(), threading.Event()

    def slow() -> None:
        with claims.turn("rows"):
            order.append("slow begins")
            first.set()
            go_on.wait(60)
            order.append("slow ends")

    def fast() -> None:
        with claims.turn("rows"):
            order.append("fast")

    threads = [threading.Thread(target=slow), threading.Thread(target=fast)]
    threads[0].start()
    assert first.wait(60)
    threads[1].start()
    go_on.set()
    for thread in threads:
        thread.join()

    assert order == ["slow begins", "slow ends", "fast"]
