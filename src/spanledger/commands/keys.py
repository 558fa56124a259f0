"""`spanledger keys`: make, list and revoke the keys of the API."""

import argparse
import json
from typing import get_args

from spanledger.call import DEFAULT_PROJECT
from spanledger.commands.command import EPILOG, Commands, add_command, add_json, say, settings_of
from spanledger.settings import KEYS_FILE
from spanledger.storage.keys import Key, KeyRing, Role

__all__ = ["add_commands"]


def add_commands(commands: Commands) -> None:
    """`keys create`, `keys list`, `keys revoke`."""
    keys = commands.add_parser("keys", help="make, list and revoke API keys", epilog=EPILOG)
    actions = keys.add_subparsers(required=True, metavar="action")
    create = add_command(actions, "create", "make a key and show it once", _keys_create)
    create.add_argument("name", help="what or whom the key is for")
    create.add_argument("--role", required=True, choices=get_args(Role), help="what it may do")
    create.add_argument("--project", default=DEFAULT_PROJECT, help="the project it belongs to")
    listing = add_command(actions, "list", "list all keys", _keys_list)
    revoke = add_command(actions, "revoke", "let a key in no more", _keys_revoke)
    revoke.add_argument("id", help="id of the key, as listed")
    for action in (create, listing, revoke):
        add_json(action)


def _key_ring(args: argparse.Namespace) -> KeyRing:
    return KeyRing(settings_of(args).data_dir / KEYS_FILE)


def _keys_create(args: argparse.Namespace) -> None:
    ring = _key_ring(args)
    key, secret = ring.create(args.name, args.role, args.project)
    if args.json:
        say(json.dumps({**_key_facts(key), "secret": secret}))
    else:
        say(f"{secret}\n(shown only now: keep it; id {key.id}, role {key.role})")


def _keys_list(args: argparse.Namespace) -> None:
    keys = _key_ring(args).keys()
    if args.json:
        say(json.dumps([_key_facts(key) for key in keys]))
        return
    for key in keys:
        state = "revoked" if key.revoked_at else "live"
        say(f"{key.id}  {state:8}{key.role:8}{key.project:12}{key.prefix}...  {key.name}")
    if not keys:
        say("There are no keys yet: make one with 'spanledger keys create NAME --role ROLE'.")


def _keys_revoke(args: argparse.Namespace) -> None:
    key = _key_ring(args).revoke(args.id)
    say(json.dumps(_key_facts(key)) if args.json else f"{key.id} ({key.name}) is revoked.")


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
