"""`spanledger periods`: close a month, so that nothing in it is priced anew, and open it again."""

import argparse
import json
from collections.abc import Mapping
from typing import Any

from spanledger.commands.command import EPILOG, Commands, add_command, say
from spanledger.commands.reach import add_reach, ask_server, store_here, user_name

__all__ = ["add_commands"]


def add_commands(commands: Commands) -> None:
    """`periods close`, `periods reopen`, `periods list`."""
    periods = commands.add_parser("periods", help="close and reopen months", epilog=EPILOG)
    actions = periods.add_subparsers(required=True, metavar="action")
    close = add_command(actions, "close", "let nothing in a month be priced anew", _close)
    reopen = add_command(actions, "reopen", "open a closed month again", _reopen)
    for action in (close, reopen):
        action.add_argument("month", help="the month in UTC, for instance 2026-10")
    listing = add_command(actions, "list", "list what was closed and reopened", _list)
    for action in (close, reopen, listing):
        add_reach(action)


def _close(args: argparse.Namespace) -> None:
    _set(args, closed=True)


def _reopen(args: argparse.Namespace) -> None:
    _set(args, closed=False)


def _set(args: argparse.Namespace, *, closed: bool) -> None:
    if args.url:
        asked = {"month": args.month, "closed": closed}
        act = ask_server(args, "POST", "/v1/periods", asked)
    else:
        from spanledger.api.periods import act_json  # noqa: PLC0415 - the server extra may not be installed
        from spanledger.server import utc_now  # noqa: PLC0415 - as above
        from spanledger.storage.periods import set_period  # noqa: PLC0415 - as above

        with store_here(args) as store:
            act = act_json(
                set_period(
                    store, args.project, args.month, closed=closed, by=user_name(), clock=utc_now
                )
            )
    say(
        json.dumps(act) if args.json else f"{args.month} is {'closed' if closed else 'open again'}."
    )


def _list(args: argparse.Namespace) -> None:
    if args.url:
        acts: list[dict[str, Any]] = ask_server(args, "GET", "/v1/periods")["data"]
    else:
        from spanledger.api.periods import act_json  # noqa: PLC0415 - as in _set

        with store_here(args) as store:
            acts = [act_json(act) for act in store.periods(args.project)]
    if args.json:
        say(json.dumps(acts))
        return
    for act in acts:
        say(_line(act))
    if not acts:
        say("No month has been closed.")


def _line(act: Mapping[str, Any]) -> str:
    state = "closed" if act["closed"] else "reopened"
    return f"{act['month']}  {state:9}{act['made_at'][:16]}  {act['made_by'] or ''}".rstrip()
