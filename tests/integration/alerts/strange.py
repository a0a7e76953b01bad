"""A loopback server that misbehaves in one of many ways, and keeps the requests that it got."""

from __future__ import annotations

import gzip
import re
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

Answer = Callable[[socket.socket, str, str], None]


class Strange:
    """url is its address; requests holds (first line, headers, body) in order."""

    def __init__(self, answer: Answer, host: str) -> None:
        self.requests: list[tuple[str, str, str]] = []
        self.answer = answer
        self.listener = socket.create_server((host, 0), family=socket.AF_INET6 if ":" in host else socket.AF_INET)
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


def packed(client: socket.socket, body: bytes) -> None:
    """A well-formed answer that nobody wanted compressed."""
    content = gzip.compress(body)
    head = f"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: {len(content)}\r\nConnection: close\r\n\r\n"
    client.sendall(head.encode() + content)


def chunks(client: socket.socket) -> None:
    """A body that never ends, a little at a time."""
    client.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    for _second in range(100):
        client.sendall(b"1\r\nx\r\n")
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
    "ok false, packed": lambda client, *_request: packed(client, b'{"ok": false}'),
    "packed badly": lambda client, *_request: http(client, 200, "no gzip at all", "Content-Encoding: gzip"),
    "not found as JSON": lambda client, *_request: http(client, 200, '{"detail": "Not found."}'),
    "too long": lambda client, *_request: http(client, 413, ""),
    "not modified": lambda client, *_request: http(client, 304, ""),
    "several choices": lambda client, *_request: http(client, 300, "", "Location: /other"),
    "a proxy to use": lambda client, *_request: http(client, 305, "", "Location: http://127.0.0.1:1/"),
    "ssh": lambda client, *_request: client.sendall(b"SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n"),
    "tls": lambda client, *_request: client.sendall(b"\x15\x03\x01\x00\x02\x02\x46"),
    "chunks without end": lambda client, *_request: chunks(client),
    "too many, later": lambda client, *_request: http(client, 429, "", "Retry-After: 30"),
    "too many": lambda client, *_request: http(client, 429, "rate"),
    "bad length": lambda client, *_request: client.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: x\r\nTransfer-Encoding: chunked\r\n\r\nzz"),
}  # fmt: skip


@contextmanager
def running(answer: Answer, host: str = "127.0.0.1") -> Iterator[Strange]:
    server = Strange(answer, host)
    threading.Thread(target=server.serve, daemon=True).start()
    try:
        yield server
    finally:
        server.listener.close()
