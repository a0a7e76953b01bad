# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a dump without a manifest is whole, judged by its own bytes."""

from __future__ import annotations

import subprocess
import zlib
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import IO, Any

from ...errors import TitanError
from ...host.files import require_private_key
from ...host.safe_open import regular_stream
from ..programs.codecs import GZIP, NONE, decompressors
from ..programs.pipeline import PIECE, Chain, Deadline, Program, chain
from .naming import FileName

_END = b"PostgreSQL database dump complete"
_TAIL = 4096
NO_TABLE = "it holds no table: the dump of an empty database"


def content_problem(path: str, parsed: FileName, identity: str = "", deadline: Deadline | None = None) -> str:
    """Why the dump cannot be whole; empty if nothing speaks against it.

    Decodes all of it: a plain dump must end with pg_dump's last line and create at least one table; an archive must begin
    as one. What only a restore can show is not looked for.
    """
    if (parsed.encrypted and not identity) or parsed.format == "directory":
        return ""
    seen = _Seen()
    try:
        with decoded(path, parsed.packed, identity if parsed.encrypted else "", deadline) as pieces:
            for piece in pieces:
                seen.add(piece)
    except (OSError, EOFError, zlib.error, TitanError) as error:
        return f"it cannot be decoded to its end ({error})"
    if parsed.format != "plain":
        return "" if seen.first == b"PGDMP" else "it is not an archive of pg_dump"
    return seen.problem()


class _Seen:
    """What a look at all of a dump has shown."""

    def __init__(self) -> None:
        self.first = self._tail = b""
        self._tables = 0

    def add(self, piece: bytes) -> None:
        self.first = self.first or piece[:5]
        if not self._tables:
            self._tables = (self._tail[-20:] + piece).count(b"CREATE TABLE ")
        self._tail = piece[-_TAIL:] if len(piece) >= _TAIL else (self._tail + piece)[-_TAIL:]

    def problem(self) -> str:
        """Why a plain dump cannot be whole; empty if nothing speaks against it."""
        if _END not in self._tail:
            return "it is cut: pg_dump's last line is missing"
        return "" if self._tables else NO_TABLE


class WrittenGzip:
    """Decodes a plain dump, compressed by gzip, while it is written: content_problem() without reading it again."""

    def __init__(self) -> None:
        self._inflater, self._seen = _Inflater(), _Seen()
        self._problem = ""

    def write(self, piece: bytes) -> None:
        """Take the next piece. What is wrong with it is told at the end: a program that failed is the better reason."""
        if not self._problem:
            self._look(self._inflater.add(piece))

    def finish(self) -> None:
        """Look whether it was all.

        Raises:
            TitanError: it cannot be decoded to its end, or the dump's own end is missing.
        """
        if not self._problem:
            self._look(self._inflater.rest())
        problem = self._problem or self._seen.problem()
        if problem and problem != NO_TABLE:
            raise TitanError(f"What the compressor wrote is not the dump: {problem}.")

    def _look(self, pieces: Iterator[bytes]) -> None:
        try:
            for piece in pieces:
                self._seen.add(piece)
        except (EOFError, zlib.error) as error:
            self._problem = f"it cannot be decoded to its end ({error})"


@contextmanager
def decoded(
    path: str, compression: str, identity: str = "", deadline: Deadline | None = None
) -> Iterator[Iterator[bytes]]:
    """The file's content in pieces; they must be taken to the end.

    Args:
        path: The file.
        compression: Of the file.
        identity: Path of the age identity to decrypt it with; empty for a file that is not encrypted.
        deadline: When the programs that decode are killed.

    Raises:
        EOFError, OSError, zlib.error, TitanError: from the pieces or at the end, when the file is cut or damaged.
    """
    if identity or compression not in (GZIP, NONE):
        with through(decoders(compression, identity), path, deadline, subprocess.PIPE) as started:
            yield started.pieces()
    else:
        with regular_stream(path) as stream:
            plain = iter(lambda: stream.read(PIECE), b"")
            yield _gunzip(plain) if compression == GZIP else plain


def _gunzip(pieces: Iterator[bytes]) -> Iterator[bytes]:
    inflater = _Inflater()
    for piece in pieces:
        yield from inflater.add(piece)
    yield from inflater.rest()


class _Inflater:
    """Decodes all members of a gzip stream; unlike the gzip module, without slow Python code for each block."""

    def __init__(self) -> None:
        self._decoder = zlib.decompressobj(wbits=31)
        self._started = False

    def add(self, piece: bytes) -> Iterator[bytes]:
        while piece:
            if self._decoder.eof:
                piece = piece.lstrip(b"\0")
                if not piece:
                    break
                self._decoder = zlib.decompressobj(wbits=31)
            self._started = True
            out = self._decoder.decompress(piece, 4 * PIECE)
            if out:
                yield out
            piece = self._decoder.unused_data if self._decoder.eof else self._decoder.unconsumed_tail

    def rest(self) -> Iterator[bytes]:
        while self._started and not self._decoder.eof:
            out = self._decoder.decompress(self._decoder.unconsumed_tail, 4 * PIECE)
            if not out:
                break
            yield out
        if not self._started or not self._decoder.eof:
            raise EOFError("the gzip stream ends too early")


def decode_to(
    target: IO[bytes], path: str, compression: str, identity: str = "", deadline: Deadline | None = None
) -> None:
    """Write the content of a file that is compressed or encrypted to the target; the arguments are those of decoded().

    Raises:
        TitanError: the file is cut or damaged.
    """
    with through(decoders(compression, identity), path, deadline, target):
        pass


def decoders(compression: str, identity: str = "") -> list[list[str]]:
    """The commands that decrypt and decompress a dump, one behind the other."""
    return [*([decryption(identity)] if identity else []), *decompressors(compression)]


def require_identity(path: str, identity: str) -> None:
    """Refuse to go on with an encrypted file without a key.

    Raises:
        TitanError: no identity was given.
    """
    if not identity:
        raise TitanError(f"{path} is encrypted: name the file with the age identity in the option 'identity'.")


def decryption(identity: str) -> list[str]:
    """The command that decrypts with the age identity.

    Raises:
        TitanError: everybody may read the identity.
    """
    require_private_key(identity, "identity")
    return ["age", "--decrypt", f"--identity={identity}"]


@contextmanager
def through(commands: Sequence[Sequence[str]], path: str, deadline: Deadline | None, stdout: Any) -> Iterator[Chain]:
    """A chain of programs that reads the file; it has to be read to its end.

    Raises:
        TitanError: one of the programs fails.
    """
    programs = [Program(command) for command in commands]
    with ExitStack() as stack:
        stream = stack.enter_context(regular_stream(path))
        yield stack.enter_context(chain(programs, deadline or Deadline(0), stdin=stream, stdout=stdout))
