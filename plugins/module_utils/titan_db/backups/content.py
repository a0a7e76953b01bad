# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a dump without a manifest is whole, judged by its own bytes."""

from __future__ import annotations

import subprocess
import zlib
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from ..errors import TitanError
from .naming import FileName
from .pipeline import PIECE, Deadline, Program, chain

_END = b"PostgreSQL database dump complete"
_TAIL = 4096


def content_problem(path: str, parsed: FileName, identity: str = "", deadline: Deadline | None = None) -> str:
    """Why the dump cannot be whole; empty if nothing speaks against it.

    Decodes all of it: a plain dump must end with pg_dump's last line and create at least one table; an archive must begin
    as one. What only a restore can show is not looked for.
    """
    if (parsed.encrypted and not identity) or parsed.format == "directory":
        return ""
    compression = parsed.compression if parsed.format == "plain" or parsed.compression == "zstd" else "none"
    tail, tables, first = b"", 0, b""
    try:
        with decoded(path, compression, identity if parsed.encrypted else "", deadline) as pieces:
            for piece in pieces:
                first = first or piece[:5]
                if parsed.format == "plain" and not tables:
                    tables = (tail[-20:] + piece).count(b"CREATE TABLE ")
                tail = piece[-_TAIL:] if len(piece) >= _TAIL else (tail + piece)[-_TAIL:]
    except (OSError, EOFError, zlib.error, TitanError) as error:
        return f"it cannot be decoded to its end ({error})"
    if parsed.format != "plain":
        return "" if first == b"PGDMP" else "it is not an archive of pg_dump"
    if _END not in tail:
        return "it is cut: pg_dump's last line is missing"
    return "" if tables else "it holds no table: the dump of an empty database"


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
    unpack = {"zstd": [["zstd", "-dcq"]], "gzip": [["gzip", "-dc"]]}.get(compression, [])
    if identity:
        with _through([["age", "--decrypt", f"--identity={identity}"], *unpack], path, deadline) as pieces:
            yield pieces
    elif compression == "zstd":
        with _through(unpack, path, deadline) as pieces:
            yield pieces
    else:
        with open(path, "rb") as stream:
            plain = iter(lambda: stream.read(PIECE), b"")
            yield _gunzip(plain) if compression == "gzip" else plain


def _gunzip(pieces: Iterator[bytes]) -> Iterator[bytes]:
    """All members of a gzip stream; unlike the gzip module, without slow Python code for each block."""
    decoder = zlib.decompressobj(wbits=31)
    started = False
    for piece in pieces:
        while piece:
            if decoder.eof:
                piece = piece.lstrip(b"\0")
                if not piece:
                    break
                decoder = zlib.decompressobj(wbits=31)
            started = True
            out = decoder.decompress(piece, 4 * PIECE)
            if out:
                yield out
            piece = decoder.unused_data if decoder.eof else decoder.unconsumed_tail
    while started and not decoder.eof:
        out = decoder.decompress(decoder.unconsumed_tail, 4 * PIECE)
        if not out:
            break
        yield out
    if not started or not decoder.eof:
        raise EOFError("the gzip stream ends too early")


@contextmanager
def _through(commands: list[list[str]], path: str, deadline: Deadline | None) -> Iterator[Iterator[bytes]]:
    """The file's content after a chain of programs."""
    programs = [Program(command) for command in commands]
    with ExitStack() as stack:
        stream = stack.enter_context(open(path, "rb"))
        started = stack.enter_context(chain(programs, deadline or Deadline(0), stdin=stream, stdout=subprocess.PIPE))
        yield iter(lambda: started.output.read(PIECE), b"")
