"""A provider on loopback that speaks HTTP/2, and answers one connection."""

import socket
import threading
from collections.abc import Generator
from contextlib import contextmanager

from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.events import StreamEnded

_PIECE_BYTES = 100


@contextmanager
def running_http2(body: bytes) -> Generator[str]:
    """The URL of a server that answers every request with `body`, as a stream of events."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=_serve, args=(listener, body))
        thread.start()
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            thread.join()


def _serve(listener: socket.socket, body: bytes) -> None:
    peer, _ = listener.accept()
    with peer:
        connection = H2Connection(config=H2Configuration(client_side=False))
        connection.initiate_connection()
        peer.sendall(connection.data_to_send())
        while received := peer.recv(65536):
            for event in connection.receive_data(received):
                if isinstance(event, StreamEnded):
                    _answer(connection, event.stream_id, body)
            peer.sendall(connection.data_to_send())


def _answer(connection: H2Connection, stream_id: int, body: bytes) -> None:
    headers = [(":status", "200"), ("content-type", "text/event-stream")]
    connection.send_headers(stream_id, headers)
    for start in range(0, len(body), _PIECE_BYTES):
        connection.send_data(stream_id, body[start : start + _PIECE_BYTES])
    connection.end_stream(stream_id)
