"""The address of a ClickHouse server, as a URL that holds a password."""

from dataclasses import dataclass, field
from typing import Final, Self
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

from spanledger.errors import SettingsError
from spanledger.storage.layout import DATABASE, Layout

__all__ = ["ServerAddress"]

_PORTS: Final = {"clickhouse": 8123, "clickhouses": 8443}

_FORM: Final = "clickhouse://user:password@host:8123/database"


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerAddress:
    """Where the server is, who we are there, and where the tables are."""

    host: str
    port: int
    secure: bool
    """Speak TLS, and verify the server's certificate."""
    user: str
    password: str = field(repr=False)
    layout: Layout

    @classmethod
    def parse(cls, url: str) -> Self:
        """Read `clickhouse://user:password@host:port/database`, with `?cluster=name` for a cluster.

        The scheme `clickhouses` means TLS. User, password and names are percent-encoded as in any
        URL.

        Raises:
            SettingsError: it is none. The text shows nothing of the URL, which holds a password.
        """
        try:
            parts = urlsplit(url)
            port = parts.port
        except ValueError as error:
            raise SettingsError(_refusal("it is no URL")) from error
        if parts.scheme not in _PORTS or not parts.hostname or parts.fragment:
            raise SettingsError(_refusal("it has another form"))
        if port == 0:
            raise SettingsError(_refusal("0 is no port to connect to"))
        return cls(
            host=parts.hostname,
            port=port or _PORTS[parts.scheme],
            secure=parts.scheme == "clickhouses",
            user=unquote(parts.username or "default"),
            password=unquote(parts.password or ""),
            layout=Layout(
                database=unquote(parts.path.strip("/")) or DATABASE, cluster=_cluster(parts)
            ),
        )

    @property
    def place(self) -> str:
        """Host and port, for people."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"

    @property
    def shown(self) -> str:
        """The URL without the password."""
        scheme = "clickhouses" if self.secure else "clickhouse"
        cluster = f"?cluster={self.layout.cluster}" if self.layout.cluster else ""
        return f"{scheme}://{self.user}@{self.place}/{self.layout.database}{cluster}"


def _cluster(parts: SplitResult) -> str:
    """The cluster that the query names."""
    query = parse_qsl(parts.query, keep_blank_values=True)
    if any(name != "cluster" or not value for name, value in query) or len(query) > 1:
        raise SettingsError(_refusal("after the question mark stands cluster=NAME or nothing"))
    return query[0][1] if query else ""


def _refusal(reason: str) -> str:
    return f"the address of the ClickHouse server cannot be used: {reason} (write it as {_FORM})"
