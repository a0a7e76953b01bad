# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Taking the dump: one pass from pg_dump through the compressor and SHA-256 into a file that gets its name last."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from typing import Any, Callable, NamedTuple

from ...errors import DatabaseError, TitanError
from ...host.files import PART, published, sync_directory
from ...outcome import silent
from ...postgres.client_environment import child_environment
from ...postgres.connection_room import require_connection_room
from ...postgres.database import Database
from ...postgres.sqlstates import CHARACTER_NOT_IN_REPERTOIRE
from ...steps import step
from ..catalog.files import digest, size_of
from ..catalog.integrity import WrittenGzip
from ..content.exclusions import Exclusions
from ..content.fingerprint import Fingerprint, dump_settings
from ..content.positions import relation_label
from ..content.structure import Structure
from ..content.tables import Table
from ..programs.pipeline import Chain, Deadline, Program, chain
from .parallel import dump_and_fingerprint
from .request import DumpRequest
from .source import snapshot
from .structure import structure_beside

_ATTEMPTS = 3


@dataclass(frozen=True)
class Dumped:
    """A dump that is on disk under its final name."""

    size: int
    sha256: str
    fingerprint: Fingerprint
    structure: Structure
    snapshot: str
    seconds: float


def take_dump(
    database: Database, request: DumpRequest, deadline: Deadline, say: Callable[[str], None] = silent
) -> Dumped:
    """Dump the connected database.

    A change of a table's definition that arrives between our lock and pg_dump's would block pg_dump for as long as we
    hold ours; then everything is let go, so that the change passes, and the dump starts anew.

    Raises:
        TitanError: it failed; nothing is left under the final name.
    """
    require_connection_room(database, request.connections, "the dump")
    try:
        return _take_dump(database, request, deadline, say)
    except DatabaseError as error:
        if error.sqlstate != CHARACTER_NOT_IN_REPERTOIRE:
            raise
        raise TitanError(
            "A name in the database cannot be written in UTF-8: the database has the encoding SQL_ASCII, which takes any bytes. Rename what "
            "has such a name (tables, columns, sequences, roles), or move the database to an encoding."
        ) from None


def _take_dump(database: Database, request: DumpRequest, deadline: Deadline, say: Callable[[str], None]) -> Dumped:
    """Try until no change of a table's definition comes in between."""
    for attempt in range(1, _ATTEMPTS + 1):
        with snapshot(database, request.lock_timeout, request.excluded) as (identifier, tables):
            step("backup.dump")
            before = deadline.elapsed
            try:
                written = _dump_to_file(database, request, identifier, tables, deadline, say)
                return Dumped(*written, identifier, deadline.elapsed - before)
            except TitanError:
                if attempt == _ATTEMPTS or not _somebody_waits(database, tables):
                    raise
        say("A change of a table's definition was waiting; starting again.")
    raise TitanError("The dump was not taken.")


def _somebody_waits(database: Database, tables: Sequence[Table]) -> bool:
    if not database.in_transaction:
        return False
    try:
        waiting = database.value(
            "SELECT EXISTS (SELECT FROM pg_locks WHERE NOT granted AND mode = 'AccessExclusiveLock' AND relation = ANY(%s::oid[]))",
            ([table.oid for table in tables],),
        )
    except DatabaseError:
        return False
    return bool(waiting)


def _dump_to_file(
    database: Database,
    request: DumpRequest,
    identifier: str,
    tables: Sequence[Table],
    deadline: Deadline,
    say: Callable[[str], None],
) -> _Written:
    left = deadline.left()
    if left:
        database.execute("SELECT set_config('statement_timeout', %s, false)", (f"{int(left * 1000) + 1}ms",))
    with child_environment(database.settings) as inherited:
        env = {**inherited, **dump_settings(database)}
        schema = Program([request.programs.path("pg_dump"), *_common(request, identifier), "--schema-only"], env)
        with structure_beside(database, schema, request.programs.version, deadline) as structure:
            write = _dump_directory if request.file.format == "directory" else _dump_stream
            size, sha256, content = write(database, request, identifier, tables, env, deadline, say)
            return _Written(size, sha256, content, _as_restored(structure(), request.excluded))


def _as_restored(structure: Structure, excluded: Exclusions) -> Structure:
    """The source's structure as far as the dump holds it: materialized views that it does not fill are empty."""
    empty = {relation_label(schema, name): False for schema, name in excluded.unrefreshed}
    return replace(structure, populated={**structure.populated, **empty}) if empty else structure


class _Written(NamedTuple):
    size: int
    sha256: str
    fingerprint: Fingerprint
    structure: Structure


def _hashed(request: DumpRequest, tables: Sequence[Table]) -> set[tuple[str, str]] | None:
    """The tables to hash on the source; None for all."""
    return None if request.hashes else {(table.schema, table.name) for table in tables if table.must_be_hashed}


def _dump_stream(
    database: Database,
    request: DumpRequest,
    identifier: str,
    tables: Sequence[Table],
    env: dict[str, str],
    deadline: Deadline,
    say: Callable[[str], None],
) -> tuple[int, str, Fingerprint]:
    digest_so_far = hashlib.sha256()
    with published(request.path, label="backup.file") as stream, _decoding(request, deadline) as decoders:
        programs = _programs(request, identifier, env)
        sinks = [stream.write, *decoders]
        with chain(programs, deadline, stdout=subprocess.PIPE) as started:
            content = dump_and_fingerprint(
                database,
                started,
                lambda: _pump(started, sinks, digest_so_far),
                tables,
                _hashed(request, tables),
                deadline,
                say,
            )
        stream.flush()
        size = os.fstat(stream.fileno()).st_size
    return size, digest_so_far.hexdigest(), content


def _programs(request: DumpRequest, identifier: str, env: dict[str, str]) -> list[Program]:
    codec, form = request.file.codec, request.file.format
    options = ["--format=plain"] if form == "plain" else ["--format=custom", f"--compress={codec.archive_level}"]
    dump = Program([request.programs.path("pg_dump"), *_common(request, identifier), *options], env)
    outside = codec.compressor(form)
    rest = [Program(outside)] if outside else []
    if request.recipients:
        rest.append(Program(["age", *(f"--recipient={recipient}" for recipient in request.recipients)]))
    return [dump, *rest]


def _common(request: DumpRequest, identifier: str) -> list[str]:
    timeout = max(1, int(request.lock_timeout * 1000))
    return [f"--snapshot={identifier}", f"--lock-wait-timeout={timeout}", "--no-password", *request.excluded.flags()]


def _pump(started: Chain, sinks: Sequence[Callable[[bytes], Any]], digest_so_far: hashlib._Hash) -> None:
    for piece in started.pieces():
        digest_so_far.update(piece)
        for sink in sinks:
            sink(piece)
    started.finish()


@contextmanager
def _decoding(request: DumpRequest, deadline: Deadline) -> Iterator[Sequence[Callable[[bytes], Any]]]:
    """What takes each piece that is written and decodes it at the same time; it fails if that cannot be done to the end."""
    if not request.decodes:
        yield []
    elif request.file.format == "plain":
        decoder = WrittenGzip()
        yield [decoder.write]
        decoder.finish()
    else:
        programs = [Program(request.file.codec.test)]
        with ExitStack() as stack:
            started = stack.enter_context(chain(programs, deadline, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL))
            yield [started.input.write]


def _dump_directory(
    database: Database,
    request: DumpRequest,
    identifier: str,
    tables: Sequence[Table],
    env: dict[str, str],
    deadline: Deadline,
    say: Callable[[str], None],
) -> tuple[int, str, Fingerprint]:
    level = request.file.codec.directory_level
    temporary = tempfile.mkdtemp(prefix=f".{request.file}.", suffix=PART, dir=request.dest)
    try:
        options = ["--format=directory", f"--jobs={request.jobs}", f"--compress={level}", f"--file={temporary}"]
        program = Program([request.programs.path("pg_dump"), *_common(request, identifier), *options], env)
        with chain([program], deadline, stdout=subprocess.DEVNULL) as started:
            content = dump_and_fingerprint(
                database, started, started.finish, tables, _hashed(request, tables), deadline, say
            )
        for name in os.listdir(temporary):
            _sync_file(os.path.join(temporary, name))
        sync_directory(temporary)
        size, sha256 = size_of(temporary), digest(temporary)
        step("backup.file.rename")
        os.rename(temporary, request.path)
    except BaseException:
        shutil.rmtree(temporary, ignore_errors=True)
        raise
    step("backup.file.renamed")
    sync_directory(request.dest)
    return size, sha256, content


def _sync_file(path: str) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fchmod(descriptor, 0o600)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
