"""The bounds fit together."""

from spanledger.collector.limits import Limits
from spanledger.settings import Settings


def test_several_of_the_largest_bodies_may_be_held_at_once() -> None:
    """One sender alone cannot lock out the others."""
    assert Limits().held_bytes_max >= 8 * Settings().body_bytes_max
