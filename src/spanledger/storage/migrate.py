"""Bringing a database to the schema of this program, in numbered steps that never change.

A step is a file `NNNN_name.sql` beside this module. Its SHA-256 is stored when it has been applied;
a file that was edited afterwards is refused, and so is a database that has steps which this program
does not know. A crash in the middle of a step leaves it unrecorded and it runs again as a whole, so
each of its statements must bear that (`IF NOT EXISTS` and the like). So may two programs that start
at the same time apply it side by side.

The checksum is of the text as it stands in the file, whatever size it is put for (see `layout`).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from importlib.resources import files
from textwrap import dedent
from typing import Final

from clickhouse_connect.driver.client import Client

from spanledger.errors import StoreError
from spanledger.storage.layout import Layout

__all__ = ["Migration", "load_migrations", "migrate", "schema_script"]

_PREPARE: Final = (
    "CREATE DATABASE IF NOT EXISTS spanledger ENGINE = Atomic",
    dedent("""\
        CREATE TABLE IF NOT EXISTS spanledger.schema_migrations
        (number UInt32, name String, checksum String, applied_at DateTime64(6, 'UTC'))
        ENGINE = MergeTree
        ORDER BY number
        SETTINGS fsync_after_insert = 1, fsync_part_directory = 1"""),
)

_APPLIED: Final = "spanledger.schema_migrations"

_HERE: Final = Layout()


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


def migrate(client: Client, migrations: Sequence[Migration], layout: Layout = _HERE) -> None:
    """Apply the steps that the database does not have yet.

    Raises:
        StoreError: the database has a step that differs or is not among `migrations`, or it was
            made for another size.
        clickhouse_connect.driver.exceptions.ClickHouseError: a statement failed.
    """
    if not _is_prepared(client, layout):
        for statement in _PREPARE:
            _command(client, statement, layout)
    applied = _applied(client, layout)
    _check(applied, {step.number: step for step in migrations})
    for step in migrations:
        if step.number not in applied:
            _apply(client, step, layout)


def schema_script(migrations: Sequence[Migration], layout: Layout) -> str:
    """All that `migrate` does to an empty database, as SQL for somebody who does it by hand."""
    statements = [text for statement in _PREPARE for text in layout.render(statement)]
    for step in migrations:
        statements += [text for part in step.statements() for text in layout.render(part)]
        values = f"({step.number}, '{step.name}', '{step.checksum}', now64(6, 'UTC'))"
        statements.append(f"INSERT INTO {layout.names(_APPLIED)} VALUES {values}")  # noqa: S608 - the texts are of our files
    return "".join(f"{statement};\n\n" for statement in statements).rstrip("\n") + "\n"


def _is_prepared(client: Client, layout: Layout) -> bool:
    """Whether the list of applied steps is there, as this size has it.

    A user without the right to create anything passes where an administrator has made the schema.
    """
    answer = client.query(
        "SELECT engine FROM system.tables "
        "WHERE database = {database:String} AND name = 'schema_migrations'",
        parameters={"database": layout.database},
    )
    if not answer.result_rows:
        return False
    on_cluster = answer.result_rows[0][0] == "Distributed"
    if on_cluster != bool(layout.cluster):
        made_for = "a cluster: name it" if on_cluster else "one server: name no cluster"
        msg = f"the tables in the database {layout.database} are made for {made_for}"
        raise StoreError(msg)
    return True


def _applied(client: Client, layout: Layout) -> dict[int, set[tuple[str, str]]]:
    """Name and checksum of the applied steps, by number; two programs may have applied one."""
    answer = client.query(layout.names(f"SELECT number, name, checksum FROM {_APPLIED}"))  # noqa: S608 - a name of ours
    applied: dict[int, set[tuple[str, str]]] = {}
    for number, name, checksum in answer.result_rows:
        applied.setdefault(number, set()).add((name, checksum))
    return applied


def _check(applied: dict[int, set[tuple[str, str]]], known: dict[int, Migration]) -> None:
    for number, found in sorted(applied.items()):
        if number not in known:
            msg = f"the database is newer than this program: it has the migration {min(found)[0]}"
            raise StoreError(msg)
        if {checksum for _, checksum in found} != {known[number].checksum}:
            msg = f"the migration {known[number].name} was changed after it had been applied"
            raise StoreError(msg)


def _apply(client: Client, step: Migration, layout: Layout) -> None:
    for statement in step.statements():
        _command(client, statement, layout)
    client.insert(
        layout.names(_APPLIED),
        [[step.number, step.name, step.checksum, datetime.now(UTC)]],
        column_names=["number", "name", "checksum", "applied_at"],
    )


def _command(client: Client, statement: str, layout: Layout) -> None:
    for text in layout.render(statement):
        client.command(text)
