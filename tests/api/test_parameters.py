"""Query parameters: what they mean, beyond what each route's tests say."""

from datetime import UTC, datetime

import pytest

from spanledger.api.errors import Refused
from spanledger.api.parameters import (
    FILTER_NAMES,
    FILTERS,
    RANGE,
    Parameters,
    json_items,
    read_parameters,
)
from spanledger.storage.query import DIMENSIONS


@pytest.mark.parametrize(
    ("text", "zone", "instant"),
    [
        ("1730000000", "UTC", datetime(2024, 10, 27, 3, 33, 20, tzinfo=UTC)),
        ("0", "Asia/Shanghai", datetime(1970, 1, 1, tzinfo=UTC)),
        ("2026-11-03", "UTC", datetime(2026, 11, 3, tzinfo=UTC)),
        ("2026-11-03", "Asia/Shanghai", datetime(2026, 11, 2, 16, tzinfo=UTC)),
        ("2026-11-03T10:00", "America/New_York", datetime(2026, 11, 3, 15, tzinfo=UTC)),
        ("2026-11-03 10:00", "America/New_York", datetime(2026, 11, 3, 15, tzinfo=UTC)),
        ("2026-11-03T10:00:00Z", "America/New_York", datetime(2026, 11, 3, 10, tzinfo=UTC)),
        ("2026-11-03T10:00:00+08:00", "UTC", datetime(2026, 11, 3, 2, tzinfo=UTC)),
        # The plus sign that nobody escaped.
        ("2026-11-03T10:00:00 08:00", "UTC", datetime(2026, 11, 3, 2, tzinfo=UTC)),
    ],
)
def test_times(text: str, zone: str, instant: datetime) -> None:
    """Unix seconds, dates and date-times; what names no offset is read in the zone."""
    parameters = Parameters({"start_time": (text,), "timezone": (zone,)})

    assert parameters.time("start_time") == instant


@pytest.mark.parametrize("text", ["-1", "9" * 18, "1e9", "0001-01-01", "9999-12-31", "now", "²"])
def test_times_that_are_none(text: str) -> None:
    """What is no time, or none of this age, is refused."""
    with pytest.raises(Refused, match="start_time"):
        Parameters({"start_time": (text,)}).time("start_time")


def test_each_dimension_has_its_filter() -> None:
    """Filters are the plurals of the keys in results, from the one table of dimensions."""
    assert list(FILTER_NAMES.values()) == list(DIMENSIONS)
    assert {"user_ids", "models", "api_key_ids", "service_tiers", "statuses"} <= set(FILTER_NAMES)


def test_an_empty_filter_means_unset() -> None:
    """`user_ids=` asks for calls without a user; an empty `start_time=` asks for nothing."""
    known = (*RANGE, *FILTERS)
    parameters = read_parameters([("user_ids", ""), ("start_time", ""), ("tag:a", "b")], known)

    assert parameters.filters() == {"user": ("",), "tag:a": ("b",)}
    assert parameters.time("start_time") is None


def test_long_nonsense_is_not_repeated() -> None:
    """An error does not send a long text back."""
    with pytest.raises(Refused) as refused:
        read_parameters([("x" * 9_000, "")], RANGE)

    assert len(str(refused.value)) < 300


def test_where_nothing_may_be_asked() -> None:
    """A route without parameters says that it takes none."""
    with pytest.raises(Refused, match="takes none"):
        read_parameters([("a", "")], ())


def test_a_json_object_is_read_like_a_query() -> None:
    """Texts, whole numbers, truth values, and lists of them; what is null is not said."""
    body = b'{"a": "x", "b": [1, "y"], "c": true, "d": false, "e": null, "f": []}'

    assert json_items(body) == [("a", "x"), ("b", "1"), ("b", "y"), ("c", "true"), ("d", "false")]
    assert json_items(b"") == json_items(b" ") == json_items(b"{}") == []


@pytest.mark.parametrize("body", [b"[]", b"1", b"{", b"\xff", b'{"a": 1.5}', b'{"a": {"b": 1}}'])
def test_other_json_is_refused(body: bytes) -> None:
    """Anything else is refused with one sentence."""
    with pytest.raises(Refused, match=r"JSON object|is neither a text"):
        json_items(body)
