"""A loopback HTTP server that keeps what it is sent: messages and pings."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class Stub:
    """url is its address; received holds (path, body) in order; answers may be set to another status."""

    def __init__(self) -> None:
        self.received: list[tuple[str, str]] = []
        self.status = 200
        stub = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
                stub.received.append((self.path, body))
                self.send_response(stub.status)
                self.end_headers()

            def do_GET(self) -> None:
                self.send_response(stub.status)
                self.end_headers()

            def log_message(self, *_args: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"

    def messages(self) -> list[dict[str, Any]]:
        return [json.loads(body) for path, body in self.received if path == "/message"]

    def pings(self) -> list[str]:
        return [path for path, _body in self.received if path != "/message"]


@contextmanager
def running_stub() -> Iterator[Stub]:
    stub = Stub()
    thread = threading.Thread(target=stub.server.serve_forever, daemon=True)
    thread.start()
    try:
        yield stub
    finally:
        stub.server.shutdown()
        stub.server.server_close()
