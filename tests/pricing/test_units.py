"""The table of units: each has its price key, and its wholes."""

from spanledger.pricing.units import (
    NEEDS_OWN_RATE,
    PAID_INSTEAD,
    PER,
    PRICE_KEYS,
    REQUESTS,
    TOOL_FEES,
    wholes,
)
from spanledger.usage import PART_OF, UNITS


def test_every_unit_has_its_key() -> None:
    """A unit without a key would silently have no price."""
    assert {unit for unit, _ in PRICE_KEYS.values()} == {*UNITS, REQUESTS}
    assert set(PER) == {*UNITS, REQUESTS}


def test_the_tables_name_units_only() -> None:
    """A misspelled name would silently mean nothing."""
    assert NEEDS_OWN_RATE.issubset(PART_OF)
    assert {*UNITS, REQUESTS} >= TOOL_FEES
    assert {*PAID_INSTEAD, *(one for many in PAID_INSTEAD.values() for one in many)} <= set(UNITS)


def test_a_key_says_how_many_its_price_is_for() -> None:
    """By the ending of its name."""
    sizes = {
        "mtok": 1_000_000,
        "mchars": 1_000_000,
        "gpixels": 1_000_000_000,
        "kpages": 1000,
        "kcount": 1000,
        "hours": 3_600_000,
    }
    for key, (_, size) in PRICE_KEYS.items():
        assert size == sizes[key.rpartition("_")[2]], key


def test_wholes_reach_to_the_outermost() -> None:
    """Directly or not, and by both ways where there are two."""
    assert wholes("input_tokens") == frozenset()
    assert wholes("cache_write_1h_tokens") == {"cache_write_tokens", "input_tokens"}
    assert wholes("cache_read_audio_tokens") == {
        "cache_read_tokens",
        "input_audio_tokens",
        "input_tokens",
    }
