# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What each job needs is asked before the night, and by health: each right, directory and amount of room is missing once."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Callable, NamedTuple

import pytest
from ansible_collections.titan.database.plugins.module_utils._engine.environment.config import read_environment
from ansible_collections.titan.database.plugins.module_utils._engine.health.ready import lacking_rights
from ansible_collections.titan.database.plugins.module_utils._engine.postgres.connection import ConnectionSettings
from ansible_collections.titan.database.plugins.module_utils._engine.postgres.database import Database

from tests.conftest import embedded_programs
from tests.drill_programs import drill_programs

JOBS = ("backup", "drill", "cleanup", "reindex", "health", "stats")


@dataclass
class Night:
    """An environment with every job, whose role owns nothing and has exactly the rights that its jobs need."""

    folder: Path
    settings: ConnectionSettings
    role: str
    admin: Database
    options: dict[str, dict[str, Any]] = field(default_factory=dict)

    def write(self) -> str:
        path = self.folder / "night.json"
        there = self.settings
        config = {
            "environment": "night", "state_dir": str(self.folder / "state"),
            "connection": {
                "login_host": there.host, "login_port": there.port, "login_db": there.database, "login_user": self.role,
            },
            "schedule": {name: {"schedule": "0 2 * * *"} for name in JOBS},
            "jobs": self.options,
        }  # fmt: skip
        path.write_text(json.dumps(config))
        return str(path)

    def lacking(self) -> list[tuple[str, str]]:
        return [tuple(each) for each in lacking_rights(read_environment(self.write()), with_health=True)]


@pytest.fixture
def night(
    settings: ConnectionSettings, db: Database, workdir: Path, call_module: Callable[..., dict[str, Any]]
) -> Iterator[Night]:
    role = f"night_{settings.database}"[:60]
    db.execute(
        f"CREATE TABLE public.events (id int PRIMARY KEY, at timestamptz NOT NULL); CREATE ROLE {role} LOGIN;"
        "INSERT INTO public.events SELECT g, now() FROM generate_series(1, 70000) g; ANALYZE public.events"
    )
    for name in ("backups", "archive"):
        (workdir / name).mkdir(mode=0o700)
    policy = {"table": "public.events", "column": "at", "keep": "1 year", "archive": str(workdir / "archive")}
    there = {
        "login_host": settings.host,
        "login_port": settings.port,
        "login_db": settings.database,
        "login_user": settings.user,
    }
    made = call_module("retention_policy", **there, policies=[policy])
    assert made["changed"], made
    db.execute(
        f"GRANT pg_read_all_data, pg_monitor TO {role}; ALTER TABLE public.events OWNER TO {role};"
        f"GRANT USAGE ON SCHEMA titan_ops TO {role}; GRANT SELECT ON titan_ops.retention_policy TO {role}"
    )
    options: dict[str, dict[str, Any]] = {
        "backup": {"dest": str(workdir / "backups"), "programs": embedded_programs(), "globals": "off"},
        "drill": {"dest": str(workdir / "backups"), "programs": drill_programs()},
    }
    yield Night(workdir, settings, role, db, options)
    db.execute(f"DROP OWNED BY {role} CASCADE; DROP ROLE {role}")


class Missing(NamedTuple):
    harm: Callable[[Night], None]
    words: str


def sql(text: str) -> Callable[[Night], None]:
    return lambda night: night.admin.execute(text.replace("ROLE", night.role))


def option(job: str, **values: Any) -> Callable[[Night], None]:
    return lambda night: night.options.setdefault(job, {}).update(values)


def no_archive(night: Night) -> None:
    (night.folder / "archive").rmdir()


MISSING = {
    "rows for the backup": Missing(sql("CREATE TABLE public.hidden (); REVOKE pg_read_all_data FROM ROLE"), "pg_read_all_data"),
    "rows behind a policy": Missing(
        sql("CREATE TABLE public.kept (); ALTER TABLE public.kept ENABLE ROW LEVEL SECURITY; INSERT INTO public.kept DEFAULT VALUES"),
        "BYPASSRLS",
    ),
    "a database for the proof": Missing(option("backup", drill_in="scratch_database"), "CREATEDB"),
    "a program": Missing(option("backup", programs="/nowhere"), "/nowhere"),
    "deleting": Missing(
        sql("ALTER TABLE public.events OWNER TO CURRENT_USER; GRANT pg_maintain TO ROLE; GRANT SELECT ON public.events TO ROLE"),
        "lacks SELECT or DELETE on public.events",
    ),
    "writing": Missing(sql("ALTER USER ROLE SET default_transaction_read_only = on"), "no row could be deleted"),
    "the policies": Missing(
        sql("REVOKE SELECT ON titan_ops.retention_policy FROM ROLE; REVOKE pg_read_all_data FROM ROLE"), "retention_policy"
    ),
    "the archive": Missing(no_archive, "archive"),
    "an archive of the inventory": Missing(option("cleanup", allowed_archives=["/elsewhere"]), "allowed_archives"),
    "rebuilding": Missing(
        sql("ALTER TABLE public.events OWNER TO CURRENT_USER; GRANT SELECT, DELETE ON public.events TO ROLE"),
        "may not rebuild the indexes of public.events",
    ),
    "statistics": Missing(sql("REVOKE pg_monitor FROM ROLE"), "grant pg_monitor"),
    "logging in": Missing(lambda night: night.admin.execute(f"ALTER ROLE {night.role} NOLOGIN"), "cannot connect to their database"),
}  # fmt: skip


def test_nothing_is_lacking_and_nothing_is_written(night: Night) -> None:
    night.write()
    before = sorted(night.folder.rglob("*"))
    assert night.lacking() == []
    assert sorted(night.folder.rglob("*")) == before


@pytest.mark.parametrize("what", MISSING)
def test_each_thing_that_is_missing_is_named(night: Night, what: str) -> None:
    MISSING[what].harm(night)
    found = night.lacking()
    assert any(MISSING[what].words in sentence for sentence, _fix in found), found
    assert all(fix for _sentence, fix in found)


def test_room_for_the_drill(night: Night, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = shutil.disk_usage("/")
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage._replace(free=1000))
    assert any("Not enough room" in sentence for sentence, _fix in night.lacking())


def test_health_asks_the_same(night: Night, call_module: Callable[..., dict[str, Any]]) -> None:
    def look() -> dict[str, Any]:
        there = {
            "login_host": night.settings.host,
            "login_port": night.settings.port,
            "login_db": night.settings.database,
        }
        done = call_module("health_info", **there, login_user=night.role, job_config=night.write())
        return next(each for each in done["checks"] if each["name"] == "jobs_not_ready")

    assert look()["status"] == "ok"
    no_archive(night)
    found = look()
    assert found["status"] == "critical" and "archive" in found["message"]
    assert found["fix"].endswith("cron " + str(night.folder / "night.json") + " cleanup --check")
    if os.geteuid() == 0:
        (night.folder / "state").mkdir()
        os.chown(night.folder / "state", 65534, 65534)
        assert look()["status"] == "unknown", "root is not the jobs' user"
