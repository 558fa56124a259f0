"""The command line. A command ends with 0, or with one sentence on stderr and another code."""

import argparse
import logging
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from types import FrameType
from typing import Final

from spanledger import __version__
from spanledger.commands import keys, periods, price, prices, reprice, schema
from spanledger.commands.command import EPILOG, add_command, say, settings_of
from spanledger.errors import SettingsError, SpanledgerError
from spanledger.settings import Settings, child_environment
from spanledger.storage.address import ServerAddress

__all__ = ["main", "make_parser"]

FAILED: Final = 1

_SETTLE_S: Final = 30.0
"""How long the demo waits for its calls to be stored."""


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
    up = add_command(commands, "up", "run collector, cost API and dashboard in one process", _up)
    _server_options(up)
    up.add_argument(
        "--clickhouse",
        dest="clickhouse_url",
        metavar="URL",
        help="keep calls on this server, clickhouse://user:password@host:8123/database. Others on "
        "this machine can read a command line: the variable hides the password",
    )
    demo = add_command(
        commands, "demo", "run everything with real SDK calls against simulated providers", _demo
    )
    _server_options(demo)
    demo.add_argument("--once", action="store_true", help="print the costs and exit")
    doctor = add_command(
        commands, "doctor", "tell what is right and wrong here, and what to do about it", _doctor
    )
    doctor.add_argument("--data-dir", type=Path, help="where data is kept")
    doctor.add_argument("--json", action="store_true", help="print JSON for scripts")
    price.add_commands(commands)
    prices.add_commands(commands)
    keys.add_commands(commands)
    reprice.add_commands(commands)
    periods.add_commands(commands)
    schema.add_commands(commands)
    return parser


def _server_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--data-dir", type=Path, help="where data is kept")
    parser.add_argument("--host", help="address to listen on")
    parser.add_argument("--port", type=int, help="port of the cost API and the dashboard")
    parser.add_argument("--otlp-http-port", type=int, help="port of the OTLP/HTTP receiver")
    parser.add_argument("--otlp-grpc-port", type=int, help="port of the OTLP/gRPC receiver")


def _up(args: argparse.Namespace) -> None:
    from spanledger.server import serve  # noqa: PLC0415 - the server extra may not be installed

    settings = settings_of(args)
    with _stop_signals() as stop, serve(settings) as served:
        say(f"Spanledger {__version__} is ready.")
        say(f"  Dashboard  {served.api_url}")
        say(f"  OTLP/HTTP  {served.otlp_url}")
        say(f"  OTLP/gRPC  {served.otlp_grpc_url}")
        if settings.clickhouse_url:
            say(f"  Store      {ServerAddress.parse(settings.clickhouse_url).shown}")
        say(f"  Data       {settings.data_dir}")
        if served.new_admin_key:
            say(f"  Admin key  {served.new_admin_key}  (shown only now: keep it)")
        _wait(stop)


def _demo(args: argparse.Namespace) -> None:
    from spanledger.demo.server import serve_provider  # noqa: PLC0415 - see _up
    from spanledger.server import serve  # noqa: PLC0415 - see _up

    with _stop_signals() as stop, TemporaryDirectory(prefix="spanledger-demo-") as temporary:
        args.data_dir = args.data_dir or Path(temporary)
        # Of the demo's own, so that no other application of this machine reports to it.
        args.otlp_http_port = args.otlp_http_port or 0
        args.otlp_grpc_port = args.otlp_grpc_port or 0
        # Invented calls have no place on a server that is shared.
        args.clickhouse_url = ""
        settings = _with_free_port(settings_of(args))
        say("Starting the simulated providers and Spanledger ...")
        with serve_provider() as provider_url, serve(settings) as served:
            _run_traffic(provider_url, served.otlp_url)
            served.settle(_SETTLE_S)
            key = served.new_admin_key or settings.admin_key
            _print_costs(served.api_url, key)
            say(f"\nDashboard: {served.api_url}  log in with the key {key}")
            if not args.once:
                say("Press Ctrl-C to stop.")
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
    say("Calling them with the real SDKs of OpenAI, Anthropic and Google ...")
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
        say("\n" + cost_table(fetch_costs(api_url, key, group_by), group_by))


def _doctor(args: argparse.Namespace) -> int:
    from spanledger.doctor.examination import as_json, as_text, examine  # noqa: PLC0415 - heavy

    examination = examine(args.data_dir)
    say(as_json(examination) if args.json else as_text(examination))
    return FAILED if examination.attention else 0


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
