"""Events are counted by kind, within bounds, and each kind is said once."""

import logging

import pytest

from spanledger.instrumentation import news
from spanledger.instrumentation.tally import KINDS_MAX, OTHER, Tally


def test_each_kind_is_said_once(caplog: pytest.LogCaptureFixture) -> None:
    """A thousand events are one line and a number; the reason is for the log alone."""
    tally = Tally("seen: %s")
    with caplog.at_level(logging.DEBUG, "spanledger"):
        tally.note("a kind", 2, why="a reason")
        tally.note("a kind", why="another reason")
        tally.note("nothing", 0)
    assert tally.counts() == {"a kind": 3}
    assert [record.getMessage() for record in caplog.records] == ["seen: a kind (a reason)"]


def test_kinds_are_bounded(caplog: pytest.LogCaptureFixture) -> None:
    """Whatever an app does, memory and log stay small, and no count is lost."""
    tally = Tally("seen: %s")
    for number in range(KINDS_MAX + 50):
        tally.note(f"kind {number}")
    tally.note("kind 0")
    counts = tally.counts()
    assert len(counts) == KINDS_MAX + 1
    assert counts[OTHER] == 50
    assert counts["kind 0"] == 2
    assert len(caplog.records) == KINDS_MAX + 1


def test_news_are_told() -> None:
    """Who listens hears of each event, and at once of the first and whenever a count doubles."""
    heard: list[bool] = []
    tally = Tally("seen: %s")
    news.listen(heard.append)
    for _ in range(9):
        tally.note("a kind")
    tally.note("a kind", 100)
    news.unlisten(heard.append)
    tally.note("another kind")
    assert heard == [True, True, False, True, False, False, False, True, False, True]
