"""`spanledger reprice`: price stored calls anew, see what that changes, undo it, verify all."""

import argparse
import json
from collections.abc import Mapping, Sequence
from typing import Any

from spanledger.commands.command import (
    EPILOG,
    Commands,
    add_command,
    parse_instant,
    say,
    settings_of,
)
from spanledger.commands.prices import book_of
from spanledger.commands.reach import (
    add_reach,
    ask_server,
    store_here,
    tell_progress,
    user_name,
)
from spanledger.errors import SettingsError

__all__ = ["add_commands"]

DIFFERENT = 1


def add_commands(commands: Commands) -> None:
    """`reprice`, and `reprice list`, `undo`, `resume`, `verify`."""
    reprice = add_command(
        commands,
        "reprice",
        "price stored calls anew: tells what would change, or applies it",
        _reprice,
    )
    _range_options(reprice)
    reprice.add_argument(
        "--model", action="append", default=[], help="only calls of this model; may be repeated"
    )
    choice = reprice.add_mutually_exclusive_group()
    choice.add_argument("--dry-run", action="store_true", help="only tell, which is the default")
    choice.add_argument("--apply", action="store_true", help="change the calls")
    actions = reprice.add_subparsers(metavar="action")
    listing = add_command(actions, "list", "list what was repriced, the latest first", _list)
    undo = add_command(actions, "undo", "give calls the costs back that they had before", _undo)
    resume = add_command(actions, "resume", "go on with a repricing that broke off", _resume)
    verify = add_command(
        actions, "verify", "compute every stored amount again and compare: changes nothing", _verify
    )
    _range_options(verify)
    for action in (undo, resume):
        action.add_argument("id", help="id of the repricing, as listed")
    for action in (reprice, listing, undo, resume, verify):
        add_reach(action)
        action.epilog = EPILOG


def _range_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--from", dest="start", help="first instant: a date or RFC 3339, in UTC where it says none"
    )
    parser.add_argument("--to", dest="end", help="end of the range, itself excluded")


def _reprice(args: argparse.Namespace) -> None:
    if not args.start or not args.end:
        msg = "say which calls: --from 2026-10-01 --to 2026-11-01"
        raise SettingsError(msg)
    start, end = parse_instant(args.start), parse_instant(args.end)
    if args.url:
        asked = {
            "start_time": start.isoformat(),
            "end_time": end.isoformat(),
            "models": args.model,
            "dry_run": not args.apply,
        }
        _tell(args, ask_server(args, "POST", "/v1/reprice", asked))
        return
    from spanledger.api.repricing import repricing_json  # noqa: PLC0415 - the server extra may not be installed
    from spanledger.server import utc_now  # noqa: PLC0415 - as above
    from spanledger.storage.repricing import RepricingOrder, reprice  # noqa: PLC0415 - as above

    order = RepricingOrder(
        project=args.project, start=start, end=end, models=tuple(args.model), by=user_name()
    )
    book = book_of(settings_of(args))
    with store_here(args) as store:
        done = reprice(
            store, book, order, clock=utc_now, dry_run=not args.apply, progress=tell_progress
        )
    _tell(args, repricing_json(done))


def _list(args: argparse.Namespace) -> None:
    if args.url:
        found: list[dict[str, Any]] = ask_server(args, "GET", "/v1/reprice")["data"]
    else:
        from spanledger.api.repricing import repricing_json  # noqa: PLC0415 - as in _reprice

        with store_here(args) as store:
            found = [repricing_json(one) for one in store.repricings(args.project)]
    if args.json:
        say(json.dumps(found))
        return
    for one in found:
        say(_headline(one))
    if not found:
        say("Nothing has been repriced.")


def _undo(args: argparse.Namespace) -> None:
    if args.url:
        _tell(args, ask_server(args, "POST", f"/v1/reprice/{args.id}/undo"))
        return
    from spanledger.api.repricing import repricing_json  # noqa: PLC0415 - as in _reprice
    from spanledger.server import utc_now  # noqa: PLC0415 - as in _reprice
    from spanledger.storage.repricing import find_repricing  # noqa: PLC0415 - as in _reprice
    from spanledger.storage.undoing import undo  # noqa: PLC0415 - as in _reprice

    with store_here(args) as store:
        found = find_repricing(store, args.project, args.id)
        undone = undo(store, found, clock=utc_now, by=user_name(), progress=tell_progress)
    _tell(args, repricing_json(undone))


def _resume(args: argparse.Namespace) -> None:
    if args.url:
        _tell(args, ask_server(args, "POST", f"/v1/reprice/{args.id}/resume"))
        return
    from spanledger.api.repricing import repricing_json  # noqa: PLC0415 - as in _reprice
    from spanledger.server import utc_now  # noqa: PLC0415 - as in _reprice
    from spanledger.storage.repricing import find_repricing, resume  # noqa: PLC0415 - as in _reprice

    with store_here(args) as store:
        found = find_repricing(store, args.project, args.id)
        done = resume(store, found, clock=utc_now, progress=tell_progress)
    _tell(args, repricing_json(done))


def _verify(args: argparse.Namespace) -> int:
    start = parse_instant(args.start) if args.start else None
    end = parse_instant(args.end) if args.end else None
    if args.url:
        asked = {
            "start_time": start.isoformat() if start else None,
            "end_time": end.isoformat() if end else None,
        }
        result = ask_server(args, "GET", "/v1/reprice/verify", asked)
    else:
        from spanledger.api.repricing import rebuild_json  # noqa: PLC0415 - as in _reprice
        from spanledger.storage.query import Selection  # noqa: PLC0415 - as in _reprice
        from spanledger.storage.rebuild import rebuild  # noqa: PLC0415 - as in _reprice

        where = Selection(project=args.project, start=start, end=end)
        with store_here(args) as store:
            result = rebuild_json(rebuild(store, where, tell_progress))
    say(json.dumps(result) if args.json else _verdict(result))
    return DIFFERENT if result["different_calls"] else 0


def _tell(args: argparse.Namespace, repricing: Mapping[str, Any]) -> None:
    if args.json:
        say(json.dumps(repricing))
        return
    say(_table(repricing["differences"]))
    match repricing["state"]:
        case "trial" if repricing["changed_calls"]:
            say("Nothing has been changed. With --apply these calls get their new costs.")
        case "trial":
            say("Nothing would change.")
        case _:
            say(_headline(repricing))


def _headline(repricing: Mapping[str, Any]) -> str:
    return (
        f"{repricing['id']}  {repricing['state']:9}{repricing['made_at'][:16]}  "
        f"{repricing['start_time'][:10]} to {repricing['end_time'][:10]}  "
        f"{repricing['changed_calls']:,} of {repricing['calls']:,} calls changed  "
        f"{repricing['made_by'] or ''}"
    ).rstrip()


def _table(differences: Sequence[Mapping[str, Any]]) -> str:
    rows = [("model", "calls", "changed", "before (USD)", "after (USD)", "priced", "unpriced")]
    rows += [
        (
            f"{one['provider'] or ''} {one['model'] or '(others)'}".strip(),
            *(f"{one[name]:,}" for name in ("calls", "changed_calls")),
            *(one[name]["value"] or "unknown" for name in ("amount_before", "amount_after")),
            *(f"{one[name]:,}" for name in ("newly_priced_calls", "newly_unpriced_calls")),
        )
        for one in differences
    ]
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return "\n".join(
        "  ".join(
            cell.rjust(width) if column else cell.ljust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    )


def _verdict(result: Mapping[str, Any]) -> str:
    said = [
        f"{result['calls']:,} calls were computed again.",
        f"{result['equal_calls']:,} amounts are the same, {result['different_calls']:,} differ.",
    ]
    if result["without_amount_calls"]:
        said.append(f"{result['without_amount_calls']:,} have no amount.")
    if result["without_book_calls"]:
        said.append(f"{result['without_book_calls']:,} name a price book that is not in the store.")
    said += [f"  {call_id}" for call_id in result["different"]]
    return "\n".join(said)
