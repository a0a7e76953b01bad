"""A pooler that is not PgBouncer: what others do differently, as far as a client notices."""

from __future__ import annotations

import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from ansible_collections.titan.database.plugins.module_utils._engine.postgres.connection import ConnectionSettings

_SSL_REQUEST = 80877103


class Session:
    """One session of the server, and how it began: what the pooler tells each client that connects."""

    def __init__(self, target: ConnectionSettings) -> None:
        self.socket = socket.create_connection((target.host, target.port))
        words = ("user", target.user, "database", target.database, "client_encoding", "UTF8", "")
        startup = struct.pack("!i", 196608) + b"".join(word.encode() + b"\0" for word in words)
        self.socket.sendall(struct.pack("!i", len(startup) + 4) + startup)
        self.began = b""
        for kind, message in messages(self.socket):
            self.began += message
            if kind == b"Z":
                break


class StubPooler:
    """Gives a client a session of the server, for each transaction; settings at the start are ignored without a word.

    Attributes:
        settings: Leads to it.
        keys: "forwarded": a client is told the number of the server process that the pooler began with; "own": another one.
        newest_first: The session that came back last is given out next, not the one that has rested longest.
        keeps: A client keeps its session until it leaves, which is reset then.
    """

    def __init__(self, target: ConnectionSettings, keys: str, newest_first: bool, sessions: int, keeps: bool) -> None:
        self.keys, self.newest_first, self.keeps = keys, newest_first, keeps
        self._idle = [Session(target) for _one in range(sessions)]
        self._turn = threading.Condition()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._open: list[socket.socket] = [session.socket for session in self._idle]
        self.settings = target._replace(port=self._listener.getsockname()[1], host="127.0.0.1", socket="")
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        self._listener.close()
        for one in self._open:
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _address = self._listener.accept()
                self._open.append(client)
                threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _take(self) -> Session:
        with self._turn:
            self._turn.wait_for(lambda: bool(self._idle))
            return self._idle.pop(-1 if self.newest_first else 0)

    def _give_back(self, session: Session) -> None:
        with self._turn:
            self._idle.append(session)
            self._turn.notify()

    def _serve(self, client: socket.socket) -> None:
        with suppress(OSError, struct.error):
            while struct.unpack("!ii", client.recv(8, socket.MSG_WAITALL | socket.MSG_PEEK))[1] == _SSL_REQUEST:
                client.recv(8)
                client.sendall(b"N")
            length = struct.unpack("!i", client.recv(4, socket.MSG_WAITALL))[0]
            client.recv(length - 4, socket.MSG_WAITALL)
            first = self._take()
            began = first.began
            self._give_back(first)
            if self.keys == "own":
                at = began.index(b"K\0\0\0\x0c") + 5
                began = began[:at] + struct.pack("!i", 1_000_000_007) + began[at + 4 :]
            client.sendall(began)
            session: Session | None = None
            try:
                for kind, message in messages(client):
                    if kind == b"X":
                        break
                    session = session or self._take()
                    session.socket.sendall(message)
                    if self._answer(session, client) and not self.keeps:
                        self._give_back(session)
                        session = None
            finally:
                if session:
                    for reset in (b"ROLLBACK\0", *((b"DISCARD ALL\0",) if self.keeps else ())):
                        session.socket.sendall(b"Q" + struct.pack("!i", len(reset) + 4) + reset)
                        for kind, _message in messages(session.socket):
                            if kind == b"Z":
                                break
                    self._give_back(session)
        client.close()

    @staticmethod
    def _answer(session: Session, client: socket.socket) -> bool:
        """Pass the answer to one request on; whether no transaction is open after it."""
        for kind, message in messages(session.socket):
            client.sendall(message)
            if kind == b"Z":
                return message[-1:] == b"I"
        return False


def messages(source: socket.socket) -> Iterator[tuple[bytes, bytes]]:
    """(type, the whole message) of each one of the protocol, until the other side goes."""
    while head := source.recv(5, socket.MSG_WAITALL):
        length = struct.unpack("!i", head[1:])[0] - 4
        yield head[:1], head + (source.recv(length, socket.MSG_WAITALL) if length else b"")


@contextmanager
def stub_pooler(
    target: ConnectionSettings, keys: str = "own", newest_first: bool = True, sessions: int = 3, keeps: bool = False
) -> Iterator[StubPooler]:
    made = StubPooler(target, keys, newest_first, sessions, keeps)
    try:
        yield made
    finally:
        made.close()
