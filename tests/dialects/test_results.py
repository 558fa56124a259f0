import pytest

from spanledger.dialects.results import ids, seconds_of


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        (1763780012, 1763780012),
        (1763780012.9, 1763780012),
        ("2025-11-22T02:53:32Z", 1763780012),
        ("2025-11-22T03:53:32.999999999+01:00", 1763780012),
        ("2025-11-22T02:53:32", None),
        ("yesterday", None),
        (0, None),
        (True, None),
        (10**12, None),
        (float("nan"), None),
        (None, None),
        ([], None),
    ],
)
def test_times(value: object, seconds: int | None) -> None:
    """A time is whole seconds in any of its forms; what cannot be the time of a call is none."""
    assert seconds_of({"at": value}, "at") == seconds


def test_the_first_time_counts() -> None:
    """Of several keys the first that holds a time tells it."""
    assert seconds_of({"a": "never", "b": 1763780012, "c": 1}, "a", "b", "c") == 1763780012
    assert seconds_of({}, "a") is None


def test_ids() -> None:
    """What is no text, or an empty one, names nothing."""
    assert ids({"a": "x", "b": None, "c": "", "d": "y"}, "a", "b", "c", "d", "e") == ("x", "y")
