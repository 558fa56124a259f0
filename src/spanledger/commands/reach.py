"""Where a command finds the calls: in the embedded store here, or at a server that owns it."""

import argparse
import getpass
import json
import sys
from collections.abc import Generator
from contextlib import contextmanager
from http.client import HTTPException
from typing import TYPE_CHECKING, Any, Final, cast
from urllib.error import HTTPError, URLError
from urllib.parse import urlencode
from urllib.request import Request, urlopen

from spanledger.call import DEFAULT_PROJECT
from spanledger.commands.command import add_json, settings_of
from spanledger.errors import SettingsError, SpanledgerError, StoreError, StoreLocked

if TYPE_CHECKING:
    from spanledger.storage.clickhouse import ClickHouseStore

__all__ = ["add_reach", "ask_server", "store_here", "tell_progress", "user_name"]

TIMEOUT_S: Final = 3_600
"""A server answers a repricing when it is done."""

TOLD_CALLS: Final = 10_000
"""Work on fewer calls is done before anybody asks how far it is."""


def add_reach(parser: argparse.ArgumentParser) -> None:
    """The options of a command that works here or at a server."""
    add_json(parser)
    parser.add_argument(
        "--project", default=DEFAULT_PROJECT, help="the project, where data is here"
    )
    parser.add_argument("--url", help="ask this server instead of opening the data directory")
    parser.add_argument("--key", help="admin key for --url; default SPANLEDGER_ADMIN_KEY")


@contextmanager
def store_here(args: argparse.Namespace) -> Generator["ClickHouseStore"]:
    """The store of the data directory, or that of the settings on a server, open for the block.

    Raises:
        SettingsError: there is no such directory.
        StoreLocked: a server owns it; the text says how to ask that.
    """
    from spanledger.storage.server import open_store  # noqa: PLC0415 - it may not be installed

    settings = settings_of(args)
    data_dir = settings.data_dir
    if not settings.clickhouse_url and not data_dir.is_dir():
        msg = f"there is no data directory {data_dir}: say --data-dir, or --url for a server"
        raise SettingsError(msg)
    try:
        store = open_store(data_dir, settings.clickhouse_url)
    except StoreLocked as error:
        msg = (
            f"{error}: ask that server, with --url (for instance http://127.0.0.1:8400) and an "
            "admin key in --key or SPANLEDGER_ADMIN_KEY"
        )
        raise StoreLocked(msg) from error
    try:
        yield store
    finally:
        store.close()


def ask_server(
    args: argparse.Namespace, method: str, path: str, parameters: dict[str, Any] | None = None
) -> dict[str, Any]:
    """The JSON that the server at `--url` answers.

    Raises:
        SettingsError: there is no key, or the address is none.
        StoreError: the server does not answer.
        SpanledgerError: it refuses; the text is its own.
    """
    stated = {name: value for name, value in (parameters or {}).items() if value not in (None, [])}
    body = json.dumps(stated).encode() if method == "POST" else None
    query = f"?{urlencode(stated)}" if stated and body is None else ""
    request = Request(  # noqa: S310 - see _checked
        f"{_checked(args.url)}{path}{query}",
        data=body,
        method=method,
        headers={"Authorization": f"Bearer {_key(args)}", "Content-Type": "application/json"},
    )
    try:
        with urlopen(request, timeout=TIMEOUT_S) as answer:  # noqa: S310 - see _checked
            return cast("dict[str, Any]", json.load(answer))
    except HTTPError as error:
        raise SpanledgerError(_refusal(error)) from error
    except (URLError, OSError, HTTPException, ValueError) as error:
        reason = error.reason if isinstance(error, URLError) else error
        msg = f"{args.url} does not answer as a server of ours: {reason}"
        raise StoreError(msg) from error


def user_name() -> str:
    """Who sits at the command line; empty where the system does not know."""
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):
        return ""


def tell_progress(seen: int, whole: int) -> None:
    """Write to stderr how far long work is."""
    if whole >= TOLD_CALLS:
        end = "\n" if seen >= whole else "\r"
        sys.stderr.write(f"{seen:,} of {whole:,} calls{end}")
        sys.stderr.flush()


def _checked(url: str) -> str:
    if not url.startswith(("http://", "https://")):
        msg = f"--url {url[:60]!r} is no address: it begins with http:// or https://"
        raise SettingsError(msg)
    return url.rstrip("/")


def _key(args: argparse.Namespace) -> str:
    key = args.key or settings_of(args).admin_key
    if not key:
        msg = "--url needs an admin key: say --key, or set SPANLEDGER_ADMIN_KEY"
        raise SettingsError(msg)
    return str(key)


def _refusal(error: HTTPError) -> str:
    try:
        return str(json.load(error)["error"]["message"])
    except (ValueError, KeyError, TypeError, OSError):
        return f"{error.url} answers with {error.code}"
