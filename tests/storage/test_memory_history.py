"""What the memory store does beyond its contract, which tests/storage/test_history.py covers."""

from spanledger.storage.memory import MemoryStore
from tests.storage.priced import NOON


def test_stores_share_nothing() -> None:
    """Each memory store has its own books and turns."""
    one, two = MemoryStore(), MemoryStore()
    one.keep_book("1", b"1", NOON)

    assert two.book("1") is None
    with one.claims.history("p"), two.claims.history("p"):
        pass
