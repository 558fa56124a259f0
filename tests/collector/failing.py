"""A store that cannot write."""

import threading
from collections.abc import Sequence

from spanledger.errors import StoreError
from spanledger.storage.memory import MemoryStore
from spanledger.storage.row import CostRow


class FailingStore(MemoryStore):
    """A store whose disk is full until it is mended."""

    def __init__(self) -> None:
        super().__init__()
        self.mended = threading.Event()

    def write(self, rows: Sequence[CostRow]) -> None:
        """Refuse, as a full disk does."""
        if not self.mended.is_set():
            msg = "the store cannot write: no space left"
            raise StoreError(msg)
        super().write(rows)
