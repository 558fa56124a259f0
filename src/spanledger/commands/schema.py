"""`spanledger schema`: the tables as SQL, for somebody who makes them by hand."""

import argparse

from spanledger.commands.command import Commands, add_command, say
from spanledger.errors import SettingsError
from spanledger.storage.layout import Layout

__all__ = ["add_commands"]


def add_commands(commands: Commands) -> None:
    """Declare the command."""
    schema = add_command(
        commands, "schema", "print the SQL that makes the tables, to apply it yourself", _schema
    )
    schema.add_argument(
        "--size", choices=("embedded", "server", "cluster"), default="server", help="where to"
    )
    schema.add_argument("--cluster", default="", help="name of the cluster, or a macro: {cluster}")
    schema.add_argument("--database", default="spanledger", help="name of the database")


def _schema(args: argparse.Namespace) -> None:
    from spanledger.storage.migrate import load_migrations, schema_script  # noqa: PLC0415 - the server extra may not be installed

    if bool(args.cluster) != (args.size == "cluster"):
        msg = "--size cluster and --cluster NAME belong together"
        raise SettingsError(msg)
    layout = Layout(database=args.database, cluster=args.cluster)
    say(schema_script(load_migrations(), layout).rstrip("\n"))
