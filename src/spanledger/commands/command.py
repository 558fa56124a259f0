"""What all commands share: how they are declared, where their settings come from, what they say."""

import argparse
import sys
from collections.abc import Callable
from contextlib import suppress
from dataclasses import fields
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, TypeAlias

from spanledger.errors import SpanledgerError
from spanledger.settings import Settings

__all__ = ["EPILOG", "Commands", "add_command", "add_json", "parse_instant", "say", "settings_of"]

# argparse has no public name for what add_subparsers returns.
Commands: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]

EPILOG: Final = "Settings come from options, SPANLEDGER_* variables, then spanledger.yaml."


def add_command(
    commands: Commands,
    name: str,
    description: str,
    run: Callable[[argparse.Namespace], int | None],
) -> argparse.ArgumentParser:
    """A command whose exit code `run` returns; `None` is success."""
    parser = commands.add_parser(name, help=description, description=description, epilog=EPILOG)
    parser.set_defaults(command=run)
    return parser


def add_json(parser: argparse.ArgumentParser, *, data_dir: bool = True) -> None:
    """The options of a command that prints data, and of one that reads it from a directory."""
    if data_dir:
        parser.add_argument("--data-dir", type=Path, help="where data is kept")
    parser.add_argument("--json", action="store_true", help="print JSON for scripts")


def settings_of(args: argparse.Namespace) -> Settings:
    """The settings, with the options of the command that are settings."""
    names = {field.name for field in fields(Settings)}
    return Settings.load(**{name: value for name, value in vars(args).items() if name in names})


def parse_instant(text: str | None) -> datetime:
    """An instant that somebody typed, in UTC unless it says another zone; now where none was.

    Raises:
        SpanledgerError: it is none.
    """
    if text is None:
        return datetime.now(UTC)
    try:
        instant = datetime.fromisoformat(text)
        return instant.replace(tzinfo=UTC) if instant.tzinfo is None else instant.astimezone(UTC)
    except (ValueError, OverflowError) as error:
        msg = f"{text!r} is no time: write it like 2025-03-01 or 2025-03-01T12:00:00Z"
        raise SpanledgerError(msg) from error


def say(text: str) -> None:
    """Write a line to stdout; nobody may be reading it any more."""
    with suppress(BrokenPipeError):
        sys.stdout.write(text + "\n")
        sys.stdout.flush()
