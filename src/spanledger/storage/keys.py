"""API keys: who may deliver spans, who may look, who may do everything.

Only digests are stored. A secret has 256 random bits, so a plain SHA-256 of it tells nothing.
"""

import fcntl
import hmac
import json
import os
import secrets
import threading
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any, Final, Literal, Self, cast, get_args

from spanledger.call import DEFAULT_PROJECT
from spanledger.errors import SettingsError

__all__ = ["ADMIN_KEY_ID", "Key", "KeyRing", "Role", "allows"]

Role = Literal["ingest", "viewer", "admin"]

ADMIN_KEY_ID: Final = "admin-key-from-settings"
"""Id of the key that is set as `admin_key` and never stored."""

_PREFIX_RANDOM: Final = 6
"""Of the random characters of a secret, how many are kept to recognise it by."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    """What is known of a key; the secret itself is shown once and kept nowhere."""

    id: str
    name: str
    role: Role
    project: str
    prefix: str
    """The beginning of the secret, to recognise it by."""
    digest: str
    """SHA-256 of the secret, in hex."""
    created_at: datetime
    revoked_at: datetime | None = None

    @classmethod
    def parse(cls, entry: dict[str, Any]) -> Self:
        """Read an entry of the file.

        Raises:
            KeyError, TypeError, ValueError: the entry is none.
        """
        texts = {name: entry[name] for name in ("id", "name", "project", "prefix", "digest")}
        if not all(isinstance(text, str) for text in texts.values()):
            msg = "a text is missing"
            raise TypeError(msg)
        bytes.fromhex(entry["digest"])
        revoked_at = entry["revoked_at"]
        return cls(
            **texts,
            role=_check_role(entry["role"]),
            created_at=datetime.fromisoformat(entry["created_at"]),
            revoked_at=None if revoked_at is None else datetime.fromisoformat(revoked_at),
        )


def allows(role: Role, needed: Role) -> bool:
    """Whether a key of `role` may do what `needed` is asked for: an admin may do everything."""
    return role in {"admin", needed}


class KeyRing:
    """The keys in a file, which several processes may edit and read at the same time.

    A damaged or unreadable file raises `SettingsError` from every method, so it lets nobody in;
    a file that is not there holds no keys.
    """

    def __init__(self, path: Path, *, admin_key: str = "") -> None:
        self._path = path
        self._admin_digest = _digest(admin_key) if admin_key else ""
        self._thread_lock = threading.Lock()
        self._read: tuple[object, tuple[Key, ...]] = (None, ())

    @property
    def has_ingest_key(self) -> bool:
        """Whether a live key for delivering spans exists; an admin key alone is none."""
        return any(key.role == "ingest" and key.revoked_at is None for key in self.keys())

    def keys(self) -> Sequence[Key]:
        """All stored keys, revoked ones included, oldest first."""
        stamp, keys = self._read
        # An edit replaces the file, so looking at its inode and times sees every edit at once.
        now = self._stamp()
        if now != stamp:
            keys = _load(self._path) if now is not None else ()
            self._read = (now, keys)
        return keys

    def find(self, secret: str) -> Key | None:
        """The live key of this secret."""
        digest = _digest(secret)
        if hmac.compare_digest(digest, self._admin_digest):
            return _admin_key(digest)
        found = None
        for key in self.keys():
            if hmac.compare_digest(digest, key.digest) and key.revoked_at is None:
                found = key
        return found

    def create(self, name: str, role: Role, project: str = DEFAULT_PROJECT) -> tuple[Key, str]:
        """Make a key and return it with its secret, which cannot be had again.

        Raises:
            SettingsError: the role is unknown, name or project are empty, or the file cannot be
                written.
        """
        if not name or not project:
            msg = "a key needs a name and a project"
            raise SettingsError(msg)
        beginning = f"sl_{_check_role(role)}_"
        secret = beginning + secrets.token_urlsafe(32)
        key = Key(
            id=f"key_{secrets.token_hex(8)}",
            name=name,
            role=role,
            project=project,
            prefix=secret[: len(beginning) + _PREFIX_RANDOM],
            digest=_digest(secret),
            created_at=datetime.now(UTC),
        )
        with self._editing() as keys:
            keys.append(key)
        return key, secret

    def revoke(self, key_id: str) -> Key:
        """Let the key in no more; revoking it again changes nothing.

        Raises:
            SettingsError: there is no such key, or the file cannot be written.
        """
        with self._editing() as keys:
            for index, key in enumerate(keys):
                if key.id == key_id:
                    revoked_at = key.revoked_at or datetime.now(UTC)
                    keys[index] = replace(key, revoked_at=revoked_at)
                    return keys[index]
            msg = f"there is no key {key_id!r} in {self._path}"
            raise SettingsError(msg)

    def _stamp(self) -> tuple[int, ...] | None:
        """What tells one state of the file from another; `None` where there is no file."""
        try:
            stat = self._path.stat()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise _unusable(self._path, error) from error
        return (stat.st_ino, stat.st_mtime_ns, stat.st_ctime_ns, stat.st_size)

    @contextmanager
    def _editing(self) -> Generator[list[Key]]:
        """The keys to edit; they are stored when the block ends well, by one editor at a time."""
        with self._thread_lock:
            try:
                self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
                with self._path.with_name(f"{self._path.name}.lock").open("ab") as lock:
                    fcntl.flock(lock, fcntl.LOCK_EX)
                    keys = list(_load(self._path)) if self._path.exists() else []
                    yield keys
                    _save(self._path, keys)
            except OSError as error:
                raise _unusable(self._path, error) from error


def _digest(secret: str) -> str:
    return sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()


def _admin_key(digest: str) -> Key:
    return Key(
        id=ADMIN_KEY_ID,
        name="admin key from settings",
        role="admin",
        project=DEFAULT_PROJECT,
        prefix="",
        digest=digest,
        created_at=datetime.fromtimestamp(0, UTC),
    )


def _check_role(role: str) -> Role:
    if role not in get_args(Role):
        msg = f"unknown role {role!r}: use {', '.join(get_args(Role))}"
        raise SettingsError(msg)
    return cast("Role", role)


def _load(path: Path) -> tuple[Key, ...]:
    try:
        content = json.loads(path.read_bytes())
        return tuple(Key.parse(entry) for entry in content["keys"])
    except (OSError, KeyError, TypeError, ValueError) as error:
        raise _unusable(path, error) from error


def _save(path: Path, keys: Sequence[Key]) -> None:
    """Replace the file in one step, so that no reader ever sees half of it."""
    content = json.dumps({"keys": [asdict(key) for key in keys]}, default=_iso, indent=1)
    fresh = path.with_name(f"{path.name}.{secrets.token_hex(8)}.new")
    try:
        descriptor = os.open(fresh, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(content)
            file.flush()
            os.fsync(descriptor)
        fresh.replace(path)
    finally:
        fresh.unlink(missing_ok=True)
    _sync_directory(path.parent)


def _sync_directory(directory: Path) -> None:
    """A revocation must outlive a power cut, so the new name is made durable as well."""
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _iso(instant: datetime) -> str:
    return instant.isoformat()


def _unusable(path: Path, error: Exception) -> SettingsError:
    return SettingsError(f"the key file {path} cannot be used: {error}")
