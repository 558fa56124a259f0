"""What is lost is counted, and said once."""

import logging
import uuid

import pytest

from spanledger.instrumentation.losses import losses, note_loss


def test_a_kind_of_loss_is_logged_once_and_counted_always(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """A thousand dropped spans are one line and a number."""
    kind = f"dropped {uuid.uuid4()}"
    with caplog.at_level(logging.DEBUG, "spanledger"):
        for _ in range(3):
            note_loss(kind, 2, why="the reason")

    assert losses()[kind] == 6
    assert len(caplog.records) == 1
    assert kind in caplog.text
    assert "the reason" in caplog.text


def test_nothing_lost_is_nothing_said(caplog: pytest.LogCaptureFixture) -> None:
    """A loss of no spans is none."""
    kind = f"dropped {uuid.uuid4()}"
    note_loss(kind, 0)

    assert kind not in losses()
    assert caplog.records == []
