"""Price books as they are kept, so that an amount can be computed again years later."""

from collections.abc import Callable
from typing import Any, cast

from spanledger.errors import StoreError
from spanledger.pricing.book import PriceBook
from spanledger.storage.protocol import History

__all__ = ["dump_book", "kept_book", "load_book"]


def dump_book(book: PriceBook) -> bytes:
    """The whole of `book`."""
    # Until books can be dumped they hold list data alone, and their version says all.
    dump = cast("Callable[[], bytes] | None", getattr(book, "dump", None))
    return dump() if dump else book.version.encode()


def load_book(content: bytes) -> PriceBook:
    """The book that `dump_book` was given.

    Raises:
        StoreError: it cannot be read by this program.
    """
    load = cast("Any", getattr(PriceBook, "load", None))
    if load:
        return load(content)
    book = PriceBook()
    if book.version.encode() != content:
        msg = f"the price book {content[:80]!r} is not the one of this program"
        raise StoreError(msg)
    return book


def kept_book(store: History, version: str) -> PriceBook | None:
    """The book of that version from the store; `None` where it was never in use there."""
    content = store.book(version)
    return None if content is None else load_book(content)
