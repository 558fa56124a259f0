"""How a table is read."""

from spanledger.collector.conventions.table import Convention, Evidence

nothing: Evidence = lambda _provider, _found: None  # noqa: E731 - the type says what it is

TABLE = Convention(
    title="A test's", names={"user_id": ("user.id", "enduser.id"), "team": ("team",)},
    evidence=nothing,
)  # fmt: skip


def test_the_first_name_stands() -> None:
    """In the order of the table, whatever the order on the span."""
    assert TABLE.find({"enduser.id": "b", "user.id": "a"}) == {"user_id": "a"}
    assert TABLE.find({"user.id": "a", "enduser.id": "b"}) == {"user_id": "a"}


def test_nothing_is_not_a_statement() -> None:
    """An empty text or a null leaves the word to the next name; a zero is a statement."""
    assert TABLE.find({"user.id": "", "enduser.id": "b", "team": None}) == {"user_id": "b"}
    assert TABLE.find({"user.id": 0, "enduser.id": "b"}) == {"user_id": 0}


def test_other_attributes_are_none_of_its_business() -> None:
    """A span has much that tells nothing of a call."""
    assert TABLE.find({"http.url": "x"}) == {}
