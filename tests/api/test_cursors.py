"""Cursors continue their own question, and no other."""

from base64 import urlsafe_b64decode, urlsafe_b64encode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spanledger.api.cursors import read_cursor, write_cursor
from spanledger.api.errors import Refused

QUESTION = {"path": "/v1/costs", "project": "default", "group_by": ("user",)}


@given(st.dictionaries(st.text(max_size=9), st.text(max_size=30), max_size=4))
def test_what_was_written_is_read(cursor: dict[str, str]) -> None:
    """A cursor brings back the position that it was made of."""
    assert read_cursor(write_cursor(cursor, QUESTION), QUESTION) == cursor


@pytest.mark.parametrize("changed", ["path", "project", "group_by"])
def test_another_question_refuses_it(changed: str) -> None:
    """A cursor does not go on with another address, project or parameter."""
    text = write_cursor({"offset": "10"}, QUESTION)

    with pytest.raises(Refused, match="not a cursor of this question"):
        read_cursor(text, QUESTION | {changed: "another"})


def test_an_edited_cursor_is_refused() -> None:
    """Any change of a byte is found."""
    content = bytearray(urlsafe_b64decode(write_cursor({"offset": "1000"}, QUESTION) + "=="))
    for index in range(len(content)):
        content[index] ^= 1
        with pytest.raises(Refused):
            read_cursor(urlsafe_b64encode(content).decode(), QUESTION)
        content[index] ^= 1


@pytest.mark.parametrize("text", ["", "a", "abc", "é", "%%%", "x" * 100_000, "AAAA" * 10])
def test_nonsense_is_refused(text: str) -> None:
    """Whatever is no cursor is refused with a sentence."""
    with pytest.raises(Refused, match="next_page"):
        read_cursor(text, QUESTION)
