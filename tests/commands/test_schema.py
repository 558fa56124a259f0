"""The tables as SQL on the command line."""

import pytest

from spanledger.cli import main


def test_sql_of_a_cluster(capsys: pytest.CaptureFixture[str]) -> None:
    """What is printed is whole: it makes the tables and says which steps were applied."""
    assert main(["schema", "--size", "cluster", "--cluster", "main", "--database", "llm"]) == 0
    script = capsys.readouterr().out

    assert script.startswith("CREATE DATABASE IF NOT EXISTS llm ON CLUSTER 'main'")
    assert "INSERT INTO llm.schema_migrations VALUES (1, '0001_calls.sql'" in script


@pytest.mark.parametrize(
    "options", [["--size", "cluster"], ["--cluster", "main"], ["--database", "a;b"]]
)
def test_options_that_do_not_fit(options: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """A cluster has a name, one server has none, and names are names."""
    assert main(["schema", *options]) == 1
    assert capsys.readouterr().err.count("\n") == 1
