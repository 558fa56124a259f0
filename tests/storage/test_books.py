import pytest

from spanledger.errors import StoreError
from spanledger.pricing.book import PriceBook
from spanledger.pricing.engine import price
from spanledger.storage.books import dump_book, kept_book, load_book
from spanledger.storage.memory import MemoryStore
from tests.storage.priced import BOOK, NOON, a_call


def test_a_book_comes_back_from_the_store() -> None:
    """What was kept prices as it did."""
    store = MemoryStore()
    store.keep_book(BOOK.version, dump_book(BOOK), NOON)
    book, call = kept_book(store, BOOK.version), a_call("p")

    assert book is not None
    assert (book.version, price(call, book)) == (BOOK.version, price(call, BOOK))
    assert kept_book(store, "none") is None


@pytest.mark.skipif(hasattr(PriceBook, "load"), reason="books say themselves what they cannot read")
def test_a_book_of_another_program() -> None:
    """A book that this program does not have is not taken for the one that it has."""
    with pytest.raises(StoreError, match="is not the one of this program"):
        load_book(b"genai-prices/0.0.0")
