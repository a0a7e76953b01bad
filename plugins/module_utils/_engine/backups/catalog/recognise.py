# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What kind of dump a file of others is, judged by its first bytes: their names say little."""

from __future__ import annotations

import os
import re
import stat
import subprocess
from collections.abc import Iterator

from ...errors import OptionError, TitanError
from ...host.safe_open import regular_stream
from ..programs.codecs import NONE, joined
from ..programs.pipeline import Chain, Deadline, Program
from .files import irregular_member
from .integrity import decoders, require_identity
from .naming import DumpKind

_HEAD = 1 << 16
_AGE = (b"age-encryption.org/", b"-----BEGIN AGE ENCRYPTED FILE-----")
_COMPRESSIONS = ((b"\x1f\x8b", "gzip"), (b"\x28\xb5\x2f\xfd", "zstd"), (b"\xfd7zXZ\0", "xz"), (b"BZh", "bzip2"))
_MOST_COMPRESSIONS = 3  # scripts compress what pg_dump, or a program before them, has compressed
_ARCHIVE, _CUSTOM, _FORMAT_AT = b"PGDMP", 1, 10
_TAR, _TAR_AT, _TAR_BLOCK = b"ustar", 257, 512
_TOC = "toc.dat"
_CLUSTER = re.compile(rb"(?:\xef\xbb\xbf)?\s*--\s*\n-- PostgreSQL database cluster dump\r?\n")
_PLAIN = re.compile(rb"(?:\xef\xbb\xbf)?\s*--\s*\n-- PostgreSQL database dump\r?\n")
_SOURCE = re.compile(rb"^-- Dumped from database version (\d+)", re.MULTILINE)
_TOOL = re.compile(rb"^-- Dumped by pg_dump version (\d+)", re.MULTILINE)
_MAJOR = re.compile(rb"(\d{1,2})(?!\d)")
_TIME_PARTS, _NUMBER = 7, 5  # numbers of the time; bytes of a number: a sign and four digits
_ENCODING = re.compile(rb"SET client_encoding = '(\w+)'")
# What lies in a base backup: in a server's data directory, beside the tar archives of one, and in the directories of barman and wal-g.
_BASE_BACKUP = {
    "PG_VERSION", "backup_label", "backup_manifest", "backup.info", "base.tar", "base.tar.gz", "tar_partitions", "basebackups_005",
}  # fmt: skip
_OF_BARMAN = {"base", "wals"}
_IN_BASE_BACKUP = re.compile(
    rb"(?:[^/]+/)?(?:PG_VERSION|backup_label|(?:base|global|pg_wal|pg_xact)/.*|[0-9A-F]{24}(?:\.partial)?)"
)
_NO_BASE_BACKUP = (
    "It is a base backup of a whole server (pg_basebackup, barman, wal-g), not a dump. pg_verifybackup checks its files; only a server "
    "started on a copy of it shows that it can be used. Backups by pgBackRest are drilled from their own directory."
)
_NO_DUMP = (
    "It is not a dump of PostgreSQL: it begins neither as the text of pg_dump or pg_dumpall nor as an archive of pg_dump (custom, "
    "directory, tar), also behind gzip, zstd, xz, bzip2 and age."
)
# The begin of pg_dump's text, with a mark of the order of bytes or without one.
_UTF_16 = tuple(
    mark + begin.encode(code)
    for code, mark in (("utf-16-le", b"\xff\xfe"), ("utf-16-be", b"\xfe\xff"))
    for mark in (mark, b"")
    for begin in ("--", "\n--", "\r\n--")
)
_IN_UTF_16 = (
    "It is text in UTF-16, as PowerShell writes what is redirected. Convert it (iconv -f UTF-16 -t UTF-8), and let pg_dump write its "
    "file itself (--file)."
)


def recognise(path: str, identity: str = "", deadline: Deadline | None = None) -> DumpKind:
    """What kind of dump it is.

    Args:
        path: A regular file, or the directory that holds toc.dat.
        identity: Path of the age identity; empty if there is none.
        deadline: When the programs that decode are killed.

    Raises:
        OptionError: there is no such file.
        TitanError: it is no dump, or its first bytes cannot be decoded.
    """
    try:
        mode = os.stat(path).st_mode
    except OSError as error:
        raise OptionError("source", path, f"It cannot be read ({error.strerror}).") from error
    if stat.S_ISDIR(mode):
        return _directory(path, deadline)
    if not stat.S_ISREG(mode):
        raise _unusable(path, "It is not a regular file, nor a directory written by pg_dump.")
    head = _head(path, "", NONE, deadline)
    encrypted = head.startswith(_AGE)
    if encrypted:
        require_identity(path, identity)
        head = _head(path, identity, NONE, deadline)
    packed: list[str] = []
    while (found := _compression(head)) != NONE:
        if len(packed) == _MOST_COMPRESSIONS:
            raise _unusable(path, f"It is compressed more than {_MOST_COMPRESSIONS} times: undo one compression.")
        packed.append(found)
        head = _head(path, identity if encrypted else "", joined(packed), deadline)
    if not head:
        raise _unusable(path, "It is empty.")
    return _kind(path, head, joined(packed), encrypted)


def _unusable(path: str, why: str) -> TitanError:
    return TitanError(f"{path} cannot be used. {why}", path=path)


def _directory(path: str, deadline: Deadline | None) -> DumpKind:
    contents = os.path.join(path, _TOC)
    names = _names_in(path)
    if names & _BASE_BACKUP or names >= _OF_BARMAN:
        raise _unusable(path, _NO_BASE_BACKUP)
    if not os.path.isfile(contents):
        raise _unusable(path, f"It must be a dump of pg_dump's format directory: {_TOC} is not in it.")
    irregular = irregular_member(path)
    if irregular:
        raise _unusable(path, f"{irregular[0].upper()}{irregular[1:]}.")
    head = _head(contents, "", NONE, deadline)
    if not head.startswith(_ARCHIVE):
        raise _unusable(path, f"It is not a dump: its {_TOC} does not begin as one.")
    return DumpKind("directory", NONE, False, *_of_archive(head))


def _names_in(path: str) -> set[str]:
    try:
        return set(os.listdir(path))
    except OSError as error:
        raise OptionError("source", path, f"It cannot be read ({error.strerror}).") from error


def _members(head: bytes) -> Iterator[bytes]:
    """The names at the begin of a tar archive, as far as they can be read; at least one."""
    at = 0
    while head[at + _TAR_AT : at + _TAR_AT + len(_TAR)] == _TAR:
        yield head[at : at + 100].rstrip(b"\0").removeprefix(b"./")
        size = head[at + 124 : at + 135].strip(b" \0")
        if not re.fullmatch(rb"[0-7]+", size):
            return
        at += _TAR_BLOCK * (1 + -(-int(size, 8) // _TAR_BLOCK))


def _compression(head: bytes) -> str:
    return next((name for magic, name in _COMPRESSIONS if head.startswith(magic)), NONE)


def _head(path: str, identity: str, packed: str, deadline: Deadline | None) -> bytes:
    """The first bytes of the decoded file."""
    commands = decoders(packed, identity)
    with regular_stream(path) as stream:
        if not commands:
            return stream.read(_HEAD)
        started = Chain([Program(command) for command in commands], stream, subprocess.PIPE, deadline or Deadline(0))
        try:
            head = started.output.read(_HEAD)
            if len(head) < _HEAD:
                started.finish()
            return head
        except TitanError as error:
            raise TitanError(f"{path} cannot be decoded: {error.message}", **error.details) from error
        finally:
            started.close()


def _kind(path: str, head: bytes, packed: str, encrypted: bool) -> DumpKind:
    if head.startswith(_ARCHIVE):
        if head[_FORMAT_AT : _FORMAT_AT + 1] != bytes([_CUSTOM]):
            raise _unusable(path, f"It is the {_TOC} of another format: name the directory that holds it.")
        return DumpKind("custom", packed, encrypted, *_of_archive(head))
    if head[_TAR_AT : _TAR_AT + len(_TAR)] == _TAR:
        names = list(_members(head))
        if any(_IN_BASE_BACKUP.fullmatch(name) for name in names):
            raise _unusable(path, _NO_BASE_BACKUP)
        if names[0] != _TOC.encode():
            raise _unusable(path, "It is a tar archive, but not one of pg_dump: unpack it and name what is in it.")
        return DumpKind("tar", packed, encrypted, *_of_archive(head[_TAR_BLOCK:]))
    form = "cluster" if _CLUSTER.match(head) else "plain" if _PLAIN.match(head) else ""
    if not form:
        raise _unusable(path, _IN_UTF_16 if head.startswith(_UTF_16) else _NO_DUMP)
    versions = [int(found[1]) for pattern in (_SOURCE, _TOOL) if (found := pattern.search(head))]
    return DumpKind(form, packed, encrypted, max(versions, default=0), _encoding(head))


def _of_archive(head: bytes) -> tuple[int, str]:
    """Major version and encoding, as an archive's head says them."""
    at = _FORMAT_AT + 1 + (1 if tuple(head[5:7]) >= (1, 15) else _NUMBER) + _TIME_PARTS * _NUMBER
    versions = [0]
    for _text in ("database", "server's version", "pg_dump's version"):
        length = int.from_bytes(head[at + 1 : at + _NUMBER], "little") if head[at : at + 1] == b"\0" else 0
        found = _MAJOR.match(head[at + _NUMBER : at + _NUMBER + length])
        versions.append(int(found[1]) if found and _text != "database" else 0)
        at += _NUMBER + length
    return max(versions), _encoding(head)


def _encoding(head: bytes) -> str:
    found = _ENCODING.search(head)
    return found[1].decode() if found else ""
