"""Sign-in sessions of the dashboard: random ids in memory, each tied to a key that must live on."""

import secrets
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from spanledger.storage.keys import ADMIN_KEY_ID, Key, KeyRing

__all__ = ["SESSIONS_MAX", "SESSION_LIFE", "Sessions"]

SESSION_LIFE: Final = timedelta(hours=12)
"""After this one signs in again."""

SESSIONS_MAX: Final = 10_000
"""Beyond this the session that was opened first ends."""


@dataclass(frozen=True, slots=True)
class _Session:
    key: Key
    ends: datetime


class Sessions:
    """The open sessions of one server. A restart ends them all; so does revoking their key."""

    def __init__(self, keys: KeyRing, clock: Callable[[], datetime]) -> None:
        self._keys = keys
        self._clock = clock
        self._lock = threading.Lock()
        self._open: dict[str, _Session] = {}

    def open(self, key: Key) -> str:
        """Begin a session for whoever holds `key`; the answer is its unguessable id."""
        session_id = secrets.token_urlsafe(32)
        with self._lock:
            self._open[session_id] = _Session(key, self._clock() + SESSION_LIFE)
            while len(self._open) > SESSIONS_MAX:
                del self._open[next(iter(self._open))]
        return session_id

    def find(self, session_id: str) -> Key | None:
        """The key of a session that is open, whose key is still good."""
        with self._lock:
            session = self._open.get(session_id)
        if session is None:
            return None
        if session.ends <= self._clock() or not self._is_live(session.key):
            self.close(session_id)
            return None
        return session.key

    def close(self, session_id: str) -> None:
        """End a session; one that is not open stays so."""
        with self._lock:
            self._open.pop(session_id, None)

    def _is_live(self, key: Key) -> bool:
        # The admin key from the settings is not in the file: it lives as long as the server.
        stored_keys: Sequence[Key] = self._keys.keys()
        return key.id == ADMIN_KEY_ID or any(
            stored.id == key.id and stored.revoked_at is None for stored in stored_keys
        )
