# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a dump without a manifest is whole, judged by its own bytes."""

from __future__ import annotations

import subprocess
import zlib
from collections.abc import Iterator
from contextlib import contextmanager

from ..programs import start
from .naming import FileName

_END = b"PostgreSQL database dump complete"
_PIECE = 1 << 20


def content_problem(path: str, parsed: FileName) -> str:
    """Why the dump cannot be whole; empty if nothing speaks against it.

    Decodes all of it: a plain dump must end with pg_dump's last line and create at least one table; an archive must begin
    as one. What only a restore can show is not looked for.
    """
    if parsed.encrypted or parsed.format == "directory":
        return ""
    tail, tables, first = b"", 0, b""
    try:
        with decoded(
            path, parsed.compression if parsed.format == "plain" or parsed.compression == "zstd" else "none"
        ) as pieces:
            for piece in pieces:
                first = first or piece[:5]
                if parsed.format == "plain" and not tables:
                    tables = (tail[-20:] + piece).count(b"CREATE TABLE ")
                tail = (tail + piece)[-4096:]
    except (OSError, EOFError, zlib.error) as error:
        return f"it cannot be decoded to its end ({error})"
    if parsed.format != "plain":
        return "" if first == b"PGDMP" else "it is not an archive of pg_dump"
    if _END not in tail:
        return "it is cut: pg_dump's last line is missing"
    return "" if tables else "it holds no table: the dump of an empty database"


@contextmanager
def decoded(path: str, compression: str) -> Iterator[Iterator[bytes]]:
    """The file's content in pieces.

    Raises:
        EOFError, OSError, zlib.error: from the pieces, when the compressed stream is cut or damaged.
    """
    if compression == "zstd":
        with _from_zstd(path) as pieces:
            yield pieces
        return
    with open(path, "rb") as stream:
        plain = iter(lambda: stream.read(_PIECE), b"")
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
            out = decoder.decompress(piece, 4 * _PIECE)
            if out:
                yield out
            piece = decoder.unused_data if decoder.eof else decoder.unconsumed_tail
    while started and not decoder.eof:
        out = decoder.decompress(decoder.unconsumed_tail, 4 * _PIECE)
        if not out:
            break
        yield out
    if not started or not decoder.eof:
        raise EOFError("the gzip stream ends too early")


@contextmanager
def _from_zstd(path: str) -> Iterator[Iterator[bytes]]:
    with (
        open(path, "rb") as stream,
        start(["zstd", "-dcq"], stdin=stream, stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd="/") as process,
    ):
        source = process.stdout
        if source is None:
            raise OSError("zstd has no output")

        def pieces() -> Iterator[bytes]:
            while piece := source.read(_PIECE):
                yield piece
            if process.wait():
                said = process.stderr.read().decode(errors="replace") if process.stderr else ""
                raise EOFError(" ".join(said.split()) or f"zstd ended with status {process.returncode}")

        try:
            yield pieces()
        finally:
            if process.poll() is None:
                process.kill()
