"""A TCP proxy in front of a test server: a network that falls silent, loses an answer, or breaks."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from ansible_collections.titan.database.plugins.module_utils._engine.postgres.connection import ConnectionSettings


class Proxy:
    """Passes everything on until it is told otherwise; what it says of itself may be set at any time, from any thread.

    Attributes:
        silent: Nothing is passed on any more, in either direction, and no connection is closed: no FIN, no RST.
        silent_after: The same from so many bytes on that the server has sent, all connections together; -1 for never.
        silent_at: The same from this request on, counted over all connections from 1; 0 for never.
        request_arrives: Whether that request still reaches the server.
        cuts: All connections are closed at that request instead.
        requests: How many there were.
        fell_silent: When it did so, by the monotonic clock.
        lose_answer_to: The first request that contains this (or, after "^", begins with it) reaches the server; its answer,
            and the connection, are lost.
        lose_after: Only once a request contained this, too.
        lost: How many answers were lost.
    """

    def __init__(self, target: ConnectionSettings) -> None:
        self.silent, self.silent_after, self.lose_answer_to, self.lost = False, -1, b"", 0
        self.lose_after, self._armed = b"", False
        self.silent_at, self.request_arrives, self.requests, self.fell_silent = 0, False, 0, 0.0
        self.cuts = False
        self._counting = threading.Lock()
        self._target, self._sent = (target.host, target.port), 0
        self._sockets: list[socket.socket] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.settings = target._replace(port=self._listener.getsockname()[1], host="127.0.0.1", socket="")
        self._accepting = threading.Thread(target=self._accept, daemon=True)
        self._accepting.start()

    def close(self) -> None:
        """A listener's number is free for the next one when nobody waits at it any more: else that one's clients come here."""
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        if threading.current_thread() is not self._accepting:
            self._accepting.join(10)
        self._listener.close()
        for one in self._sockets:
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()

    def _is_it(self, piece: bytes) -> bool:
        self._armed = self._armed or self.lose_after in piece
        statement = piece[5:]  # of the simple protocol: Q, length, text
        start = self.lose_answer_to.startswith(b"^")
        return self._armed and (
            statement.startswith(self.lose_answer_to[1:]) if start else self.lose_answer_to in piece
        )

    def _is_the_one(self) -> bool:
        """Count a request; whether the network falls silent at it."""
        with self._counting:
            self.requests += 1
            return self.requests == self.silent_at

    def _accept(self) -> None:
        while True:
            try:
                client, _address = self._listener.accept()
                server = socket.create_connection(self._target)
            except OSError:
                return
            self._sockets += [client, server]
            if self._listener.fileno() < 0:  # closed meanwhile
                self.close()
                return
            lost = threading.Event()
            for source, sink, down in ((client, server, False), (server, client, True)):
                threading.Thread(target=self._pass_on, args=(source, sink, down, lost), daemon=True).start()

    def _pass_on(self, source: socket.socket, sink: socket.socket, down: bool, lost: threading.Event) -> None:
        with suppress(OSError):
            while piece := source.recv(65536):
                if down:
                    self._sent += len(piece)
                    self.silent = self.silent or 0 <= self.silent_after < self._sent
                elif self._is_the_one():
                    if self.request_arrives:
                        sink.sendall(piece)
                    if self.cuts:
                        self.close()
                        return
                    self.silent, self.fell_silent = True, time.monotonic()
                while self.silent:
                    time.sleep(0.05)
                    if source.fileno() < 0:
                        return
                if not down and self.lose_answer_to and self._is_it(piece):
                    self.lose_answer_to = b""
                    lost.set()
                    self.lost += 1
                if down and lost.is_set():
                    break
                sink.sendall(piece)
        while self.silent and source.fileno() >= 0:  # who has gone is not told of either
            time.sleep(0.05)
        for one in (source, sink):
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)


@contextmanager
def proxy(target: ConnectionSettings) -> Iterator[Proxy]:
    made = Proxy(target)
    try:
        yield made
    finally:
        made.close()
