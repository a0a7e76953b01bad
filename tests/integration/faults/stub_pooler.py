"""A pooler that is not PgBouncer: what others do differently, as far as a client notices."""

from __future__ import annotations

import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any, NamedTuple

from ansible_collections.titan.database.plugins.module_utils._engine.postgres.connection import ConnectionSettings

_SSL_REQUEST = 80877103


class Session:
    """One session of the server, and how it began: what the pooler tells each client that connects."""

    def __init__(self, target: ConnectionSettings, startup: bytes = b"") -> None:
        self.socket = socket.create_connection((target.host, target.port))
        words = ("user", target.user, "database", target.database, "client_encoding", "UTF8", "")
        startup = startup or struct.pack("!i", 196608) + b"".join(word.encode() + b"\0" for word in words)
        self.socket.sendall(struct.pack("!i", len(startup) + 4) + startup)
        self.began = b""
        for kind, message in messages(self.socket):
            self.began += message
            if kind == b"Z":
                break

    def run(self, statement: bytes) -> None:
        self.socket.sendall(b"Q" + struct.pack("!i", len(statement) + 5) + statement + b"\0")
        for kind, _message in messages(self.socket):
            if kind == b"Z":
                break


class Behaviour(NamedTuple):
    """What a pooler does.

    Attributes:
        keys: "forwarded": a client is told the number of the server process that the pooler began with; "own": another one.
        newest_first: The session that came back last is given out next, not the one that has rested longest.
        sessions: How many it has, in each process.
        keeps: A client keeps its session until it leaves, which is reset then.
        faithful: A client gets the session that it had last while that is free, and a new client one that was nobody's.
        processes: How many, each with sessions of its own; clients are led to them in turn.
        passes_on: A session begins with what its first client began with; there is none before.
        resets: After each transaction, too.
    """

    keys: str = "own"
    newest_first: bool = True
    sessions: int = 3
    keeps: bool = False
    faithful: bool = False
    processes: int = 1
    passes_on: bool = False
    resets: bool = False


class Process:
    """A part of a pooler that knows nothing of the sessions of the others."""

    def __init__(self, target: ConnectionSettings, does: Behaviour) -> None:
        self._target, self._does = target, does
        self._turn = threading.Condition()
        self._idle = [] if does.passes_on else [Session(target) for _one in range(does.sessions)]
        self.all = list(self._idle)

    def take(self, last: Session | None = None, startup: bytes = b"") -> Session:
        with self._turn:
            if self._does.passes_on and not self._idle and len(self.all) < self._does.sessions:
                self.all.append(Session(self._target, startup))
                return self.all[-1]
            self._turn.wait_for(lambda: bool(self._idle))
            if last in self._idle and self._does.faithful:
                self._idle.remove(last)
                return last
            return self._idle.pop(-1 if self._does.newest_first and not self._does.faithful else 0)

    def give_back(self, session: Session) -> None:
        with self._turn:
            self._idle.append(session)
            self._turn.notify()


class StubPooler:
    """Gives a client a session of the server, for each transaction; settings at the start are ignored without a word.

    Attributes:
        settings: Leads to it.
        processes: Its parts.
    """

    def __init__(self, target: ConnectionSettings, does: Behaviour) -> None:
        self._does = does
        self.processes = [Process(target, does) for _one in range(does.processes)]
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._clients: list[socket.socket] = []
        self.settings = target._replace(port=self._listener.getsockname()[1], host="127.0.0.1", socket="")
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        self._listener.close()
        for one in [*self._clients, *(session.socket for process in self.processes for session in process.all)]:
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _address = self._listener.accept()
                self._clients.append(client)
                process = self.processes[len(self._clients) % len(self.processes)]
                threading.Thread(target=self._serve, args=(client, process), daemon=True).start()

    def _greet(self, client: socket.socket, process: Process) -> None:
        while struct.unpack("!ii", client.recv(8, socket.MSG_WAITALL | socket.MSG_PEEK))[1] == _SSL_REQUEST:
            client.recv(8)
            client.sendall(b"N")
        length = struct.unpack("!i", client.recv(4, socket.MSG_WAITALL))[0]
        first = process.take(startup=client.recv(length - 4, socket.MSG_WAITALL))
        began = first.began
        process.give_back(first)
        if self._does.keys == "own":
            at = began.index(b"K\0\0\0\x0c") + 5
            began = began[:at] + struct.pack("!i", 1_000_000_007) + began[at + 4 :]
        client.sendall(began)

    def _serve(self, client: socket.socket, process: Process) -> None:
        with suppress(OSError, struct.error, IndexError):
            self._greet(client, process)
            session: Session | None = None
            last: Session | None = None
            try:
                for kind, message in messages(client):
                    if kind == b"X":
                        break
                    session = session or process.take(last)
                    session.socket.sendall(message)
                    if self._answer(session, client) and not self._does.keeps:
                        if self._does.resets:
                            session.run(b"DISCARD ALL")
                        process.give_back(session)
                        last, session = session, None
            finally:
                if session:
                    for reset in (b"ROLLBACK", *((b"DISCARD ALL",) if self._does.keeps else ())):
                        session.run(reset)
                    process.give_back(session)
        client.close()

    @staticmethod
    def _answer(session: Session, client: socket.socket) -> bool:
        """Pass the answer to one request on; whether no transaction is open after it. A session that ends takes its client along."""
        for kind, message in messages(session.socket):
            client.sendall(message)
            if kind == b"Z":
                return message[-1:] == b"I"
        client.shutdown(socket.SHUT_RDWR)
        return False


def messages(source: socket.socket) -> Iterator[tuple[bytes, bytes]]:
    """(type, the whole message) of each one of the protocol, until the other side goes."""
    while head := source.recv(5, socket.MSG_WAITALL):
        length = struct.unpack("!i", head[1:])[0] - 4
        yield head[:1], head + (source.recv(length, socket.MSG_WAITALL) if length else b"")


@contextmanager
def stub_pooler(target: ConnectionSettings, **does: Any) -> Iterator[StubPooler]:
    made = StubPooler(target, Behaviour(**does))
    try:
        yield made
    finally:
        made.close()
