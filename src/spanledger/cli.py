"""The command line. A command ends with 0, or with one sentence on stderr and another code."""

import argparse
import json
import logging
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import fields, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from types import FrameType
from typing import Final, TypeAlias, get_args

from spanledger import __version__
from spanledger.call import DEFAULT_PROJECT
from spanledger.errors import SettingsError, SpanledgerError
from spanledger.settings import KEYS_FILE, Settings, child_environment
from spanledger.storage.keys import Key, KeyRing, Role

__all__ = ["main", "make_parser"]

# argparse has no public name for what add_subparsers returns.
Commands: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]

FAILED: Final = 1

EPILOG: Final = "Settings come from options, SPANLEDGER_* variables, then spanledger.yaml."


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code."""
    args = make_parser().parse_args(argv)
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(levelname)s %(message)s")
    command: Callable[[argparse.Namespace], int | None] = args.command
    try:
        return command(args) or 0
    except SpanledgerError as error:
        sys.stderr.write(f"spanledger: {error}\n")
        return FAILED
    except ImportError as error:
        sys.stderr.write(_missing_extra(error))
        return FAILED


def make_parser() -> argparse.ArgumentParser:
    """All commands with their options; the documentation is checked against it."""
    parser = argparse.ArgumentParser(
        prog="spanledger", description="What your LLM calls cost.", epilog=EPILOG
    )
    parser.add_argument("--version", action="version", version=f"spanledger {__version__}")
    commands = parser.add_subparsers(required=True, metavar="command")
    up = _command(commands, "up", "run collector, cost API and dashboard in one process", _up)
    _server_options(up)
    demo = _command(
        commands, "demo", "run everything with real SDK calls against simulated providers", _demo
    )
    _server_options(demo)
    demo.add_argument("--once", action="store_true", help="print the costs and exit")
    doctor = _command(
        commands, "doctor", "tell what is right and wrong here, and what to do about it", _doctor
    )
    doctor.add_argument("--data-dir", type=Path, help="where data is kept")
    doctor.add_argument("--json", action="store_true", help="print JSON for scripts")
    _keys_commands(commands)
    return parser


def _command(
    commands: Commands,
    name: str,
    description: str,
    run: Callable[[argparse.Namespace], int | None],
) -> argparse.ArgumentParser:
    parser = commands.add_parser(name, help=description, description=description, epilog=EPILOG)
    parser.set_defaults(command=run)
    return parser


def _server_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--data-dir", type=Path, help="where data is kept")
    parser.add_argument("--host", help="address to listen on")
    parser.add_argument("--port", type=int, help="port of the cost API and the dashboard")
    parser.add_argument("--otlp-http-port", type=int, help="port of the OTLP/HTTP receiver")


def _keys_commands(commands: Commands) -> None:
    keys = commands.add_parser("keys", help="make, list and revoke API keys", epilog=EPILOG)
    actions = keys.add_subparsers(required=True, metavar="action")
    create = _command(actions, "create", "make a key and show it once", _keys_create)
    create.add_argument("name", help="what or whom the key is for")
    create.add_argument("--role", required=True, choices=get_args(Role), help="what it may do")
    create.add_argument("--project", default=DEFAULT_PROJECT, help="the project it belongs to")
    listing = _command(actions, "list", "list all keys", _keys_list)
    revoke = _command(actions, "revoke", "let a key in no more", _keys_revoke)
    revoke.add_argument("id", help="id of the key, as listed")
    for action in (create, listing, revoke):
        action.add_argument("--data-dir", type=Path, help="where data is kept")
        action.add_argument("--json", action="store_true", help="print JSON for scripts")


def _settings(args: argparse.Namespace) -> Settings:
    """The settings, with the options of the command that are settings."""
    names = {field.name for field in fields(Settings)}
    return Settings.load(**{name: value for name, value in vars(args).items() if name in names})


def _up(args: argparse.Namespace) -> None:
    from spanledger.server import serve  # noqa: PLC0415 - the server extra may not be installed

    settings = _settings(args)
    with _stop_signals() as stop, serve(settings) as served:
        _say(f"Spanledger {__version__} is ready.")
        _say(f"  Dashboard  {served.api_url}")
        _say(f"  OTLP/HTTP  {served.otlp_url}")
        _say(f"  Data       {settings.data_dir}")
        if served.new_admin_key:
            _say(f"  Admin key  {served.new_admin_key}  (shown only now: keep it)")
        _wait(stop)


def _demo(args: argparse.Namespace) -> None:
    from spanledger.demo.server import serve_provider  # noqa: PLC0415 - see _up
    from spanledger.server import serve  # noqa: PLC0415 - see _up

    with _stop_signals() as stop, TemporaryDirectory(prefix="spanledger-demo-") as temporary:
        args.data_dir = args.data_dir or Path(temporary)
        # Of the demo's own, so that no other application of this machine reports to it.
        args.otlp_http_port = args.otlp_http_port or 0
        settings = _with_free_port(_settings(args))
        _say("Starting the simulated providers and Spanledger ...")
        with serve_provider() as provider_url, serve(settings) as served:
            _run_traffic(provider_url, served.otlp_url)
            key = served.new_admin_key or settings.admin_key
            _print_costs(served.api_url, key)
            _say(f"\nDashboard: {served.api_url}  log in with the key {key}")
            if not args.once:
                _say("Press Ctrl-C to stop.")
                _wait(stop)


def _with_free_port(settings: Settings) -> Settings:
    """The same settings; if somebody else uses the port of the dashboard, any free one."""
    from spanledger.serving import listen  # noqa: PLC0415 - see _up

    try:
        listen(settings.host, settings.port).close()
    except SettingsError:
        return replace(settings, port=0)
    return settings


def _run_traffic(provider_url: str, otlp_url: str) -> None:
    """A separate process, like any application: it knows Spanledger by one import."""
    _say("Calling them with the real SDKs of OpenAI, Anthropic and Google ...")
    environment = child_environment(
        OTEL_EXPORTER_OTLP_ENDPOINT=otlp_url,
        OTEL_SERVICE_NAME="spanledger-demo",
        NO_PROXY="127.0.0.1,localhost",
    )
    command = [sys.executable, "-m", "spanledger.demo.traffic", "--provider-url", provider_url]
    if subprocess.run(command, env=environment, check=False).returncode:  # noqa: S603 - our own module
        msg = "the demo application failed: see above"
        raise SpanledgerError(msg)


def _print_costs(api_url: str, key: str) -> None:
    from spanledger.report import cost_table, fetch_costs  # noqa: PLC0415 - see _up

    for group_by in ("model", "user"):
        _say("\n" + cost_table(fetch_costs(api_url, key, group_by), group_by))


def _doctor(args: argparse.Namespace) -> int:
    from spanledger.doctor.examination import as_json, as_text, examine  # noqa: PLC0415 - heavy

    examination = examine(args.data_dir)
    _say(as_json(examination) if args.json else as_text(examination))
    return FAILED if examination.attention else 0


def _key_ring(args: argparse.Namespace) -> KeyRing:
    return KeyRing(_settings(args).data_dir / KEYS_FILE)


def _keys_create(args: argparse.Namespace) -> None:
    ring = _key_ring(args)
    key, secret = ring.create(args.name, args.role, args.project)
    if args.json:
        _say(json.dumps({**_key_facts(key), "secret": secret}))
    else:
        _say(f"{secret}\n(shown only now: keep it; id {key.id}, role {key.role})")


def _keys_list(args: argparse.Namespace) -> None:
    keys = _key_ring(args).keys()
    if args.json:
        _say(json.dumps([_key_facts(key) for key in keys]))
        return
    for key in keys:
        state = "revoked" if key.revoked_at else "live"
        _say(f"{key.id}  {state:8}{key.role:8}{key.project:12}{key.prefix}...  {key.name}")
    if not keys:
        _say("There are no keys yet: make one with 'spanledger keys create NAME --role ROLE'.")


def _keys_revoke(args: argparse.Namespace) -> None:
    key = _key_ring(args).revoke(args.id)
    _say(json.dumps(_key_facts(key)) if args.json else f"{key.id} ({key.name}) is revoked.")


def _key_facts(key: Key) -> dict[str, object]:
    """What may be shown of a key."""
    return {
        "id": key.id,
        "name": key.name,
        "role": key.role,
        "project": key.project,
        "prefix": key.prefix,
        "created_at": key.created_at.isoformat(),
        "revoked_at": key.revoked_at.isoformat() if key.revoked_at else None,
    }


def _missing_extra(error: ImportError) -> str:
    return (
        f"spanledger: this command needs more packages ({error.name} is missing): "
        "install 'spanledger[embedded]', or 'spanledger[demo]' for the demo\n"
    )


@contextmanager
def _stop_signals() -> Generator[socket.socket]:
    """A socket that SIGINT and SIGTERM write to, as long as the block runs; `_wait` waits for one.

    An event would not do: a signal that comes between Python's look for signals and the wait
    itself, or to a thread of the database, wakes nobody, and the command would run for ever.
    """
    numbers = (signal.SIGINT, signal.SIGTERM)
    arrived, sent = socket.socketpair()
    with arrived, sent:
        sent.settimeout(0)  # as `set_wakeup_fd` wants it
        earlier = signal.set_wakeup_fd(sent.fileno())
        handlers = {number: signal.signal(number, _go_on) for number in numbers}
        try:
            yield arrived
        finally:
            for number, handler in handlers.items():
                signal.signal(number, handler)
            signal.set_wakeup_fd(earlier)


def _go_on(_number: int, _frame: FrameType | None) -> None:
    """What a stop does by itself: nothing, the block ends in its own time."""


def _wait(stop: socket.socket) -> None:
    """Wait for the first signal to stop, also if it has come already."""
    while stop.recv(1)[0] not in {signal.SIGINT, signal.SIGTERM}:
        pass


def _say(text: str) -> None:
    with suppress(BrokenPipeError):
        sys.stdout.write(text + "\n")
        sys.stdout.flush()
