"""Texts of others are bounded and can be encoded."""

from hypothesis import given
from hypothesis import strategies as st

from spanledger.instrumentation.text import TEXT_CHARS_MAX, bounded


@given(st.text(st.characters()) | st.integers() | st.none())
def test_every_text_can_be_encoded(value: object) -> None:
    """Whatever comes in, the exporter can send what comes out."""
    assert len(bounded(value).encode("utf-8").decode("utf-8")) <= TEXT_CHARS_MAX


def test_what_fits_stays() -> None:
    """Only length and half pairs are touched."""
    assert bounded("Grüße 费用 🙂") == "Grüße 费用 🙂"
    assert bounded("x" * 1025) == "x" * 1024
