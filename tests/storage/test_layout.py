"""The snapshots in `rendered/` are written by `spanledger schema`, as `SIZES` says."""

from pathlib import Path

import pytest

from spanledger.errors import SettingsError
from spanledger.storage.clickhouse import ClickHouseStore
from spanledger.storage.layout import Layout
from spanledger.storage.migrate import load_migrations, schema_script

RENDERED = Path(__file__).parent / "rendered"

SIZES = {
    "embedded": Layout(),
    "server": Layout(database="llm_costs"),
    "cluster": Layout(database="llm_costs", cluster="{cluster}"),
}


@pytest.mark.parametrize("size", SIZES)
def test_rendered_schema(size: str) -> None:
    """What is run at each size is what was reviewed."""
    rendered = schema_script(load_migrations(), SIZES[size])

    assert rendered == (RENDERED / f"{size}.sql").read_text(encoding="utf-8")


@pytest.mark.parametrize("size", SIZES)
def test_the_schema_is_sql(size: str, embedded: ClickHouseStore) -> None:
    """ClickHouse's own parser takes every statement, also of the size that cannot be run here."""
    layout = SIZES[size]
    statements = [
        text
        for step in load_migrations()
        for statement in step.statements()
        for text in layout.render(statement)
    ]
    with embedded._client() as client:
        for statement in statements:
            client.query("SELECT formatQuery({text:String})", parameters={"text": statement})

    assert len(statements) >= len(load_migrations())


def test_all_versions_of_a_row_meet() -> None:
    """Every table is sharded by the columns of its identity, whatever the hour in its key."""
    script = schema_script(load_migrations(), SIZES["cluster"])

    assert "'calls_local', cityHash64(project, trace_id, span_id))" in script
    assert "'replaced_calls_local', cityHash64(repricing, trace_id, span_id))" in script
    assert "'repricings_local', cityHash64(project, id))" in script
    assert script.count("ENGINE = Distributed(") == script.count("ENGINE = Replicated")
    assert "ENGINE = ReplacingMergeTree" not in script


def test_names_of_other_databases() -> None:
    """Only our own names are put for the database at hand."""
    layout = Layout(database="llm")

    assert layout.names("SELECT 1 FROM spanledger.calls") == "SELECT 1 FROM llm.calls"
    assert layout.names("system.tables my_spanledger.calls") == "system.tables my_spanledger.calls"


def test_what_is_no_column_stays_with_the_replicas() -> None:
    """An index or a TTL is changed where the rows are, a column in both tables."""
    layout = Layout(cluster="main")
    ttl, column = (
        list(layout.render(f"ALTER TABLE spanledger.calls {change}"))
        for change in ("MODIFY TTL start_time + toIntervalDay(1)", "ADD COLUMN x Int8")
    )

    (alone,) = ttl
    assert alone.startswith("ALTER TABLE spanledger.calls_local ON CLUSTER 'main' MODIFY TTL")
    assert column == [
        "ALTER TABLE spanledger.calls_local ON CLUSTER 'main' ADD COLUMN x Int8",
        "ALTER TABLE spanledger.calls ON CLUSTER 'main' ADD COLUMN x Int8",
    ]


@pytest.mark.parametrize(
    "statement",
    [
        "CREATE VIEW spanledger.v AS SELECT 1",
        "CREATE TABLE IF NOT EXISTS spanledger.t (x Int8) ENGINE = Log",
        "CREATE TABLE IF NOT EXISTS spanledger.t (x Int8) ENGINE = MergeTree ORDER BY tuple()",
    ],
)
def test_statements_without_a_form_for_a_cluster(statement: str) -> None:
    """What a cluster would need otherwise is refused, never run on one server alone."""
    with pytest.raises(ValueError, match=r"cluster|sharded"):
        list(Layout(cluster="main").render(statement))


@pytest.mark.parametrize("name", ["", "a b", "a;b", "a`b", "1a", "a.b", "ä", "x" * 64, "a\n"])
def test_names_that_are_none(name: str) -> None:
    """What stands in SQL unquoted is a plain name."""
    with pytest.raises(SettingsError, match="name of a database"):
        Layout(database=name)


@pytest.mark.parametrize("name", ["a b", "a'b", "{a'b}", "{}", "a\n", "a\\"])
def test_clusters_that_are_none(name: str) -> None:
    """What stands in SQL in quotes has none in it."""
    with pytest.raises(SettingsError, match="name of a cluster"):
        Layout(cluster=name)
