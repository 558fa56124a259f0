"""Bringing a database to the schema of this program, in numbered steps that never change.

A step is a file `NNNN_name.sql` beside this module. Its SHA-256 is stored when it has been applied;
a file that was edited afterwards is refused, and so is a database that has steps which this program
does not know. A crash in the middle of a step leaves it unrecorded and it runs again as a whole, so
each of its statements must bear that (`IF NOT EXISTS` and the like).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from importlib.resources import files
from typing import Final

from clickhouse_connect.driver.client import Client

from spanledger.errors import StoreError

__all__ = ["Migration", "load_migrations", "migrate"]

_PREPARE: Final = (
    "CREATE DATABASE IF NOT EXISTS spanledger ENGINE = Atomic",
    """
    CREATE TABLE IF NOT EXISTS spanledger.schema_migrations
    (number UInt32, name String, checksum String, applied_at DateTime64(6, 'UTC'))
    ENGINE = MergeTree ORDER BY number
    SETTINGS fsync_after_insert = 1, fsync_part_directory = 1
    """,
)


@dataclass(frozen=True, slots=True)
class Migration:
    """One step of the schema."""

    number: int
    name: str
    sql: str

    @property
    def checksum(self) -> str:
        """SHA-256 of the text, in hex."""
        return sha256(self.sql.encode()).hexdigest()

    def statements(self) -> Iterator[str]:
        """The statements of the text.

        Lines that begin with `--` are left out, and the rest is split at every semicolon; so no
        semicolon may stand within a statement, not even in quotes.
        """
        lines = (line for line in self.sql.splitlines() if not line.lstrip().startswith("--"))
        pieces = (piece.strip() for piece in "\n".join(lines).split(";"))
        return (piece for piece in pieces if piece)


def load_migrations() -> tuple[Migration, ...]:
    """The steps that come with this program, in order."""
    folder = files("spanledger.storage") / "migrations"
    names = sorted(file.name for file in folder.iterdir() if file.name.endswith(".sql"))
    return tuple(
        Migration(int(name[:4]), name, (folder / name).read_text(encoding="utf-8"))
        for name in names
    )


def migrate(client: Client, migrations: Sequence[Migration]) -> None:
    """Apply the steps that the database does not have yet.

    Raises:
        StoreError: the database has a step that differs or is not among `migrations`.
        clickhouse_connect.driver.exceptions.ClickHouseError: a statement failed.
    """
    for statement in _PREPARE:
        client.command(statement)
    applied = _applied(client)
    _check(applied, {step.number: step for step in migrations})
    for step in migrations:
        if step.number not in applied:
            _apply(client, step)


def _applied(client: Client) -> dict[int, tuple[str, str]]:
    """Name and checksum of the applied steps, by number."""
    answer = client.query("SELECT number, name, checksum FROM spanledger.schema_migrations")
    return {number: (name, checksum) for number, name, checksum in answer.result_rows}


def _check(applied: dict[int, tuple[str, str]], known: dict[int, Migration]) -> None:
    for number, (name, checksum) in sorted(applied.items()):
        if number not in known:
            msg = f"the database is newer than this program: it has the migration {name}"
            raise StoreError(msg)
        if known[number].checksum != checksum:
            msg = f"the migration {known[number].name} was changed after it had been applied"
            raise StoreError(msg)


def _apply(client: Client, step: Migration) -> None:
    for statement in step.statements():
        client.command(statement)
    client.insert(
        "spanledger.schema_migrations",
        [[step.number, step.name, step.checksum, datetime.now(UTC)]],
        column_names=["number", "name", "checksum", "applied_at"],
    )
