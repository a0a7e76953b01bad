# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Loading the dump of a drill, and what a failure to do so says about the backup."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Callable

from ...errors import TitanError
from ...postgres.connection import ConnectionSettings
from ...postgres.database import connect
from ..catalog.manifest import Manifest
from ..catalog.naming import DumpKind
from ..catalog.source import Source
from ..content.schema_text import Skeleton
from ..load.elevated import Superuser, make_source_extensions
from ..load.failure import is_about_rights, restoring
from ..load.fewer_jobs import load_with_fewer_jobs
from ..load.loading import Loader
from ..load.reaching import reaching_extensions
from ..load.streams import Archive
from ..load.targets import lacks_locale, remake_database
from ..load.timescaledb import TIMESCALEDB
from .places import DATABASE
from .preload import AFTER_RESTORING
from .provide import create_role

_MISSING_ROLE = re.compile(r'role "(.+?)" does not exist')
_ROLES_AT_MOST = 30


def load_drilled(
    loader: Loader,
    archive: Archive,
    kind: DumpKind,
    target: ConnectionSettings,
    source: Source,
    manifest: Manifest | None,
) -> tuple[Callable[[], Skeleton], tuple[str, ...]]:
    """Load the dump; for one without a manifest, make the roles that it turns out to need.

    Returns:
        What loader.load_archive() does, and warnings.

    Raises:
        TitanError: it failed; details: of_the_backup when the backup is to blame.
    """
    superuser = loader.superuser
    maker = superuser.settings if superuser else target
    remake = partial(remake_database, maker, source, superuser.loader if superuser else "")
    parallel = not kind.is_script and manifest is not None

    extensions = manifest.structure.extensions if manifest and manifest.structure else {}

    def load(with_jobs: Loader) -> Callable[[], Skeleton]:
        make_source_extensions(superuser, target, extensions)
        loaded = with_jobs.load_archive(archive, kind, target)
        if target.database == DATABASE and TIMESCALEDB in extensions:
            with connect(maker.to("postgres"), "drill") as database:
                database.execute(AFTER_RESTORING)
        return loaded

    for _attempt in range(_ROLES_AT_MOST):
        try:
            with restoring():
                loaded, warnings = load_with_fewer_jobs(loader, load, remake, parallel)
            return loaded, (*warnings, *_reached_others(superuser))
        except TitanError as error:
            missing = _MISSING_ROLE.search(error.message)
            if superuser and is_about_rights(error.message):
                raise TitanError(
                    f"{error.message} That says nothing about the backup: a drill loads as a role that is no superuser, and does not let "
                    "code of the dump have more rights.",
                    **{**error.details, "of_the_backup": False},
                ) from error
            if manifest or target.database != DATABASE or not missing:
                raise
            with connect(maker.to("postgres"), "drill") as database:
                create_role(database, missing[1])
            remake()
    raise TitanError("The restore failed: the dump needs too many roles that do not exist.")


def _reached_others(superuser: Superuser | None) -> list[str]:
    """A sentence where the database's code could reach production from the throw-away server, as it does at home."""
    if superuser is None or superuser.contained or not superuser.may_raise:
        return []
    with superuser.connected() as database:
        found = reaching_extensions(database)
    why = f"code of the database that runs while its tables are filled (a check, a trigger) could reach other servers through {found}"
    return [f"Without a sandbox, {why}. Run drills on a host that has one, or as root."] if found else []


@contextmanager
def in_its_locale(target: ConnectionSettings, source: Source) -> Iterator[None]:
    """A failure in another locale than the source's (a check of lower(), a partition's bounds) is not the backup's."""
    try:
        yield
    except TitanError as error:
        if error.details.get("of_the_backup"):
            with connect(target, "drill") as database:
                lacking = lacks_locale(database, source)
            if lacking:
                raise TitanError(
                    f"{error.message} That says nothing about the backup: PostgreSQL on this host does not have the source's "
                    f"locale {lacking!r}. Drill it on a host that has it.",
                    **{**error.details, "of_the_backup": False},
                ) from error
        raise
