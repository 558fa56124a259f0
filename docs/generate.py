"""Write the generated parts of the docs: what the program says of itself, taken from the program.

    python docs/generate.py            writes them
    python docs/generate.py --check    writes nothing, and fails where one is stale

A part stands between `<!-- generated: NAME -->` and `<!-- end generated -->` in any page of docs/.
"""

import argparse
import ast
import inspect
import json
import re
import sys
from collections.abc import Iterator, Mapping
from itertools import pairwise
from pathlib import Path
from typing import Any, Final, cast

from examples import BODIES, CURRENCY_EXAMPLE, EXAMPLES, ask, create_example_app
from fastapi import FastAPI

from spanledger.call import Call
from spanledger.cli import make_parser
from spanledger.pricing.cost import Cost, PriceLine
from spanledger.settings import Settings
from spanledger.storage.columns import COLUMNS, DERIVED
from spanledger.storage.row import CostRow
from spanledger.usage import Usage

DOCS: Final = Path(__file__).parent

PART: Final = re.compile(
    r"(?P<start><!-- generated: (?P<name>\w+) -->\n).*?(?P<end><!-- end generated -->)", re.DOTALL
)

MEANINGS: Final = {
    "parent_span_id": "The span around it, 16 lower-case hex digits; empty at the root.",
    "request_model": "The model that was asked.",
    "response_model": "The model that answered, as it names itself.",
    "response_id": "The provider's id of the answer.",
    "stream": "The answer was asked for as a stream.",
    "user_id": "Whom the call was made for.",
    "team": "The user's team.",
    "department": "The user's department.",
    "agent_id": "The agent that made the call.",
    "conversation_id": "The conversation that the call belongs to.",
    "message_id": "The chat message that the call was made for.",
    "feature": "The part of the application that made the call.",
    "route": "The address of the application's own request.",
    "tags": "Whatever else the application said, by name.",
    "usage_source": "Who counted: `provider`, `estimated` (our tokenizer) or `none`.",
    "usage_problem": "Why the reported usage cannot be true; its columns are then NULL.",
    "request_service_tier": "The service tier that was asked for.",
    "response_service_tier": "The service tier that the provider says it used.",
    "reported_currency": "Currency of `reported_amount`.",
    "status": "How the call came to its cost: see the list below.",
    "reason": "Why the cost is not simply `priced`, in words.",
    "amount": "What the call cost in US dollars. NULL is unknown, which is not zero.",
    "lines.quantity": "How much of the unit; its dearer parts have lines of their own.",
    "lines.rate": "Price of `lines.per` units, in US dollars.",
    "lines.per": "For how many units the rate is.",
    "lines.amount": "Amount of the line in US dollars; the lines sum to `amount`.",
    "version": "Of two rows with one identity, the one with the larger version stands.",
    "model": "`response_model`, or `request_model` where that is empty.",
    "service_tier": "`response_service_tier`, or `request_service_tier` where that is empty.",
}
"""What is said of a column whose field has no docstring, or one that is meant for programmers."""


def main() -> int:
    """Write or check every page."""
    parser = argparse.ArgumentParser(description="Write the generated parts of the docs.")
    parser.add_argument("--check", action="store_true", help="write nothing, fail where stale")
    check: bool = parser.parse_args().check
    stale = [page for page in sorted(DOCS.rglob("*.md")) if _refresh(page, write=not check)]
    for page in stale:
        print(
            f"{page.relative_to(DOCS.parent)} {'is stale: run make docs' if check else 'written'}"
        )
    return 1 if check and stale else 0


def _refresh(page: Path, *, write: bool) -> bool:
    """Tell whether `page` differs from what it should be, and write that if asked to."""
    text = page.read_text(encoding="utf-8")
    fresh = PART.sub(lambda part: f"{part['start']}\n{_part(part['name'])}\n{part['end']}", text)
    if write and fresh != text:
        page.write_text(fresh, encoding="utf-8")
    return fresh != text


def _part(name: str) -> str:
    return "".join(f"{line}\n" for line in PARTS[name]()).rstrip("\n") + "\n"


def _settings() -> Iterator[str]:
    defaults = Settings()
    for name, meaning in _field_docs(Settings).items():
        default = str(getattr(defaults, name))
        yield from (f"### `{name}`", "", meaning, "")
        yield f"* Default: {f'`{default}`' if default else 'empty'}"
        yield from (f"* Variable: `SPANLEDGER_{name.upper()}`", "")


def _cli() -> Iterator[str]:
    for name, parser in _commands(make_parser()):
        arguments = [
            action
            for action in _actions(parser)
            if action.dest != "help" and not isinstance(action.choices, Mapping)
        ]
        yield from (f"## `{name}`", "", _sentence(str(parser.description)), "")
        yield from _table(
            ("Argument", "Meaning"), ((_spelling(a), _sentence(str(a.help))) for a in arguments)
        )


def _actions(parser: argparse.ArgumentParser) -> list[argparse.Action]:
    # argparse has no public list of a parser's arguments.
    return cast("list[argparse.Action]", vars(parser)["_actions"])


def _commands(
    parser: argparse.ArgumentParser,
) -> Iterator[tuple[str, argparse.ArgumentParser]]:
    """Every command that can be run, with its full name."""
    choices = [action.choices for action in _actions(parser)]
    groups = [cast("Mapping[str, Any]", group) for group in choices if isinstance(group, Mapping)]
    if not groups or parser.get_default("command"):
        yield parser.prog, parser
    for group in groups:
        for command in group.values():
            yield from _commands(command)


def _spelling(action: argparse.Action) -> str:
    """The argument as one types it."""
    choices = "|".join(str(choice) for choice in action.choices or ())
    if not action.option_strings:
        return f"`{action.dest.upper()}`"
    value = "" if action.nargs == 0 else f" {choices or action.dest.upper()}"
    return f"`{action.option_strings[-1]}{value}`" + (" (required)" if action.required else "")


def _columns() -> Iterator[str]:
    docs = _field_docs(CostRow) | _field_docs(Cost) | _field_docs(Usage) | _field_docs(Call)
    docs |= {f"lines.{name}": meaning for name, meaning in _field_docs(PriceLine).items()}
    docs |= MEANINGS
    columns = {column.name: column.type for column in COLUMNS} | dict(DERIVED)
    rows = ((f"`{name}`", f"`{type_}`", docs[name]) for name, type_ in columns.items())
    yield from _table(("Column", "Type", "Meaning"), rows)


def _routes() -> Iterator[str]:
    app = create_example_app()
    for path, methods in cast("dict[str, dict[str, Any]]", app.openapi()["paths"]).items():
        for method, route in methods.items():
            yield from (f"### `{method.upper()} {path}`", "")
            yield from (f"For: {route['x-role']}. {_unwrapped(route['description'])}", "")
            yield from _parameters(route["parameters"])
            yield from _example(app, method.upper(), path, route["x-role"])


def _example(app: FastAPI, method: str, path: str, role: str) -> Iterator[str]:
    url = EXAMPLES.get(path)
    if url is None:
        return
    body = BODIES.get(path) if method == "POST" else None
    answer = json.dumps(json.loads(ask(app, url, method, body)), indent=2)
    options = {"GET": "", "POST": "-X POST "}[method]
    options += "" if role == "anyone" else '-H "Authorization: Bearer $KEY" '
    if body is not None:
        options = (
            options.replace("-X POST ", "") + f"--json '{json.dumps(body, ensure_ascii=False)}' "
        )
    yield from ("```console", f"$ curl {options}'{url}'", answer, "```", "")


def _librechat() -> Iterator[str]:
    answer = ask(
        create_example_app(), f"{EXAMPLES['/v1/messages/{message_id}/cost']}?shape=librechat"
    )
    yield from ("```json", answer, "```", "")


def _currency() -> Iterator[str]:
    answer = json.loads(ask(create_example_app(), CURRENCY_EXAMPLE))
    command = f"$ curl -H \"Authorization: Bearer $KEY\" '{CURRENCY_EXAMPLE}'"
    yield from ("```console", command, json.dumps(answer, indent=2), "```", "")


def _parameters(parameters: list[dict[str, Any]]) -> Iterator[str]:
    asked = [parameter for parameter in parameters if parameter["in"] == "query"]
    rows = ((f"`{one['name']}`{_repeats(one)}", one["description"]) for one in asked)
    if asked:
        yield from _table(("Parameter", "Meaning"), rows)


def _repeats(parameter: dict[str, Any]) -> str:
    return " (repeatable)" if parameter["schema"]["type"] == "array" else ""


def _table(head: tuple[str, ...], rows: Iterator[tuple[str, ...]]) -> Iterator[str]:
    for row in (head, ("---",) * len(head), *rows):
        yield " | ".join(("", *(cell.replace("|", r"\|") for cell in row), "")).strip()
    yield ""


def _field_docs(kind: type[object]) -> dict[str, str]:
    """The docstring of each field of a dataclass; fields without one are left out."""
    body = cast("ast.ClassDef", ast.parse(inspect.getsource(kind)).body[0]).body
    return {
        field.target.id: _unwrapped(text.value.value)
        for field, text in pairwise(body)
        if isinstance(field, ast.AnnAssign)
        and isinstance(field.target, ast.Name)
        and isinstance(text, ast.Expr)
        and isinstance(text.value, ast.Constant)
        and isinstance(text.value.value, str)
    }


def _unwrapped(text: str) -> str:
    """Docstring paragraphs as Markdown ones."""
    return "\n\n".join(" ".join(block.split()) for block in text.split("\n\n"))


def _sentence(text: str) -> str:
    return f"{text[0].upper()}{text[1:]}."


PARTS: Final = {
    "cli": _cli,
    "columns": _columns,
    "currency": _currency,
    "librechat": _librechat,
    "routes": _routes,
    "settings": _settings,
}

if __name__ == "__main__":
    sys.exit(main())
