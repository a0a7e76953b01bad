# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the backup tests share: a small database, calls of the operations, and what must hold after a failure."""

from __future__ import annotations

import contextlib
import hashlib
import os
import shlex
import shutil
import stat
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.titan.database.plugins.module_utils._engine.backups import information, operation, options
from ansible_collections.titan.database.plugins.module_utils._engine.backups.catalog.manifest_file import read_manifest
from ansible_collections.titan.database.plugins.module_utils._engine.backups.catalog.read import (
    newest_verified,
    read_catalog,
)
from ansible_collections.titan.database.plugins.module_utils._engine.backups.content.schema_text import Skeleton
from ansible_collections.titan.database.plugins.module_utils._engine.backups.programs.pipeline import Deadline
from ansible_collections.titan.database.plugins.module_utils._engine.backups.proof.comparison import compare, loader_for
from ansible_collections.titan.database.plugins.module_utils._engine.backups.proof.dump_restored import (
    database_skeleton,
)
from ansible_collections.titan.database.plugins.module_utils._engine.outcome import Call, Outcome
from ansible_collections.titan.database.plugins.module_utils._engine.postgres.cluster import Cluster
from ansible_collections.titan.database.plugins.module_utils._engine.postgres.connection import ConnectionSettings
from ansible_collections.titan.database.plugins.module_utils._engine.postgres.database import connect
from ansible_collections.titan.database.plugins.module_utils._engine.postgres.programs import find_programs
from ansible_collections.titan.database.plugins.module_utils._engine.text.arguments import complete

from tests.conftest import drop_database, make_database
from tests.drill_programs import drill_programs

SMALL = """
CREATE TABLE public.users (id serial PRIMARY KEY, email text NOT NULL);
INSERT INTO public.users (email) SELECT 'user' || n || '@example.org' FROM generate_series(1, 500) n;
CREATE TABLE public.orders (id bigint GENERATED ALWAYS AS IDENTITY, user_id int REFERENCES public.users, note text);
INSERT INTO public.orders (user_id, note) SELECT n % 500 + 1, repeat(md5(n::text), 5) FROM generate_series(1, 4000) n;
CREATE VIEW public.busy AS SELECT user_id, count(*) FROM public.orders GROUP BY 1;
"""


needs_zstd = pytest.mark.skipif(not shutil.which("zstd"), reason="needs zstd")


def backup(settings: ConnectionSettings, dest: Path, check: bool = False, **given: Any) -> Outcome:
    given = {"dest": str(dest), "name": "small", "programs": drill_programs(), "verify": "checksum", **given}
    return operation.backup(Call(complete(given, options.BACKUP), settings, check))


def drill(**given: Any) -> Outcome:
    return operation.drill(Call(complete({"programs": drill_programs(), **given}, options.DRILL)))


def info(dest: Path, **given: Any) -> Outcome:
    return information.backup_info(Call(complete({"dest": str(dest), **given}, options.BACKUP_INFO)))


def restore(settings: ConnectionSettings, check: bool = False, **given: Any) -> Outcome:
    given = {"programs": drill_programs(), **given}
    return operation.restore(Call(complete(given, options.RESTORE), settings, check))


@contextlib.contextmanager
def database_of(server: Cluster, script: Path, *roles: str) -> Iterator[ConnectionSettings]:
    """A database that the script makes; it and the script's roles are gone afterwards."""
    made = make_database(server)
    try:
        with connect(made, fixed_settings=False) as database:
            database.execute(script.read_text(encoding="utf-8"))
        yield made
    finally:
        drop_database(server, made.database)
        with connect(server.settings()) as admin:
            for role in roles:
                admin.execute(f"DROP ROLE IF EXISTS {role}")


def differences_from(
    taken: str, restored: ConnectionSettings, work: Path, redump: bool = False, alone: bool = False
) -> tuple[str, ...]:
    """What a comparison of the database with the backup's source says; the archive says the database itself, or nothing.

    Args:
        alone: As in a cluster that is the drill's own.
    """
    manifest = read_manifest(taken)
    loader = loader_for(manifest, find_programs(drill_programs(), 18), str(work), 1, Deadline(60))

    def archive() -> Skeleton:
        return database_skeleton(loader, restored) if redump else Skeleton(Counter(), {})

    return compare(manifest, restored, archive, loader, alone=alone).differences


def damage(path: str | Path, share: float = 0.5) -> None:
    """Flip one bit of the file."""
    with open(path, "r+b") as stream:
        place = int(os.path.getsize(path) * share)
        stream.seek(place)
        byte = stream.read(1)
        stream.seek(place)
        stream.write(bytes([byte[0] ^ 1]))


def picture(folder: Path) -> dict[str, tuple[int, str]]:
    """Every file below the folder: its mode and content."""
    return {
        str(path.relative_to(folder)): (
            stat.S_IMODE(path.lstat().st_mode),
            hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else "",
        )
        for path in sorted(folder.rglob("*"))
    }


def temporaries(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir() if path.name.endswith(".part")]


def assert_nothing_new_counts(dest: Path, before: dict[str, tuple[int, str]], newest: str) -> None:
    """The older backups are as they were, and the newest that counts is the one that was."""
    after = picture(dest)
    lasting = {name: value for name, value in before.items() if not name.endswith(".lock") and ".part" not in name}
    assert {name: after.get(name) for name in lasting} == lasting
    found = newest_verified(read_catalog(str(dest), verify="checksum"), "checksum")
    assert found is not None and found.path == newest


def programs_with(folder: Path, name: str, script: str) -> str:
    """A directory with the embedded PostgreSQL's programs, one of them replaced by a shell script ($REAL is the real one)."""
    folder.mkdir()
    for item in Path(drill_programs()).iterdir():
        (folder / item.name).symlink_to(item)
    return replaced(folder, name, f"REAL={shlex.quote(f'{drill_programs()}/{name}')}\n{script}")


def replaced(folder: Path, name: str, script: str) -> str:
    folder.mkdir(exist_ok=True)
    (folder / name).unlink(missing_ok=True)
    (folder / name).write_text(f"#!/bin/sh\n{script}\n")
    (folder / name).chmod(0o755)
    return str(folder)


def command_lines() -> list[bytes]:
    """Those of all processes of this machine."""
    lines = []
    for item in filter(str.isdigit, os.listdir("/proc")):
        with contextlib.suppress(OSError):
            lines.append(Path(f"/proc/{item}/cmdline").read_bytes())
    return lines
