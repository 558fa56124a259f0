"""Price books as they are kept, so that an amount can be computed again years later."""

from spanledger.pricing.book import PriceBook
from spanledger.storage.protocol import History

__all__ = ["kept_book"]


def kept_book(store: History, version: str) -> PriceBook | None:
    """The book of that version from the store; `None` where it was never in use there.

    Raises:
        PriceError: it is one of a later program.
        StoreError: the store cannot answer now.
    """
    content = store.book(version)
    return None if content is None else PriceBook.load(content)
