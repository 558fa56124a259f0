"""The server of the tests answers as one of ClickHouse does."""

import threading
from typing import Any

import clickhouse_connect
import httpx
import pytest
from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import DatabaseError

from tests.storage.servers import PASSWORD, ChdbServer


def connect(server: ChdbServer, **options: Any) -> Client:
    """The usual client, as anybody would make it."""
    return clickhouse_connect.get_client(
        host="127.0.0.1", port=server.port, username="collector", password=PASSWORD, **options
    )


@pytest.mark.parametrize("compress", ["lz4", "zstd", "gzip", False])
@pytest.mark.parametrize("in_the_body", [True, False])
def test_blocks_and_values(
    server: ChdbServer,
    database: str,
    compress: str | bool,  # noqa: FBT001 - a table of cases
    in_the_body: bool,  # noqa: FBT001 - a table of cases
) -> None:
    """Blocks of many rows go in and out, under each compression, with values in either way."""
    client = connect(server, compress=compress, form_encode_query_params=in_the_body)
    client.command(f"CREATE TABLE default.{database} (x Int64, s String) ENGINE = Memory")
    rows = [[number, f"'{number}\n\\"] for number in range(9_000)]
    client.insert(f"default.{database}", rows, column_names=["x", "s"])
    text = "a'b\\c\td\n\0é"
    answer = client.query(
        f"SELECT x, s, {{text:String}} FROM {database} ORDER BY x",  # noqa: S608 - a name of ours
        parameters={"text": text},
    )

    assert client.ping()
    assert list(answer.result_rows) == [(*row, text) for row in rows]


def test_settings_are_of_one_statement(server: ChdbServer) -> None:
    """A setting that came with a statement does not stay for the next."""
    client = connect(server)
    text = "SELECT getSetting('max_threads')"

    assert client.query(text, settings={"max_threads": 3}).result_rows == [(3,)]
    assert client.query(text).result_rows != [(3,)]


@pytest.mark.parametrize(
    ("text", "code", "name"),
    [
        ("SELECT * FROM nowhere.nothing", 81, "UNKNOWN_DATABASE"),
        ("SELEC 1", 62, "SYNTAX_ERROR"),
        ("SELECT {p:Int8}", 456, "UNKNOWN_QUERY_PARAMETER"),
    ],
)
def test_exceptions(server: ChdbServer, text: str, code: int, name: str) -> None:
    """An exception has its code in the header and its name in the text."""
    with pytest.raises(DatabaseError) as raised:
        connect(server).query(text)

    assert (raised.value.code, raised.value.name) == (code, name)


def test_users(server: ChdbServer) -> None:
    """The user and the password are checked, by Basic auth and by headers; `/ping` is for all."""
    url = f"http://127.0.0.1:{server.port}"

    def ask(**options: Any) -> int:
        return httpx.get(url, params={"query": "SELECT 1"}, trust_env=False, **options).status_code

    assert ask() == ask(auth=("collector", "wrong")) == ask(auth=("bob", PASSWORD)) == 403
    assert ask(auth=("collector", PASSWORD)) == 200
    keys = {"X-ClickHouse-User": "collector", "X-ClickHouse-Key": PASSWORD}
    assert ask(headers=keys) == 200
    assert httpx.get(f"{url}/ping", trust_env=False).text == "Ok.\n"


def test_a_value_has_a_limit(server: ChdbServer) -> None:
    """A server takes no value beyond 128 KiB."""
    client = connect(server, form_encode_query_params=True)

    def ask(length: int) -> Any:
        return client.query("SELECT {p:String} = ''", parameters={"p": "x" * length}).result_rows

    assert ask(128 * 1024) == [(0,)]
    with pytest.raises(DatabaseError, match="Field value too long"):
        ask(128 * 1024 + 1)


def test_several_clients_at_once(server: ChdbServer) -> None:
    """Clients do not hear each other's answers."""
    heard: list[tuple[int, Any]] = []

    def ask(number: int) -> None:
        client = connect(server)
        heard.extend((number, client.command(f"SELECT {number}")) for _ in range(5))

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(heard) == 30
    assert all(asked == answered for asked, answered in heard)
