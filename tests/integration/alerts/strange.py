"""A loopback server that misbehaves in one of many ways, and keeps the requests that it got."""

from __future__ import annotations

import re
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

Answer = Callable[[socket.socket, str, str], None]


class Strange:
    """url is its address; requests holds (first line, headers, body) in order."""

    def __init__(self, answer: Answer) -> None:
        self.requests: list[tuple[str, str, str]] = []
        self.answer = answer
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"

    def serve(self) -> None:
        while True:
            try:
                client, _address = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self.talk, args=(client,), daemon=True).start()

    def talk(self, client: socket.socket) -> None:
        with client, suppress(OSError):
            client.settimeout(10)
            data = b""
            while b"\r\n\r\n" not in data:
                piece = client.recv(65536)
                if not piece:
                    return
                data += piece
            head, _gap, body = data.partition(b"\r\n\r\n")
            length = re.search(rb"content-length: *(\d+)", head, re.IGNORECASE)
            while length and len(body) < int(length[1]):
                body += client.recv(65536)
            first, _line, headers = head.decode("latin-1").partition("\r\n")
            self.requests.append((first, headers, body.decode("utf-8", "replace")))
            self.answer(client, first, body.decode("utf-8", "replace"))


def http(client: socket.socket, status: int, text: str = "ok", *headers: str) -> None:
    """A well-formed answer."""
    lines = (f"HTTP/1.1 {status} X", f"Content-Length: {len(text.encode())}", "Connection: close", *headers)
    client.sendall(("\r\n".join(lines) + "\r\n\r\n" + text).encode())


def drip(client: socket.socket, *_request: str) -> None:
    """An answer that never ends."""
    client.sendall(b"HTTP/1.1 200 OK\r\n")
    for _second in range(100):
        client.sendall(b"X-Wait: 1\r\n")
        time.sleep(0.1)


BROKEN: dict[str, Answer] = {
    "mail server": lambda client, *_request: client.sendall(b"220 mail.example.org ESMTP ready\r\n"),
    "noise": lambda client, *_request: client.sendall(bytes(range(256)) * 10),
    "nothing": lambda client, *_request: None,
    "half": lambda client, *_request: client.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\nhalf"),
    "half a header": lambda client, *_request: client.sendall(b"HTTP/1.1 200 OK\r\nContent-Le"),
    "endless": drip,
    "redirect 301": lambda client, *_request: http(client, 301, "", "Location: /elsewhere"),
    "redirect 302": lambda client, *_request: http(client, 302, "", "Location: /login"),
    "redirect 303": lambda client, *_request: http(client, 303, "", "Location: /login"),
    "redirect in a circle": lambda client, *_request: http(client, 308, "", "Location: /again"),
    "redirect to a file": lambda client, *_request: http(client, 307, "", "Location: file:///etc/passwd"),
    "sign in": lambda client, *_request: http(client, 200, "<html>Please sign in</html>"),
    "not found with 200": lambda client, *_request: http(client, 200, "OK (not found)"),
    "ok false": lambda client, *_request: http(client, 200, '{"ok": false}'),
    "too many": lambda client, *_request: http(client, 429, "rate"),
    "bad length": lambda client, *_request: client.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: x\r\nTransfer-Encoding: chunked\r\n\r\nzz"),
}  # fmt: skip


@contextmanager
def running(answer: Answer) -> Iterator[Strange]:
    server = Strange(answer)
    threading.Thread(target=server.serve, daemon=True).start()
    try:
        yield server
    finally:
        server.listener.close()
