import pytest

from spanledger.dialects.dialect import Json
from spanledger.dialects.ours import CONTEXT, COUNTED, add_to_usage, settled_usage


def test_counts_stand_beside_what_is_stated() -> None:
    """The provider's own numbers stay as they came; ours have a name of their own."""
    stated: Json = {"input_tokens": 5}
    assert add_to_usage(stated, {"web_searches": 2, "images": 0}, {"tool": "web_search"}) == {
        "input_tokens": 5,
        COUNTED: {"web_searches": 2},
        CONTEXT: {"tool": "web_search"},
    }
    assert stated == {"input_tokens": 5}


def test_more_is_added_to_what_was_added() -> None:
    """A stream tells of such things bit by bit."""
    usage: Json = {COUNTED: {"web_searches": 1, "images": 1}, CONTEXT: {"tool": "a"}}
    assert add_to_usage(usage, {"web_searches": 2}, {"latency": "optimized", "tool": ""}) == {
        COUNTED: {"web_searches": 2, "images": 1},
        CONTEXT: {"tool": "a", "latency": "optimized"},
    }


def test_nothing_is_added_to_nothing() -> None:
    """What selects a price is no usage; a count is one."""
    assert add_to_usage(None, {"web_searches": 0}, {"tool": "web_search"}) is None
    assert add_to_usage(None, {"images": 2}, {"image_size": "1x1"}) == {
        COUNTED: {"images": 2},
        CONTEXT: {"image_size": "1x1"},
    }


SIZE: Json = {CONTEXT: {"image_size": "small", "image_quality": "hd"}}


@pytest.mark.parametrize(
    ("asked", "stated", "settled"),
    [
        (None, None, None),
        (None, {"a": 1}, {"a": 1}),
        ({}, {"a": 1}, {"a": 1}),
        ({"images": 2}, None, {"images": 2}),
        ({"images": 2}, {"a": 1}, {"a": 1}),
        ({"images": 2, **SIZE}, {"a": 1}, {"a": 1, **SIZE}),
        ({"images": 2, **SIZE}, None, {"images": 2, **SIZE}),
        (SIZE, None, None),
        (SIZE, {CONTEXT: 5}, {**SIZE}),
        (
            SIZE,
            {CONTEXT: {"image_size": "large"}},
            {CONTEXT: {"image_size": "large", "image_quality": "hd"}},
        ),
    ],
)
def test_what_was_asked_and_what_is_stated(
    asked: Json | None, stated: Json | None, settled: Json | None
) -> None:
    """The answer's numbers win, and its word about itself; what it does not say is kept."""
    assert settled_usage(asked, stated) == settled
