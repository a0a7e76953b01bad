# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A PostgreSQL 15 that archives to a pgBackRest repository in a directory of its own, and calls of the operations."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ansible_collections.titan.database.plugins.module_utils._engine.backups import information, operation, options
from ansible_collections.titan.database.plugins.module_utils._engine.outcome import Call, Outcome
from ansible_collections.titan.database.plugins.module_utils._engine.postgres.cluster import Cluster, unprivileged_user
from ansible_collections.titan.database.plugins.module_utils._engine.postgres.connection import ConnectionSettings
from ansible_collections.titan.database.plugins.module_utils._engine.postgres.database import connect
from ansible_collections.titan.database.plugins.module_utils._engine.text.arguments import complete

from tests.conftest import make_database, start_server
from tests.integration.backups.helpers import SMALL

PROGRAMS = "/usr/lib/postgresql/15/bin"
AWKWARD = """
CREATE UNLOGGED TABLE public.passing AS SELECT n FROM generate_series(1, 50) n;
CREATE TABLE public."odd ""name" (t text, v numeric);
INSERT INTO public."odd ""name" VALUES ('x', 'NaN'), ('y', 1.00);
SELECT lo_from_bytea(0, '\\x00ff');
"""


@dataclass(frozen=True)
class Place:
    """A server, its stanza and our directory for it."""

    cluster: Cluster
    settings: ConnectionSettings
    folder: Path
    stanza: str = "main"

    @property
    def dest(self) -> Path:
        return self.folder / "dest"

    @property
    def config(self) -> Path:
        return self.folder / "pgbackrest.conf"

    @property
    def repository(self) -> Path:
        return self.folder / "repo"

    @property
    def drills(self) -> Path:
        return self.folder / "d"

    def prepare(self, check: bool = False, **given: Any) -> Outcome:
        given = {"dest": self.dest, "stanza": self.stanza, "pgbackrest_config": self.config, **given}
        given = {key: str(value) if isinstance(value, Path) else value for key, value in given.items()}
        return operation.backup_stanza(Call(complete(given, options.BACKUP_STANZA), self.settings, check))

    def backup(self, check: bool = False, **given: Any) -> Outcome:
        given = {"engine": "pgbackrest", "dest": str(self.dest), "drill_dir": str(self.drills), **given}
        return operation.backup(Call(complete({"programs": PROGRAMS, **given}, options.BACKUP), self.settings, check))

    def backup_as(self, user: str, **given: Any) -> Outcome:
        return replace(self, settings=self.settings._replace(user=user)).backup(**given)

    def drill(self, check: bool = False, **given: Any) -> Outcome:
        given = {"dest": str(self.dest), "drill_dir": str(self.drills), "programs": PROGRAMS, **given}
        return operation.drill(Call(complete(given, options.DRILL), None, check))

    def info(self, **given: Any) -> Outcome:
        return information.backup_info(Call(complete({"dest": str(self.dest), **given}, options.BACKUP_INFO)))

    def sql(self, text: str) -> None:
        with connect(self.settings) as database:
            database.execute(text)

    def record(self, path: str) -> dict[str, Any]:
        return dict(json.loads(Path(path).read_text(encoding="utf-8")))

    def remove(self) -> None:
        self.cluster.remove()
        shutil.rmtree(self.folder, ignore_errors=True)


def make_place(archiving: bool = True) -> Place:
    """A running server, with pgBackRest's configuration and with archive_command set, or without both."""
    folder = Path(tempfile.mkdtemp(prefix="tp-", dir="/var/tmp"))
    owner = unprivileged_user()
    (folder / "d").mkdir(mode=0o711)
    for name in ("repo", "log", "lock", "spool", "dest"):
        (folder / name).mkdir(mode=0o700)
    command = f"pgbackrest --config={folder}/pgbackrest.conf --stanza=main archive-push %p"
    archive = ("wal_level=replica", "max_wal_senders=3", "archive_mode=on", f"archive_command={command}")
    cluster = start_server(PROGRAMS, *(archive if archiving else ()))
    if archiving:
        write_config(folder, cluster)
    if owner:
        folder.chmod(0o711)  # root's own, so that nobody else can exchange what lies in it
        for path in folder.iterdir():
            if path.name not in ("dest", "d"):
                os.chown(path, owner.pw_uid, owner.pw_gid)
    settings = make_database(cluster)
    place = Place(cluster, settings, folder)
    place.sql(SMALL + AWKWARD)
    return place


def write_config(folder: Path, cluster: Cluster) -> None:
    lines = [
        "[global]", f"repo1-path={folder}/repo", "repo1-retention-full=2", f"log-path={folder}/log", f"lock-path={folder}/lock",
        f"spool-path={folder}/spool",
        "log-level-file=off", "job-retry=0", "start-fast=y", "compress-type=zst", "process-max=2", "archive-timeout=15", "expire-auto=n",
        "[main]", f"pg1-path={cluster.data}", f"pg1-port={cluster.port}", f"pg1-socket-path={cluster.socket}", "pg1-user=postgres",
    ]  # fmt: skip
    path = folder / "pgbackrest.conf"
    path.touch(mode=0o600)
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def large_file(place: Place, label: str) -> Path:
    """A file of the backup's own copy that is large enough to be damaged in the middle."""
    base = place.repository / "backup" / place.stanza / label / "pg_data" / "base"
    return max((path for path in base.rglob("*") if path.is_file()), key=lambda path: path.stat().st_size)
