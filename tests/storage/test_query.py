from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from spanledger.errors import InvalidQuery
from spanledger.storage.query import DIMENSIONS, CostQuery, Selection, check_dimension

NOON = datetime(2026, 11, 1, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"filters": {"planet": ("mars",)}}, "unknown dimension 'planet'"),
        ({"filters": {"tag:": ("x",)}}, "unknown dimension 'tag:'"),
        ({"start": NOON.replace(tzinfo=None)}, "has no zone"),
        ({"end": NOON.replace(tzinfo=None)}, "has no zone"),
        ({"start": NOON, "end": NOON}, "the range starts at"),
        ({"start": NOON, "end": NOON - timedelta(seconds=1)}, "the range starts at"),
    ],
)
def test_senseless_selections_are_refused(fields: dict[str, Any], message: str) -> None:
    """A selection that cannot mean anything cannot be built."""
    with pytest.raises(InvalidQuery, match=message):
        Selection(project="p", **fields)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"group_by": ("planet",)}, "unknown dimension 'planet'"),
        ({"group_by": ("user", "user")}, "twice"),
        ({"order_by": "user"}, "cannot order by"),
        ({"order_by": "--amount"}, "cannot order by"),
        ({"edges": (NOON,)}, "two at least"),
        ({"edges": (NOON, NOON)}, "must rise"),
        ({"edges": (NOON, NOON - timedelta(1))}, "must rise"),
    ],
)
def test_senseless_questions_are_refused(fields: dict[str, Any], message: str) -> None:
    """A question that cannot be answered cannot be built."""
    with pytest.raises(InvalidQuery, match=message):
        CostQuery(where=Selection(project="p"), **fields)


def test_every_dimension_passes() -> None:
    """What the refusal offers is accepted."""
    for name in (*DIMENSIONS, "tag:plan"):
        check_dimension(name)
