"""A ClickHouse server for tests: its HTTP interface in front of the embedded engine.

The clients of ClickHouse speak to it as to a server: statements in the body or in `query`, values
in `param_*`, settings in the address, Native blocks in and out, compression as asked for,
exceptions with their code. The engine is the real one; users and rights are this file's, since the
embedded engine has none. It is a process of its own, so that it can be killed.

    python -m tests.storage.chdb_server --port PORT --directory DIRECTORY --password PASSWORD

It writes its port to stdout once connections are taken.

A POST to `/test/die?when=before` (or `after`) has it kill itself at the next insert, before or
after the rows are in the table; either way nobody gets an answer.
"""

import argparse
import gzip
import os
import re
import signal
import socket
import sys
import tempfile
import threading
import zlib
from base64 import b64decode
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, cast

import chdb
import lz4.frame
import uvicorn
from backports import zstd
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

OWN = re.compile(
    "param_|(query|database|buffer_size|compress|decompress|session_id|session_timeout|query_id"
    "|session_check|quota_key|wait_end_of_query|client_protocol_version|role|default_format)$"
)
"""Parameters that the interface itself consumes; the others are settings."""

VALUE_BYTES_MAX = 128 * 1024
"""The default of `http_max_field_value_size`, which holds for every parameter."""

BOUNDARY = re.compile(r'multipart/form-data;\s*boundary="?([^";]+)')
NAME = re.compile(rb'\bname="([^"]*)"')
FORMAT = re.compile(rb"\bFORMAT\s+(\w+)\s*;?\s*$", re.IGNORECASE)
INSERT = re.compile(
    rb"\s*(INSERT\s+INTO\s.*?)\bFORMAT\s+(\w+)[ \t]*\r?\n", re.IGNORECASE | re.DOTALL
)
CREATE_DATABASE = re.compile(
    rb"\s*CREATE\s+DATABASE\s+(?:IF\s+NOT\s+EXISTS\s+)?(\w+)", re.IGNORECASE
)


def lz4_frames(body: bytes) -> Iterator[bytes]:
    """What is in each frame: clients send one for each block."""
    while body:
        frame = lz4.frame.LZ4FrameDecompressor()
        yield cast("bytes", frame.decompress(body))
        rest = frame.unused_data
        body = b"" if rest is None else bytes(rest)


COMPRESS: dict[str, Callable[[bytes], bytes]] = {
    "lz4": lz4.frame.compress,
    "zstd": zstd.compress,
    "gzip": gzip.compress,
    "deflate": zlib.compress,
}
DECOMPRESS: dict[str, Callable[[bytes], bytes]] = {
    "lz4": lambda body: b"".join(lz4_frames(body)),
    "zstd": zstd.decompress,
    "gzip": gzip.decompress,
    "deflate": zlib.decompress,
}

ONE_SHARD = """
<clickhouse>
  <tcp_port>9000</tcp_port>
  <remote_servers><main><shard><replica><host>127.0.0.1</host><port>9000</port></replica></shard></main>
  </remote_servers>
</clickhouse>
"""
"""The engine takes this address for its own: a Distributed table reaches it without a network."""


@dataclass(slots=True)
class Engine:
    """The embedded engine, with a handle for every thread."""

    path: str
    user: str
    password: str
    dies: str = ""
    """When to die at the next insert: `before`, `after` or never."""
    handles: threading.local = field(default_factory=threading.local)

    def answer(
        self, statement: bytes, parameters: Mapping[str, str], default_format: str
    ) -> tuple[bytes, str]:
        """What a statement yields, and in which format."""
        handle = self._handle(
            {name: value for name, value in parameters.items() if not OWN.match(name)},
            parameters.get("database", "default"),
        )
        if insert := INSERT.match(statement):
            self._insert(handle, insert, statement[insert.end() :])
            return b"", default_format
        values = {n.removeprefix("param_"): v for n, v in parameters.items() if "param_" in n[:6]}
        found = FORMAT.search(statement)
        format_ = found[1].decode() if found else default_format
        return handle.query(statement.decode(), format_, params=values).bytes() or b"", format_

    def _insert(self, handle: Any, insert: "re.Match[bytes]", block: bytes) -> None:
        if self.dies == "before":
            os.kill(os.getpid(), signal.SIGKILL)
        with tempfile.NamedTemporaryFile(suffix=".native") as file:
            file.write(block)
            file.flush()
            handle.query(
                f"{insert[1].decode()} FROM INFILE '{file.name}' FORMAT {insert[2].decode()}"
            )
        if self.dies == "after":
            os.kill(os.getpid(), signal.SIGKILL)

    def _handle(self, settings: Mapping[str, str], database: str) -> Any:
        """The handle of this thread, with these settings and no others of earlier statements."""
        if not hasattr(self.handles, "own"):
            self.handles.own, self.handles.settings = chdb.connect(self.path), dict[str, str]()
        handle, set_here = self.handles.own, self.handles.settings
        handle.query(f"USE {database}")
        for name in set_here.keys() - settings.keys():
            handle.query(f"SET {name} = DEFAULT")
            del set_here[name]
        for name, value in settings.items():
            if set_here.get(name) != value:
                quoted = value.replace("\\", "\\\\").replace("'", "\\'")
                handle.query(f"SET {name} = '{quoted}'")
                set_here[name] = value
        return handle


class Refused(Exception):
    """A code and a text of the interface's own."""


def check_user(engine: Engine, request: Request) -> None:
    """The user and the password, in whichever way clients state them."""
    user = request.headers.get("x-clickhouse-user", "default")
    password = request.headers.get("x-clickhouse-key", "")
    scheme, _, credentials = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "basic":
        user, _, password = b64decode(credentials).decode().partition(":")
    if (user, password) != (engine.user, engine.password):
        raise Refused(
            516, f"{user}: Authentication failed: password is incorrect. (AUTHENTICATION_FAILED)"
        )


async def execute(engine: Engine, request: Request) -> Response:
    """One statement: `GET /?query=...`, `POST /` with it in the body, or in both."""
    parameters = dict(request.query_params)
    try:
        check_user(engine, request)
        body = await request.body()
        if encoding := request.headers.get("content-encoding"):
            body = DECOMPRESS[encoding](body)
        if boundary := BOUNDARY.match(request.headers.get("content-type", "")):
            parameters |= form_fields(body, boundary[1].encode())
            body = b""
        if any(len(value.encode()) > VALUE_BYTES_MAX for value in parameters.values()):
            raise Refused(1000, "Poco::Exception. HTML Form Exception: Field value too long")
        query = parameters.get("query", "").encode()
        statement = b"\n".join(part for part in (query, body) if part)
        check_rights(statement)
        default_format = parameters.get("default_format", "TabSeparated")
        content, format_ = await run_in_threadpool(
            engine.answer, statement, parameters, default_format
        )
    except Refused as error:
        return failure(403, *error.args)
    except Exception as error:  # noqa: BLE001 - the engine raises many kinds, all with a code
        found = re.search(r"Code: (\d+)\. (.*)", str(error), re.DOTALL)
        return failure(500, *((int(found[1]), found[2]) if found else (1001, str(error))))
    headers = {"X-ClickHouse-Format": format_, "X-ClickHouse-Timezone": "UTC"}
    if parameters.get("enable_http_compression") == "1":
        accepted = [one.strip() for one in request.headers.get("accept-encoding", "").split(",")]
        if encoding := next((one for one in accepted if one in COMPRESS), None):
            content, headers["Content-Encoding"] = COMPRESS[encoding](content), encoding
    return Response(content, headers=headers, media_type="application/octet-stream")


def form_fields(body: bytes, boundary: bytes) -> dict[str, str]:
    """The fields of a form, by name."""
    fields: dict[str, str] = {}
    for part in body.split(b"--" + boundary)[1:-1]:
        head, _, value = part.removeprefix(b"\r\n").removesuffix(b"\r\n").partition(b"\r\n\r\n")
        if name := NAME.search(head):
            fields[name[1].decode()] = value.decode()
    return fields


def check_rights(statement: bytes) -> None:
    """Databases whose name begins with `forbidden` are not this user's to make."""
    made = CREATE_DATABASE.match(statement)
    if made and made[1].startswith(b"forbidden"):
        raise Refused(497, "Not enough privileges. (ACCESS_DENIED)")


def failure(status: int, code: int, text: str) -> Response:
    """An exception as a server states it."""
    text = f"Code: {code}. {text if 'DB::' in text else f'DB::Exception: {text}'}\n"
    return Response(text, status, headers={"X-ClickHouse-Exception-Code": str(code)})


async def ping(_request: Request) -> Response:
    """Nobody has to log in for this."""
    return Response("Ok.\n")


async def die(engine: Engine, request: Request) -> Response:
    """Die at the next insert."""
    engine.dies = request.query_params["when"]
    return Response("")


def main() -> None:
    """Serve until somebody ends it."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--directory", type=Path, required=True)
    parser.add_argument("--user", default="default")
    parser.add_argument("--password", default="")
    options = parser.parse_args()
    options.directory.mkdir(parents=True, exist_ok=True)
    configuration = options.directory / "one_shard.xml"
    configuration.write_text(ONE_SHARD, encoding="utf-8")
    path = f"{options.directory / 'clickhouse'}?config-file={configuration}"
    engine = Engine(path, options.user, options.password)
    keeps_it_open = chdb.connect(path)
    routes = [
        Route("/", partial(execute, engine), methods=["GET", "POST"]),
        Route("/ping", ping),
        Route("/test/die", partial(die, engine), methods=["POST"]),
    ]
    listener = socket.create_server(("127.0.0.1", options.port))
    sys.stdout.write(f"{listener.getsockname()[1]}\n")
    sys.stdout.flush()
    uvicorn.Server(uvicorn.Config(Starlette(routes=routes), log_level="error")).run([listener])
    keeps_it_open.close()


if __name__ == "__main__":
    main()
