import threading
from collections.abc import Iterator
from dataclasses import replace
from hashlib import sha256
from importlib.resources import files
from pathlib import Path

import clickhouse_connect
import pytest
from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import DatabaseError

from spanledger.errors import StoreError
from spanledger.storage.clickhouse import ClickHouseStore
from spanledger.storage.layout import Layout
from spanledger.storage.migrate import Migration, load_migrations, migrate, schema_script
from spanledger.storage.query import Selection
from tests.storage.servers import ChdbServer


@pytest.fixture
def client(tmp_path: Path) -> Iterator[Client]:
    """A client of an embedded ClickHouse in which nothing is yet."""
    client = clickhouse_connect.get_client(interface="chdb", path=str(tmp_path / "clickhouse"))
    yield client
    client.close()


FIRST = Migration(
    1, "0001_first.sql", "CREATE TABLE IF NOT EXISTS spanledger.a (x Int8) ENGINE = Log"
)
SECOND = Migration(
    2,
    "0002_second.sql",
    """
    -- Two statements; this line is a comment
    CREATE TABLE IF NOT EXISTS spanledger.b (x Int8) ENGINE = Log;
      -- and this as well
    INSERT INTO spanledger.a VALUES (7);
    """,
)


def tables(client: Client) -> set[str]:
    """The tables of our database but the list of migrations."""
    answer = client.query("SELECT name FROM system.tables WHERE database = 'spanledger'")
    return {name for (name,) in answer.result_rows} - {"schema_migrations"}


def test_shipped_migrations_are_in_order() -> None:
    """The files beside the module are numbered from 1 without gaps, each with its own text."""
    shipped = load_migrations()
    folder = files("spanledger.storage") / "migrations"

    assert [step.number for step in shipped] == list(range(1, len(shipped) + 1))
    assert {step.name for step in shipped} == {
        file.name for file in folder.iterdir() if file.name.endswith(".sql")
    }
    for step in shipped:
        assert step.checksum == sha256((folder / step.name).read_bytes()).hexdigest()


def test_statements_of_a_migration() -> None:
    """A text is split at semicolons, without its comment lines and without empty statements."""
    step = Migration(1, "", "-- a; b\n  SELECT 1;;\n\n SELECT\n--no\n2 ;\n")

    assert list(step.statements()) == ["SELECT 1", "SELECT\n2"]


def test_no_statement_is_split_in_a_text() -> None:
    """No shipped migration has a semicolon in quotes, which the splitter would not understand."""
    for step in load_migrations():
        assert all(statement.count("'") % 2 == 0 for statement in step.statements())


def test_new_database(client: Client) -> None:
    """A new database gets every step, and each is recorded with its checksum."""
    migrate(client, load_migrations())

    recorded = client.query(
        "SELECT number, name, checksum FROM spanledger.schema_migrations ORDER BY 1"
    )
    assert tables(client) == {"calls", "price_books", "period_acts", "repricings", "replaced_calls"}
    assert recorded.result_rows == [
        (step.number, step.name, step.checksum) for step in load_migrations()
    ]


def test_only_new_steps_are_applied(client: Client) -> None:
    """Steps are applied once, in order, and later ones when they come."""
    migrate(client, [FIRST])
    migrate(client, [FIRST])
    migrate(client, [FIRST, SECOND])
    migrate(client, [FIRST, SECOND])

    assert tables(client) == {"a", "b"}
    assert client.query("SELECT x FROM spanledger.a").result_rows == [(7,)]


def test_changed_step_is_refused(client: Client) -> None:
    """A file that was edited after it had been applied is refused, and nothing else is applied."""
    migrate(client, [FIRST])
    changed = replace(FIRST, sql=FIRST.sql + " ")

    with pytest.raises(StoreError, match=r"^the migration 0001_first\.sql was changed after"):
        migrate(client, [changed, SECOND])
    assert tables(client) == {"a"}


def test_newer_database_is_refused(client: Client) -> None:
    """A database that a later program has changed is refused by an earlier one."""
    migrate(client, [FIRST, SECOND])

    with pytest.raises(StoreError, match=r"^the database is newer .* 0002_second\.sql$"):
        migrate(client, [FIRST])


def test_failed_step_runs_again(client: Client) -> None:
    """A step that broke off in the middle is not recorded, and runs again as a whole."""
    broken = replace(SECOND, sql=SECOND.sql + "SELECT nonsense;")
    with pytest.raises(DatabaseError):
        migrate(client, [FIRST, broken])
    migrate(client, [FIRST, SECOND])

    recorded = client.query("SELECT number FROM spanledger.schema_migrations ORDER BY number")
    assert recorded.result_rows == [(1,), (2,)]
    assert client.query("SELECT count() FROM spanledger.a").result_rows == [(2,)]


def test_two_programs_migrate_at_once(server: ChdbServer, database: str) -> None:
    """Collectors that start together make one schema, and each can use it."""
    ready = threading.Barrier(4)
    stores: list[ClickHouseStore] = []

    def start() -> None:
        ready.wait(60)
        stores.append(server.open(database))

    threads = [threading.Thread(target=start) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    counts = [store.calls(Selection(project="p"), limit=1) for store in stores]
    for store in stores:
        store.close()

    assert counts == [[]] * 4


def test_a_schema_that_was_made_by_hand(server: ChdbServer) -> None:
    """Where an administrator has applied the script, a user without rights to create can start."""
    database = "forbidden_to_make"
    script = schema_script(load_migrations(), Layout(database=database))
    with pytest.raises(StoreError, match="does not allow the user collector"):
        server.open(database)
    admin = server.open("of_the_admin")
    with admin._client() as client:
        # What the test server forbids is this form alone.
        client.command(f"CREATE DATABASE/**/{database}")
        for statement in script.split(";\n"):
            if statement.strip() and not statement.startswith("CREATE DATABASE"):
                client.command(statement)
    admin.close()
    store = server.open(database)

    assert store.calls(Selection(project="p"), limit=1) == []
    store.close()


def test_another_size_is_refused(server: ChdbServer, database: str) -> None:
    """Tables of a cluster are not taken for those of one server, nor the other way round."""
    server.open(f"{database}_one").close()
    server.open_distributed(f"{database}_many").close()

    with pytest.raises(StoreError, match=r"are made for one server: name no cluster$"):
        server.open_distributed(f"{database}_one")
    with pytest.raises(StoreError, match=r"are made for a cluster: name it$"):
        server.open(f"{database}_many")


def test_what_another_program_applied_is_checked(client: Client) -> None:
    """Of two programs that applied a step side by side, none may have had another text."""
    migrate(client, [FIRST])
    client.command(
        "INSERT INTO spanledger.schema_migrations VALUES (1, '0001_first.sql', 'other', now64(6))"
    )

    with pytest.raises(StoreError, match=r"^the migration 0001_first\.sql was changed after"):
        migrate(client, [FIRST])
