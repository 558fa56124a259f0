"""The docs say what the program does: names are compared both ways."""

import argparse
import re
import subprocess
import sys
import tomllib
from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any, cast

from spanledger import __version__, attributes
from spanledger.api.app import create_app
from spanledger.cli import make_parser
from spanledger.collector.admission import Admission
from spanledger.collector.pipeline import Pipeline
from spanledger.collector.receiver import create_receiver
from spanledger.pricing.book import PriceBook
from spanledger.server import utc_now
from spanledger.settings import Settings
from spanledger.storage.columns import COLUMNS, DERIVED
from spanledger.storage.keys import KeyRing
from spanledger.storage.memory import MemoryStore
from spanledger.usage import UNITS
from tests.house.source import ROOT, repository_files
from tests.intake import DirectIntake

VERBS = {"demo", "up", "test", "check", "cover", "bench", "docs", "clean"}


def page(name: str) -> str:
    """The text of a page."""
    return (ROOT / name).read_text(encoding="utf-8")


def headings(text: str) -> set[str]:
    """What stands in code in the headings of a page."""
    return set(re.findall(r"^#+ `(.+)`$", text, re.MULTILINE))


def first_cells(text: str) -> list[str]:
    """What stands in code in the first cell of the table rows of a page."""
    return re.findall(r"^\| `([^`]+)`", text, re.MULTILINE)


def test_generated_parts_are_up_to_date() -> None:
    """`make docs` would change nothing."""
    command = [sys.executable, "docs/generate.py", "--check"]
    done = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False
    )

    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_a_stale_part_is_found(tmp_path: Path) -> None:
    """The check fails where a page says something else than the program."""
    for script in ("generate.py", "examples.py"):
        (tmp_path / script).write_text(page(f"docs/{script}"))
    (tmp_path / "stale.md").write_text(
        "<!-- generated: settings -->\nold\n<!-- end generated -->\n"
    )
    command = [sys.executable, str(tmp_path / "generate.py"), "--check"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)

    assert done.returncode == 1
    assert "stale.md is stale" in done.stdout
    assert "old" in (tmp_path / "stale.md").read_text()


def test_every_setting_is_documented() -> None:
    """The configuration page lists exactly the settings that exist."""
    assert headings(page("docs/configuration.md")) == {field.name for field in fields(Settings)}


def test_every_command_is_documented() -> None:
    """The page of the command line lists exactly the commands, and all of their options."""
    text = page("docs/cli.md")
    commands = leaf_commands(make_parser())

    assert headings(text) == set(commands)
    for parser in commands.values():
        for option in re.findall(r"--[a-z-]+", parser.format_usage()):
            assert option in text


def leaf_commands(parser: argparse.ArgumentParser) -> dict[str, argparse.ArgumentParser]:
    """The commands that can be run, by name."""
    groups = [
        cast("Mapping[str, argparse.ArgumentParser]", action.choices)
        for action in parser._actions
        if isinstance(action.choices, Mapping)
    ]
    children = [child for group in groups for child in group.values()]
    found = {parser.prog: parser} if parser.get_default("command") else {}
    for child in children:
        found |= leaf_commands(child)
    return found


def test_every_column_is_documented() -> None:
    """The schema page has exactly the columns of the table, before its list of statuses."""
    columns, _, statuses = page("docs/schema.md").partition("## Values of")

    assert first_cells(columns) == [*(column.name for column in COLUMNS), *DERIVED]
    assert set(UNITS) <= set(first_cells(columns))
    assert len(first_cells(statuses)) == 6


def test_every_attribute_is_documented() -> None:
    """The attribute page has exactly the names of the one table."""
    constants = cast("Mapping[str, object]", vars(attributes))
    names = {
        value for name, value in constants.items() if name.isupper() and isinstance(value, str)
    }
    names = {f"{name}<name>" if name.endswith(".") else name for name in names}

    listed = first_cells(page("docs/attributes.md"))

    assert set(listed) == names | set(attributes.USAGE.values())
    assert len(listed) == len(set(listed))


def test_attributes_become_columns_that_exist() -> None:
    """A column that the attribute page promises is in the table."""
    row = re.compile(r"^\| `[^`]+` \|[^|]*\| `([^`]+)` \|", re.MULTILINE)
    rows = row.findall(page("docs/attributes.md"))

    assert len(rows) > len(UNITS)
    assert set(rows) <= {column.name for column in COLUMNS}


def test_every_dependency_is_justified() -> None:
    """The dependency page has exactly the packages of pyproject, group by group."""
    project = tomllib.loads(page("pyproject.toml"))
    groups = {
        "base": project["project"]["dependencies"],
        **project["project"]["optional-dependencies"],
        **project["dependency-groups"],
    }
    _, *sections = re.split(r"^## (\w+)\n", page("docs/dependencies.md"), flags=re.MULTILINE)
    listed = dict(zip(sections[::2], map(first_cells, sections[1::2]), strict=True))

    assert {group: sorted(names) for group, names in listed.items()} == {
        group: sorted(packages(requirements)) for group, requirements in groups.items()
    }


def packages(requirements: list[str]) -> set[str]:
    """The names in requirements, without our own extras."""
    names = {re.split(r"[\[><=~! ;]", requirement)[0] for requirement in requirements}
    return names - {"spanledger"}


def test_every_route_is_documented(tmp_path: Path) -> None:
    """The API page has exactly the routes of the API's own description and of the receiver."""
    keys, store = KeyRing(tmp_path / "keys.json"), MemoryStore()
    paths = create_app(store=store, keys=keys, clock=utc_now, book=PriceBook).openapi()["paths"]
    api = {f"{method.upper()} {path}" for path, methods in paths.items() for method in methods}
    with Pipeline(store, PriceBook, utc_now) as pipeline:
        app = create_receiver(
            Admission(
                intake=DirectIntake(pipeline, 1),
                keys=keys,
                open_without_key=True,
                body_bytes_max=1,
                clock=utc_now,
            )
        )
    routes: list[Any] = list(app.routes)
    receiver = {f"{m} {route.path}" for route in routes for m in route.methods - {"HEAD"}}

    assert headings(page("docs/api.md")) == api | receiver


def test_the_changelog_knows_the_version() -> None:
    """A release has its section; what is not released stands under Unreleased."""
    sections = re.findall(r"^## \[(.+?)\]", page("CHANGELOG.md"), re.MULTILINE)

    assert ("Unreleased" if "dev" in __version__ else __version__) in sections


def test_every_verb_has_its_help() -> None:
    """`make help` lists the verbs that the project promises; CONTRIBUTING lists all there are."""
    helped = set(re.findall(r"^([a-z]+):.* ## \S", page("Makefile"), re.MULTILINE))
    named = set(re.findall(r"^\| `make ([a-z]+)`", page("CONTRIBUTING.md"), re.MULTILINE))

    assert helped >= VERBS
    assert named == helped - {"help"}


def test_links_lead_somewhere() -> None:
    """A link from one page to another file of the repository finds it."""
    pages = [path for path in repository_files() if path.suffix == ".md"]
    broken = [
        f"{path.relative_to(ROOT)}: {target}"
        for path in pages
        for target in re.findall(r"\]\(([^)#]+)[^)]*\)", path.read_text(encoding="utf-8"))
        if "://" not in target and not (path.parent / target).exists()
    ]

    assert pages
    assert broken == []


def test_decisions_have_their_sections() -> None:
    """An ADR says context, decision, consequences, and what would change it."""
    decisions = sorted((ROOT / "docs" / "adr").glob("*.md"))

    assert [int(path.name[:4]) for path in decisions] == list(range(1, len(decisions) + 1))
    for path in decisions:
        text = path.read_text(encoding="utf-8")
        assert re.findall(r"^## (.+)$", text, re.MULTILINE) == [
            "Context",
            "Decision",
            "Consequences",
            "What would change our mind",
        ]
