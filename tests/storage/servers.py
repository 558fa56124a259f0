"""Running the ClickHouse server of the tests (see `chdb_server`), and stores on it."""

import re
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import httpx

from spanledger.storage.address import ServerAddress
from spanledger.storage.clickhouse import ClickHouseStore
from spanledger.storage.layout import Layout
from spanledger.storage.server import open_server

PASSWORD = "p@ss/word:of tests"  # noqa: S105 - it opens nothing
"""With everything in it that has to be encoded in a URL."""

HANGS_AFTER_S = 60


@dataclass(slots=True)
class ChdbServer:
    """A server process that can be killed and started again, on one port, with one directory."""

    directory: Path
    port: int = 0
    process: "subprocess.Popen[str] | None" = field(default=None, init=False)

    def start(self) -> None:
        """Start it; it takes connections when this returns."""
        command = [sys.executable, "-m", "tests.storage.chdb_server", "--user", "collector"]
        options = {"--port": self.port, "--directory": self.directory, "--password": PASSWORD}
        command += [str(part) for option in options.items() for part in option]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert self.process.stdout is not None
        self.port = int(self.process.stdout.readline())

    def kill(self) -> None:
        """End it as a power cut does."""
        assert self.process is not None
        self.process.kill()
        self.wait()

    def wait(self) -> None:
        """Wait until it has ended."""
        assert self.process is not None
        assert self.process.stdout is not None
        self.process.wait(HANGS_AFTER_S)
        self.process.stdout.close()

    def die_at_next_insert(self, when: str) -> None:
        """Have it kill itself `before` or `after` the rows are stored."""
        url = f"http://127.0.0.1:{self.port}/test/die"
        httpx.post(url, params={"when": when}, trust_env=False).raise_for_status()

    def address(self, database: str = "spanledger", *, password: str = PASSWORD) -> ServerAddress:
        """Where a store of that name is."""
        return ServerAddress(
            host="127.0.0.1",
            port=self.port,
            secure=False,
            user="collector",
            password=password,
            layout=Layout(database=database),
        )

    def open(
        self, database: str = "spanledger", *, pauses_ms: Sequence[int] = ()
    ) -> ClickHouseStore:
        """A store on it, which gives up at once unless it is told otherwise."""
        return open_server(self.address(database), timeout_s=HANGS_AFTER_S, pauses_ms=pauses_ms)

    def open_distributed(self, database: str) -> ClickHouseStore:
        """A store on the cluster of one shard that the server knows."""
        layout = OneShard(database=database, cluster="main")
        return open_server(
            replace(self.address(), layout=layout), timeout_s=HANGS_AFTER_S, pauses_ms=()
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class OneShard(Layout):
    """The form of a cluster without what needs a keeper: replicas, and DDL that goes to all.

    What remains is real: tables behind Distributed ones, read and written through them.
    """

    def render(self, statement: str) -> Iterator[str]:
        """The statements of the cluster, for its only server."""
        for text in Layout.render(self, statement):
            alone = text.replace(f" ON CLUSTER '{self.cluster}'", "")
            yield re.sub(r"Replicated(\w*MergeTree\()'[^']*', '\{replica\}'(?:, )?", r"\1", alone)
