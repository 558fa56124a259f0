import pytest

from spanledger.errors import PriceError
from spanledger.pricing.engine import price
from spanledger.storage.books import kept_book
from spanledger.storage.memory import MemoryStore
from tests.storage.priced import BOOK, NOON, a_call


def test_a_book_comes_back_from_the_store() -> None:
    """What was kept prices as it did."""
    store = MemoryStore()
    store.keep_book(BOOK.version, BOOK.dump(), NOON)
    book, call = kept_book(store, BOOK.version), a_call("p")

    assert book is not None
    assert (book.version, price(call, book)) == (BOOK.version, price(call, BOOK))
    assert kept_book(store, "none") is None


def test_what_is_no_book() -> None:
    """A content that cannot be read is an error, never another book."""
    store = MemoryStore()
    store.keep_book("1", b"nonsense", NOON)

    with pytest.raises(PriceError):
        kept_book(store, "1")
