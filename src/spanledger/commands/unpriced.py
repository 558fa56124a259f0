"""`spanledger prices unpriced`: the models that nobody knows a price for."""

import argparse
import json
from typing import Any

from spanledger.commands.command import Commands, add_command, say
from spanledger.commands.reach import add_reach, ask_server, store_here

__all__ = ["add_unpriced"]


def add_unpriced(actions: Commands) -> None:
    """`unpriced`, to be an action of `prices`."""
    unpriced = add_command(
        actions, "unpriced", "list the models whose calls have no price", _unpriced
    )
    add_reach(unpriced)


def _unpriced(args: argparse.Namespace) -> None:
    if args.url:
        models: list[dict[str, Any]] = ask_server(args, "GET", "/v1/prices/unpriced")["data"]
    else:
        from spanledger.api.unpriced import unpriced_json  # noqa: PLC0415 - the server extra may not be installed
        from spanledger.storage.unpriced import unpriced_models  # noqa: PLC0415 - as above

        with store_here(args) as store:
            models = [unpriced_json(model) for model in unpriced_models(store, args.project)]
    if args.json:
        say(json.dumps(models))
        return
    for one in models:
        tokens = f"{one['input_tokens']:,} input, {one['output_tokens']:,} output tokens"
        seen = f"{one['first_seen'][:10]} to {one['last_seen'][:10]}"
        say(f"{one['provider'] or '(none)'} {one['model'] or '(none)'}")
        say(f"    {one['calls']:,} calls, {tokens}, {seen}: {one['reason']}")
    if not models:
        say("Every call has a price.")
