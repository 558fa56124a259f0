"""One schema in three sizes: embedded, on a server, on a cluster.

The migrations are written for the database `spanledger` of one ClickHouse, and never change. Here
their statements, and those of every question, are put for the database and the size at hand.

On a cluster each table is two: `calls_local`, replicated within its shard, and `calls`, through
which everything is read and written. Rows go to a shard by the columns of the sorting key, which is
their identity, so that all versions of a row meet, and FINAL on each shard is FINAL over all.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from spanledger.errors import SettingsError

__all__ = ["DATABASE", "Layout"]

DATABASE: Final = "spanledger"
"""The database that statements are written for."""

_IDENTIFIER: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,62}")
_CLUSTER: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,62}|\{[a-z_]{1,30}\}")
"""A name, or a macro that each server replaces by one."""

_TABLE: Final = re.compile(rf"\b{DATABASE}\.(\w+)")
_CREATE_DATABASE: Final = re.compile(
    rf"CREATE DATABASE IF NOT EXISTS {DATABASE}\b(?P<rest>.*)", re.DOTALL
)
_CREATE_TABLE: Final = re.compile(
    rf"CREATE TABLE IF NOT EXISTS {DATABASE}\.(?P<table>\w+)(?P<columns>.*?)"
    r"\bENGINE = (?P<engine>\w*MergeTree)(?:\((?P<arguments>[^)]*)\))?(?P<rest>.*)",
    re.DOTALL,
)
_ALTER: Final = re.compile(rf"ALTER TABLE {DATABASE}\.(?P<table>\w+)(?P<rest>.*)", re.DOTALL)
_OF_COLUMNS: Final = re.compile(r"\b(ADD|DROP|MODIFY|RENAME|COMMENT) COLUMN\b")
_SORTED_BY: Final = re.compile(r"ORDER BY ([^\n]+)")
_EXPRESSION: Final = re.compile(r"\w+\([^()]*\)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """Where the tables are: in which database, and on which cluster if on one."""

    database: str = DATABASE
    cluster: str = ""
    """Name of the cluster as its servers know it, or a macro such as `{cluster}`; empty: none."""

    def __post_init__(self) -> None:
        """Raise `SettingsError` for names that could be more than names."""
        if not _IDENTIFIER.fullmatch(self.database):
            msg = "the name of a database has letters, digits and underscores alone"
            raise SettingsError(msg)
        if self.cluster and not _CLUSTER.fullmatch(self.cluster):
            msg = "the name of a cluster has letters, digits, dots, hyphens and underscores alone"
            raise SettingsError(msg)

    def names(self, text: str) -> str:
        """A question or the name of a table, for this database; it holds no values of others."""
        return _TABLE.sub(rf"{self.database}.\1", text)

    def render(self, statement: str) -> Iterator[str]:
        """What a statement of a migration is here: one statement, or several on a cluster.

        Raises:
            ValueError: it has no form for a cluster.
        """
        if database := _CREATE_DATABASE.fullmatch(statement):
            yield (
                f"CREATE DATABASE IF NOT EXISTS {self.database}{self._everywhere}{database['rest']}"
            )
        elif not self.cluster or statement.startswith("INSERT INTO "):
            yield self.names(statement)
        elif table := _CREATE_TABLE.fullmatch(statement):
            yield self._create_local(table)
            yield self._create_distributed(table)
        elif alter := _ALTER.fullmatch(statement):
            yield f"ALTER TABLE {self._local(alter['table'])}{self._everywhere}{alter['rest']}"
            # What is no column (an index, a TTL) is no matter of the table that only passes on.
            if _OF_COLUMNS.search(alter["rest"]):
                name = f"{self.database}.{alter['table']}"
                yield f"ALTER TABLE {name}{self._everywhere}{alter['rest']}"
        else:
            msg = f"a statement has no form for a cluster: {statement[:60]}"
            raise ValueError(msg)

    @property
    def _everywhere(self) -> str:
        return f" ON CLUSTER '{self.cluster}'" if self.cluster else ""

    def _local(self, table: str) -> str:
        return f"{self.database}.{table}_local"

    def _create_local(self, create: re.Match[str]) -> str:
        local = self._local(create["table"])
        # The path is the same whenever a server joins, which that of an id would not be.
        path = f"/clickhouse/tables/{{shard}}/{local.replace('.', '/')}"
        arguments = [f"'{path}'", "'{replica}'", *filter(None, [create["arguments"]])]
        columns = _TABLE.sub(lambda found: self._local(found[1]), create["columns"])
        rest = _TABLE.sub(lambda found: self._local(found[1]), create["rest"])
        return (
            f"CREATE TABLE IF NOT EXISTS {local}{self._everywhere}{columns}"
            f"ENGINE = Replicated{create['engine']}({', '.join(arguments)}){rest}"
        )

    def _create_distributed(self, create: re.Match[str]) -> str:
        local, name = self._local(create["table"]), f"{self.database}.{create['table']}"
        key = ", ".join(_identity(create["rest"]))
        return (
            f"CREATE TABLE IF NOT EXISTS {name}{self._everywhere} AS {local}\n"
            f"ENGINE = Distributed('{self.cluster}', '{self.database}', "
            f"'{create['table']}_local', cityHash64({key}))"
        )


def _identity(text: str) -> list[str]:
    """The plain columns of the sorting key: rows that agree in the key agree in these."""
    sorted_by = _SORTED_BY.search(text)
    columns = re.findall(r"\w+", _EXPRESSION.sub("", sorted_by[1])) if sorted_by else []
    if not columns:
        msg = "a table without a column in its sorting key cannot be sharded"
        raise ValueError(msg)
    return columns
