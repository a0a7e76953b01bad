# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Loading a dump into an empty database: all of it, or an error."""

from __future__ import annotations

import os
import tempfile
import zlib
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Callable

from ...errors import TitanError
from ...outcome import silent
from ...postgres.connection import ConnectionSettings
from ...postgres.programs import Programs
from ..catalog.integrity import decode_to, decoded, decoders, require_identity
from ..catalog.naming import DumpKind
from ..content.fingerprint import Content
from ..content.schema_text import Skeleton, SkeletonReader
from ..programs.codecs import NONE
from ..programs.pipeline import Deadline, Program, output_of
from .archive_end import require_one_archive
from .archive_text import ArchiveText
from .by_role import TextLoad, Waiting, Write, waiting_in
from .contents import read_entries
from .databases import of_database, parts
from .elevated import Superuser
from .list_lines import has_owner_only, is_by_superuser, is_event_trigger, is_of_data, is_refresh
from .needs import Needs, needs_of
from .order import order_matters
from .others import by_lines, ended, only_one, without_database_entries, without_drops, without_mark
from .owners_sessions import OwnersSessions
from .programs_that_load import loading_environment, pg_restore_into, psql_session
from .refreshes import Held, in_some_order
from .restricted import can_restrict, without_restriction
from .selection import Selection
from .streams import Archive, Packed, contents_of, feed, shares
from .targets import writing
from .texts import Lines, lines_of

_NO_TEXT = Skeleton(Counter(), {})


@dataclass(frozen=True)
class Loader:
    """How to load dumps.

    Attributes:
        programs: psql, pg_restore and pg_dump.
        work: Directory for an unpacked archive.
        jobs: Parallel connections of pg_restore.
        deadline: When it must be done.
        with_rows: Also hash the rows in the dump's text, for a comparison with a dump of the restored database.
        reads_text: Read what the dump says the schema is; otherwise an empty one is returned.
        age_identity: Path of the age identity for an encrypted dump.
        identity: Keywords for subprocess; psql runs a dump's text, so a drill of root's lets somebody else do it.
        foreign: Whether the dump is of others: none of our manifests says how it was made.
        database: Which one of the databases that a dump of others holds; empty for the only one.
        provide: Makes what the text of others' dump expects to be there, just before it is needed.
        superuser: Who runs what a role that is no superuser may not, and reads the restored schema; None where one role
            does all.
        superuser_is: The name that the superuser has in the source, for a comparison.
        while_own: What else is done as the loading role, while all that it has loaded is its own: later it would be done with others'
            rights. Where there is a superuser only.
        tables: Those that have rows, as far as they are known: what is loaded at a time is shared out by them.
        selection: Which tables are wanted; None for all that the dump has.
        warn: Takes what a person should know of a dump of others.
    """

    programs: Programs
    work: str
    jobs: int
    deadline: Deadline
    with_rows: bool = False
    reads_text: bool = True
    age_identity: str = ""
    identity: Mapping[str, Any] = field(default_factory=dict)
    foreign: bool = False
    database: str = ""
    provide: Callable[[Needs], None] | None = None
    superuser: Superuser | None = None
    superuser_is: str = ""
    while_own: Callable[[ConnectionSettings], None] | None = None
    tables: Sequence[Content] = ()
    selection: Selection | None = None
    warn: Callable[[str], None] = silent

    def load(self, path: str, kind: DumpKind, target: ConnectionSettings) -> Skeleton:
        """Load the dump into the target and return what the dump says the schema is.

        Raises:
            TitanError: the first error ends it.
        """
        with self.unpacked(path, kind) as archive:
            return self.load_archive(archive, kind, target)()

    @contextmanager
    def unpacked(self, path: str, kind: DumpKind) -> Iterator[Archive]:
        """The dump in a form in which it can be loaded: itself, or with its rows read through a pipe, or unpacked.

        Raises:
            TitanError: it cannot be decoded to its end.
        """
        if kind.encrypted:
            require_identity(path, self.age_identity)
        if kind.format not in ("custom", "tar") or not (kind.encrypted or kind.packed != NONE):
            yield Archive(path)
            return
        with ExitStack() as stack:
            if kind.format == "custom":
                packed = Packed(path, decoders(kind.packed, self._identity_for(kind)))
                archive = stack.enter_context(contents_of(packed, self.work, self.deadline))
                if archive:
                    yield archive
                    return
            yield stack.enter_context(self._unpacked_file(path, kind))

    @contextmanager
    def _unpacked_file(self, path: str, kind: DumpKind) -> Iterator[Archive]:
        descriptor, archive = tempfile.mkstemp(prefix="archive.", dir=self.work)
        try:
            with os.fdopen(descriptor, "wb") as stream:
                decode_to(stream, path, kind.packed, self._identity_for(kind), self.deadline)
            yield Archive(archive)
        finally:
            os.unlink(archive)

    def load_archive(self, archive: Archive, kind: DumpKind, target: ConnectionSettings) -> Callable[[], Skeleton]:
        """Load what unpacked() gave into the target.

        Returns:
            What reads out of it, as long as it lies there, what the dump says the schema is.

        Raises:
            TitanError: the first error ends it.
        """
        if kind.is_script:
            try:
                skeleton = self._load_plain(archive.path, kind, target)
            except (EOFError, zlib.error) as error:
                raise TitanError(f"it cannot be decoded to its end ({error})", programs=["decoder"]) from error
            return lambda: skeleton
        if self.foreign and kind.format != "directory":
            require_one_archive(archive, kind.format, self.deadline)
        if self.provide:
            self.provide(needs_of(self._text.schema(archive.path)))
        listing = self._text.listing(archive.path)
        if self.selection:
            listing = self.selection.listing(listing, read_entries(archive.path))
        jobs = 1 if kind.format == "tar" else self.jobs
        if self.superuser:
            self._load_by_role(archive, target, listing, jobs, self.superuser)
            return lambda: self._skeleton(archive, listing)
        triggers = [line for line in listing if is_event_trigger(line)]
        if triggers or archive.packed or self.selection or jobs > 1 or any(map(is_refresh, listing)):
            self._load_parts(archive, target, lines_of(listing, lambda line: line not in triggers), jobs)
        else:
            self._load_entries(archive.path, target, [], jobs)
        if triggers:  # working in parallel, pg_restore may make them before it has done with what they watch
            self._load_entries(archive.path, target, triggers, 1)
        return lambda: self._skeleton(archive, listing)

    def _load_parts(self, archive: Archive, target: ConnectionSettings, listing: Collection[str], jobs: int) -> None:
        """Load definitions, rows, and the rest, as one role."""
        first, rest = self._text.parted(archive.path, listing) if archive.packed or jobs > 1 else (Lines(), listing)
        if first:
            self._load_entries(archive.path, target, first, 1)
        self._load_rest(archive, target, rest, jobs)

    def _load_rest(
        self, archive: Archive, target: ConnectionSettings, entries: Collection[str], jobs: int, *options: str
    ) -> None:
        """Load what comes after the definitions: rows through pipes, if the archive is packed, then the rest, and views' rows."""
        refreshes = [line for line in entries if is_refresh(line)]
        entries = lines_of(entries, lambda line: not is_refresh(line))
        at_once = 1 if jobs > 1 and _in_order(target) else jobs
        if archive.packed or at_once < jobs:
            rows = lines_of(entries, is_of_data)
            entries = lines_of(entries, lambda line: not is_of_data(line))
            if rows and archive.packed:
                parts = shares(rows, {f"{each.schema} {each.name}": each.rows for each in self.tables}, at_once)
                self._feed_rows(archive.packed, target, parts, *options)
            elif rows:
                self._load_entries(archive.path, target, rows, at_once, *options)
        if entries:
            self._load_entries(archive.path, target, entries, jobs, *options)
        if refreshes:
            in_some_order(refreshes, lambda some: self._load_entries(archive.path, target, some, jobs, *options))

    def _feed_rows(
        self, packed: Packed, target: ConnectionSettings, parts: Sequence[Sequence[str]], *options: str
    ) -> None:
        """Load entries through pipes: each of the parts by a pg_restore of its own, all at a time."""
        argv = self._pg_restore(target, 1, *options)
        with ExitStack() as stack:
            env = stack.enter_context(loading_environment(target))
            lists = [stack.enter_context(self._text.list_file(part)) for part in parts]
            feed(packed, [Program([*argv, *listed], env) for listed in lists], self.deadline)

    def _load_by_role(
        self, archive: Archive, target: ConnectionSettings, listing: Collection[str], jobs: int, superuser: Superuser
    ) -> None:
        """Load the definitions as text, rows and indexes in parallel, and at the end what a superuser has to do."""
        waiting = Waiting()
        first, rest = self._text.parted(archive.path, listing)
        with self._text.of_entries(archive.path, first) as pieces:
            TextLoad(superuser, partial(self._session, target), waiting).run(pieces)
        by_loader = lines_of(rest, lambda line: not is_by_superuser(line))
        self._load_rest(archive, target, by_loader, jobs, "--no-owner")
        waits = lines_of(rest, lambda line: is_by_superuser(line) or has_owner_only(line))
        if waits:
            with self._text.of_entries(archive.path, waits) as pieces:
                waiting_in(pieces, waiting)
        self._finish(target, waiting, superuser)

    def _finish(self, target: ConnectionSettings, waiting: Waiting, superuser: Superuser) -> None:
        if self.while_own:
            self.while_own(target)
        waiting.run(superuser)

    def _load_entries(
        self, archive: str, target: ConnectionSettings, entries: Collection[str], jobs: int, *options: str
    ) -> None:
        """Load the entries of the archive's list; all of them when none are named."""
        argv = self._pg_restore(target, jobs, *options)
        with loading_environment(target) as env, self._text.list_file(entries) as listed:
            output_of(Program([*argv, *listed, archive], env), self.deadline)

    def _pg_restore(self, target: ConnectionSettings, jobs: int, *options: str) -> list[str]:
        return pg_restore_into(self.programs, target, jobs, *self._whose(), *options)

    def _session(self, target: ConnectionSettings, whole: bool = True) -> AbstractContextManager[Write]:
        return psql_session(self.programs, self.deadline, self.identity, target, whole)

    @property
    def _text(self) -> ArchiveText:
        return ArchiveText(self.programs, self.work, self.deadline, self._whose())

    def _whose(self) -> list[str]:
        return ["--no-owner"] if self.selection and not self.selection.owners else []

    def _skeleton(self, archive: Archive, listing: Collection[str]) -> Skeleton:
        return self._text.skeleton(archive, listing, self.with_rows) if self.reads_text else _NO_TEXT

    def _load_plain(self, path: str, kind: DumpKind, target: ConnectionSettings) -> Skeleton:
        reader = SkeletonReader(self.with_rows) if self.reads_text else None
        with decoded(path, kind.packed, self._identity_for(kind), self.deadline) as pieces:
            text = self._of_others(pieces, kind) if self.foreign else pieces
            text = self.selection.text(text) if self.selection else text
            owners = OwnersSessions()
            text = owners.watch(text) if self.foreign else text
            with owners.explained(self.superuser is not None, self.warn):
                self.run_script(_read_by(reader, text) if reader else text, target)
        return reader.skeleton() if reader else _NO_TEXT

    def _of_others(self, pieces: Iterable[bytes], kind: DumpKind) -> Iterable[bytes]:
        """What a dump of others says for one new database."""
        cluster = kind.format == "cluster"
        return self.for_new_database(
            only_one(of_database(parts(ended(without_mark(pieces), cluster)), self.database, cluster))
        )

    def for_new_database(self, pieces: Iterable[bytes]) -> Iterable[bytes]:
        """The text without what a new database does not bear; what it needs is made in time."""
        text = without_drops(without_database_entries(pieces))
        return provided(text, self.provide) if self.provide else text

    def run_script(self, pieces: Iterable[bytes], target: ConnectionSettings, whole: bool = True) -> None:
        """Let psql run the text of a dump, in one transaction if it is whole.

        Raises:
            TitanError: the first error ends it.
        """
        known = without_restriction if can_restrict(self.programs.version) else self._unrestricted
        if self.superuser and whole:
            waiting, superuser = Waiting(), self.superuser.to(target.database)
            TextLoad(superuser, partial(self._session, target), waiting).run(known(pieces))
            self._finish(target, waiting, superuser)
            return
        with self._session(target, whole) as write:
            if not whole:
                for piece in known(pieces):
                    write(piece)
                return
            held = Held()
            for text in held.without_refreshes(known(pieces)):
                write(text)
        if held.refreshes:
            in_some_order(held.refreshes, partial(self._refresh, target, held))

    def _refresh(self, target: ConnectionSettings, held: Held, refreshes: Sequence[bytes]) -> None:
        with self._session(target) as write:
            write(b"\n".join([*held.settings, *refreshes, b""]))

    def _unrestricted(self, pieces: Iterable[bytes]) -> Iterable[bytes]:
        """What an older psql gets: nothing that others have made."""
        if self.foreign:
            raise TitanError(
                f"A plain dump that others have made can run programs in psql {self.programs.version}, which does not know "
                f"\\restrict. Update the package postgresql-client-{self.programs.major}."
            )
        return pieces

    def _identity_for(self, kind: DumpKind) -> str:
        return self.age_identity if kind.encrypted else ""


def _in_order(target: ConnectionSettings) -> bool:
    """Whether the rows have to be loaded in the archive's order; its definitions are there."""
    with writing(target) as database:
        return order_matters(database)


def provided(pieces: Iterable[bytes], provide: Callable[[Needs], None]) -> Iterator[bytes]:
    """The text of others' dump; what a line needs is there before psql reads the line."""
    for text in by_lines(pieces):
        provide(needs_of(text))
        yield text


def _read_by(reader: SkeletonReader, pieces: Iterable[bytes]) -> Iterator[bytes]:
    for piece in pieces:
        reader.feed(piece)
        yield piece
