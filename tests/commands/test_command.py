"""What all commands share."""

import argparse
from pathlib import Path

import pytest

from spanledger.commands.command import add_json, say, settings_of


def test_options_that_are_settings_become_settings() -> None:
    """An option wins over the default, and one that is no setting is left alone."""
    parser = argparse.ArgumentParser()
    add_json(parser)

    settings = settings_of(parser.parse_args(["--data-dir", "elsewhere", "--json"]))

    assert settings.data_dir == Path("elsewhere")


def test_a_line_that_nobody_reads_is_no_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """`spanledger ... | head` ends quietly."""

    class Closed:
        def write(self, _: str) -> None:
            raise BrokenPipeError

    monkeypatch.setattr("sys.stdout", Closed())

    say("anything")
