"""Sessions end: by time, by signing out, and with their key."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from spanledger.api.sessions import SESSION_LIFE, SESSIONS_MAX, Sessions
from spanledger.storage.keys import KeyRing


@pytest.fixture
def keys(tmp_path: Path) -> KeyRing:
    """A ring without stored keys."""
    return KeyRing(tmp_path / "keys.json", admin_key="the-admin-key")


def test_a_session_ends_by_itself(keys: KeyRing) -> None:
    """After its time a session is over, and stays so."""
    now = [datetime(2026, 11, 20, tzinfo=UTC)]
    sessions = Sessions(keys, lambda: now[0])
    key, _ = keys.create("people", "viewer")
    session_id = sessions.open(key)

    assert sessions.find(session_id) == key
    now[0] += SESSION_LIFE
    assert sessions.find(session_id) is None
    now[0] -= SESSION_LIFE
    assert sessions.find(session_id) is None


def test_a_session_ends_with_its_key(keys: KeyRing) -> None:
    """Revoking a key ends its sessions at once, and no others."""
    sessions = Sessions(keys, lambda: datetime(2026, 11, 20, tzinfo=UTC))
    first, second = keys.create("one", "viewer")[0], keys.create("two", "viewer")[0]
    first_id, second_id = sessions.open(first), sessions.open(second)
    keys.revoke(first.id)

    assert sessions.find(first_id) is None
    assert sessions.find(second_id) == second


def test_the_admin_key_of_the_settings_holds_a_session(keys: KeyRing) -> None:
    """The admin key that no file holds can sign in as well."""
    sessions = Sessions(keys, lambda: datetime(2026, 11, 20, tzinfo=UTC))
    admin = keys.find("the-admin-key")
    assert admin is not None

    assert sessions.find(sessions.open(admin)) == admin


def test_sessions_are_bounded(keys: KeyRing) -> None:
    """Signing in without end costs the oldest session, not the memory."""
    sessions = Sessions(keys, lambda: datetime(2026, 11, 20, tzinfo=UTC))
    admin = keys.find("the-admin-key")
    assert admin is not None
    ids = [sessions.open(admin) for _ in range(SESSIONS_MAX + 1)]

    assert sessions.find(ids[0]) is None
    assert sessions.find(ids[1]) == sessions.find(ids[-1]) == admin
