import pytest

from spanledger.errors import SettingsError
from spanledger.storage.address import ServerAddress
from spanledger.storage.layout import Layout


def test_all_parts() -> None:
    """Everything that can be said is read, decoded as in any URL."""
    url = "clickhouses://us%40er:very%3Asecret%2Fpass%40word@db.corp.example:9443/llm?cluster=main"

    assert ServerAddress.parse(url) == ServerAddress(
        host="db.corp.example",
        port=9443,
        secure=True,
        user="us@er",
        password="very:secret/pass@word",  # noqa: S106 - it opens nothing
        layout=Layout(database="llm", cluster="main"),
    )


def test_what_is_not_said() -> None:
    """The ports, the user and the database have the usual defaults; there is no cluster."""
    plain, secure = (
        ServerAddress.parse(f"{scheme}://h") for scheme in ("clickhouse", "clickhouses")
    )

    assert (plain.port, plain.secure, secure.port, secure.secure) == (8123, False, 8443, True)
    assert (plain.user, plain.password, plain.layout) == ("default", "", Layout())


def test_the_password_is_not_shown() -> None:
    """What is shown of an address can be typed again, but for the password."""
    address = ServerAddress.parse("clickhouse://ann:very%3Asecret@[::1]:8123/llm?cluster=main")

    assert address.shown == "clickhouse://ann@[::1]:8123/llm?cluster=main"
    assert "secret" not in repr(address)


@pytest.mark.parametrize(
    "url",
    [
        "http://ann:secret@h/llm",
        "clickhouse:secret",
        "clickhouse://ann:secret@/llm",
        "clickhouse://ann:secret@h:0/llm",
        "clickhouse://ann:secret@h:port/llm",
        "clickhouse://ann:secret@h:99999/llm",
        "clickhouse://ann:secret@[::1/llm",
        "clickhouse://ann:secret@h/llm?cluster=",
        "clickhouse://ann:secret@h/llm?cluster=a&cluster=b",
        "clickhouse://ann:secret@h/llm?password=secret",
        "clickhouse://ann:secret@h/llm?secret",
        "clickhouse://ann:secret@h/llm#secret",
        "clickhouse://ann:secret@h/llm;secret",
        "clickhouse://ann:secret@h/llm%60secret",
        "clickhouse://ann:secret@h/l/secret",
        "clickhouse://ann:secret@h/1secret",
        "clickhouse://ann:secret@h/llm?cluster=a%27secret",
    ],
)
def test_addresses_that_are_none(url: str) -> None:
    """What is no address is refused in a sentence that shows nothing of it."""
    with pytest.raises(SettingsError) as raised:
        ServerAddress.parse(url)

    assert "secret" not in str(raised.value)
    assert str(raised.value).startswith(("the address of the ClickHouse server", "the name of a "))
