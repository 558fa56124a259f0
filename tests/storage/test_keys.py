import json
import os
import re
import subprocess
import sys
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from threading import Thread
from typing import get_args

import pytest

from spanledger.errors import SettingsError
from spanledger.storage.keys import ADMIN_KEY_ID, KeyRing, Role, allows


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A key file in a directory that nobody has made yet."""
    return tmp_path / "data" / "keys.json"


def test_roles() -> None:
    """An admin may do everything, the others only what they are for (S4: admin only)."""
    allowed = {
        (role, needed)
        for role in get_args(Role)
        for needed in get_args(Role)
        if allows(role, needed)
    }

    assert allowed == {
        ("admin", "admin"),
        ("admin", "viewer"),
        ("admin", "ingest"),
        ("viewer", "viewer"),
        ("ingest", "ingest"),
    }


@pytest.mark.parametrize("role", get_args(Role))
def test_created_key_is_found(path: Path, role: Role) -> None:
    """A key is found by its secret, from this ring and from any other of the same file."""
    ring = KeyRing(path)
    before = datetime.now(UTC)
    key, secret = ring.create("our shop", role, "shop")

    assert re.fullmatch(rf"sl_{role}_[A-Za-z0-9_-]{{43}}", secret)
    assert ring.find(secret) == KeyRing(path).find(secret) == key
    assert (key.name, key.role, key.project, key.revoked_at) == ("our shop", role, "shop", None)
    assert before <= key.created_at <= datetime.now(UTC)
    assert secret.startswith(key.prefix)
    assert len(secret) - len(key.prefix) >= 32
    assert list(ring.keys()) == list(KeyRing(path).keys()) == [key]


def test_secret_is_not_stored(path: Path) -> None:
    """The file holds the digest of a secret and no more of it than its prefix, for its owner."""
    key, secret = KeyRing(path).create("shop", "admin")
    content = path.read_text()

    assert key.digest == sha256(secret.encode()).hexdigest()
    assert key.digest in content
    assert secret not in content
    assert secret[len(key.prefix) :] not in content
    assert secret not in repr(key)
    assert path.stat().st_mode & 0o777 == 0o600
    assert sorted(file.name for file in path.parent.iterdir()) == ["keys.json", "keys.json.lock"]


def test_secrets_differ(path: Path) -> None:
    """No two keys share a secret or an id, though all else be equal."""
    ring = KeyRing(path)
    made = [ring.create("same", "viewer") for _ in range(20)]

    assert len({secret for _, secret in made}) == 20
    assert len({key.id for key, _ in made}) == 20
    assert [key for key, _ in made] == list(ring.keys())


def test_wrong_secrets_find_nothing(path: Path) -> None:
    """Neither a part of a secret nor its digest nor anything else opens the door."""
    ring = KeyRing(path)
    key, secret = ring.create("shop", "viewer")

    for wrong in ("", "x", secret[:-1], secret + "x", key.digest, key.prefix, "é", "\ud800", "\0"):
        assert ring.find(wrong) is None


def test_revoked_key_is_gone(path: Path) -> None:
    """A revoked key lets nobody in, stays listed, and keeps the time of its first revocation."""
    ring = KeyRing(path)
    key, secret = ring.create("shop", "viewer")
    other, other_secret = ring.create("other", "viewer")
    revoked = ring.revoke(key.id)

    assert revoked.revoked_at is not None
    assert ring.revoke(key.id) == revoked
    assert ring.find(secret) is None
    assert ring.find(other_secret) == other
    assert list(ring.keys()) == [revoked, other]


def test_unknown_key_cannot_be_revoked(path: Path) -> None:
    """Revoking what does not exist says so and changes nothing."""
    ring = KeyRing(path)
    ring.create("shop", "viewer")
    before = path.read_bytes()

    with pytest.raises(SettingsError, match="there is no key 'key_0'"):
        ring.revoke("key_0")
    assert path.read_bytes() == before


def test_ingest_key_closes_ingest(path: Path) -> None:
    """Only a live ingest key counts as one: admin and viewer keys, and revoked ones, do not."""
    ring = KeyRing(path, admin_key="root")
    seen = [ring.has_ingest_key]
    ring.create("boss", "admin")
    ring.create("eye", "viewer")
    seen.append(ring.has_ingest_key)
    key, _ = ring.create("shop", "ingest")
    seen.append(ring.has_ingest_key)
    ring.revoke(key.id)
    seen.append(ring.has_ingest_key)

    assert seen == [False, False, True, False]


def test_admin_key_from_settings(path: Path) -> None:
    """The admin key of the settings works without being stored, and only where it is set."""
    ring = KeyRing(path, admin_key="root secret")
    key = ring.find("root secret")

    assert key is not None
    assert (key.id, key.role) == (ADMIN_KEY_ID, "admin")
    assert "root secret" not in repr(key)
    assert ring.find("root") is None
    assert KeyRing(path).find("root secret") is None
    assert KeyRing(path).find("") is None
    assert not path.exists()
    assert list(ring.keys()) == []


@pytest.mark.parametrize(
    ("name", "role", "project"), [("", "viewer", "p"), ("n", "viewer", ""), ("n", "root", "p")]
)
def test_senseless_keys_are_refused(path: Path, name: str, role: Role, project: str) -> None:
    """A key without a name, a project or a known role is not made."""
    with pytest.raises(SettingsError):
        KeyRing(path).create(name, role, project)
    assert not path.exists()


ENTRY: dict[str, object] = {
    "id": "key_1",
    "name": "shop",
    "role": "viewer",
    "project": "default",
    "prefix": "sl_viewer_x",
    "digest": "ab" * 32,
    "created_at": "2026-01-01T00:00:00+00:00",
    "revoked_at": None,
}


CHANGES: list[dict[str, object]] = [
    {"role": "root"},
    {"role": []},
    {"name": 1},
    {"digest": "é" * 64},
    {"created_at": "yesterday"},
    {"created_at": 1},
    {"revoked_at": "yes"},
    {"revoked_at": True},
]

DAMAGED = [
    *("", "{", "[]", "null", "{}", '{"keys": 1}', '{"keys": [1]}', '{"keys": [{}]}', "\ufffd\0"),
    *(json.dumps({"keys": [ENTRY | change]}) for change in CHANGES),
]


def test_entry_is_sound(path: Path) -> None:
    """The entry that is damaged below is a good one before."""
    path.parent.mkdir()
    path.write_text(json.dumps({"keys": [ENTRY]}))

    assert [key.name for key in KeyRing(path).keys()] == ["shop"]  # noqa: SIM118 - no mapping


@pytest.mark.parametrize("content", DAMAGED)
def test_damaged_file_lets_nobody_in(path: Path, content: str) -> None:
    """A damaged file is named and fails every question and edit; it is never taken for empty."""
    ring = KeyRing(path)
    _, secret = ring.create("shop", "viewer")
    path.write_text(content)

    for attempt in (
        lambda: ring.find(secret),
        ring.keys,
        lambda: ring.has_ingest_key,
        lambda: ring.create("other", "admin"),
        lambda: ring.revoke("key_1"),
    ):
        with pytest.raises(SettingsError, match=re.escape(str(path))):
            attempt()
    assert path.read_text() == content


def test_file_mended_by_hand_works_again(path: Path) -> None:
    """Once a damaged file is mended, the same ring reads it."""
    ring = KeyRing(path)
    key, secret = ring.create("shop", "viewer")
    good = path.read_text()
    path.write_text("{")
    with pytest.raises(SettingsError):
        ring.find(secret)
    path.write_text(good)

    assert ring.find(secret) == key


def test_unusable_places_are_named(tmp_path: Path) -> None:
    """A place where no key file can be is an error of the settings, in one sentence."""
    (tmp_path / "file").write_text("")
    ring = KeyRing(tmp_path / "file" / "keys.json")

    for attempt in (lambda: ring.create("shop", "viewer"), lambda: ring.find("x")):
        with pytest.raises(SettingsError, match=r"the key file .*file/keys\.json cannot be used"):
            attempt()


def test_failed_write_leaves_nothing_behind(path: Path) -> None:
    """A file that cannot be replaced stays as it is, and no half-written one is left beside it."""
    path.mkdir(parents=True)

    with pytest.raises(SettingsError):
        KeyRing(path).create("shop", "viewer")
    assert [file.name for file in path.parent.iterdir() if file.name.endswith(".new")] == []


def test_deleted_file_holds_no_keys(path: Path) -> None:
    """When the file goes away, so do its keys."""
    ring = KeyRing(path)
    _, secret = ring.create("shop", "viewer")
    assert ring.find(secret) is not None
    path.unlink()

    assert ring.find(secret) is None


CREATE = """
import sys
from pathlib import Path
from spanledger.storage.keys import KeyRing
for number in range(int(sys.argv[2])):
    print(KeyRing(Path(sys.argv[1])).create(f"{sys.argv[3]}-{number}", "viewer")[1])
"""


def _creator(path: Path, number: int, name: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-c", CREATE, str(path), str(number), name],
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONWARNINGS": "error"},
    )


def test_another_process_is_seen_at_once(path: Path) -> None:
    """What `spanledger keys` does beside a running server holds for its next request."""
    ring = KeyRing(path)
    assert ring.find("nothing yet") is None
    with _creator(path, 1, "beside") as process:
        secret = process.communicate()[0].strip()

    found = ring.find(secret)
    assert found is not None
    assert found.name == "beside-0"
    KeyRing(path).revoke(found.id)
    assert ring.find(secret) is None


def test_processes_and_threads_lose_no_key(path: Path) -> None:
    """Processes and threads that make keys at the same time overwrite none of each other's."""
    ring = KeyRing(path)
    made: list[str] = []
    threads = [
        Thread(target=lambda: made.extend(ring.create("thread", "viewer")[1] for _ in range(5)))
        for _ in range(2)
    ]
    with _creator(path, 8, "a") as first, _creator(path, 8, "b") as second:
        for thread in threads:
            thread.start()
        made += first.communicate()[0].split() + second.communicate()[0].split()
        for thread in threads:
            thread.join()

    assert len(made) == len(ring.keys()) == 26
    assert all(ring.find(secret) for secret in made)
