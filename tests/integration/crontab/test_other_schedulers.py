"""What else starts work by the clock: crontabs and timers of other users, at's queue, and schedulers inside the database."""

from __future__ import annotations

import os
import pwd
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ansible.module_utils import basic
from ansible_collections.titan.database.plugins.module_utils._engine.crontab import (
    at_jobs,
    crontab_store,
    other_lines,
    timers,
)
from ansible_collections.titan.database.plugins.module_utils._engine.postgres.connection import ConnectionSettings

from tests.conftest import login
from tests.integration.health.test_checks import typed

AT_JOB = """#!/bin/sh
# atrun uid=0 gid=0
# mail root 0
umask 22
PATH=/srv/backups/bin:/usr/bin; export PATH
cd /root || {{
\t echo 'Execution directory inaccessible' >&2
\t exit 1
}}
${{SHELL:-/bin/sh}} << 'marcinDELIMITER5f2d'
{command}

marcinDELIMITER5f2d
"""


@pytest.fixture
def host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A host on which nothing is scheduled; its crontabs are files of the user's name in spool, its at jobs files of a number in at."""
    for name in ("spool", "at", "bin", "cron.d", "units"):
        (tmp_path / name).mkdir()
    programs = {
        "crontab": f'user=$(id -un)\n[ "$1" = -u ] && user=$2\n'
        f'cat "{tmp_path}/spool/$user" 2>/dev/null || {{ echo "no crontab for $user" >&2; exit 1; }}',
        "at": f'case $1 in -l) for f in "{tmp_path}"/at/*; do echo "${{f##*/}}\tSat Nov 28 02:00:00 2026 a jobs"; done;; '
        f'-c) cat "{tmp_path}/at/$2";; esac',
    }
    for name, text in programs.items():
        (tmp_path / "bin" / name).write_text(f"#!/bin/sh\n{text}\n")
        (tmp_path / "bin" / name).chmod(0o755)
    for module, name, value in (
        (crontab_store, "_CRONTAB_DIRECTORIES", (str(tmp_path / "bin"), "/usr/bin", "/bin")), (other_lines, "SCRIPT_DIRECTORIES", ()),
        (other_lines, "CRON_FILES", str(tmp_path / "cron.d")), (other_lines, "SYSTEM_CRONTAB", str(tmp_path / "system")),
        (other_lines, "ANACRONTAB", str(tmp_path / "anacrontab")), (other_lines, "SPOOLS", (str(tmp_path / "spool"),)),
        (timers, "SYSTEM_UNITS", (str(tmp_path / "units"),)), (timers, "USER_UNITS", "no-such-directory"),
        (other_lines, "USER_UNITS", "no-such-directory"), (at_jobs, "SPOOLS", (str(tmp_path / "at"),)),
        (at_jobs, "PROGRAM_DIRECTORIES", (str(tmp_path / "bin"), "/usr/bin", "/bin")),
    ):  # fmt: skip
        monkeypatch.setattr(module, name, value)
    return tmp_path


def found(store: crontab_store.CrontabStore) -> dict[str, str]:
    return {os.path.basename(each.label): each.reason for each in other_lines.other_lines(store, ["/srv/backups"])}


@pytest.mark.skipif(os.geteuid() != 0, reason="root's own crontab is read by root")
def test_root_reads_the_crontabs_and_at_jobs_of_everybody(host: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    others = [each.pw_name for each in pwd.getpwall() if each.pw_uid][:2]
    (host / "spool" / others[0]).write_text("0 1 * * * pg_dumpall > /tmp/all.sql\n")
    (host / "spool" / others[1]).write_text("0 1 * * * vacuumdb -a\n")
    (host / "spool" / "nobody-of-this-name").write_text("0 1 * * * vacuumdb -a\n")
    (host / "spool" / "root").write_text("0 4 * * * find /srv -mtime +7 -delete\n")
    (host / "at" / "a0000101c2b7d4").write_text(AT_JOB.format(command="psql titan -c 'TRUNCATE audit_logs'"))
    (host / "at" / "a0000201c2b7d4").write_text(AT_JOB.format(command="/usr/bin/true"))
    monkeypatch.setattr(os, "geteuid", int)
    assert found(crontab_store.CrontabStore(others[0], "")) == {
        f"crontab of {others[0]}": "calls pg_dumpall",
        f"crontab of {others[1]}": "calls vacuumdb",
        "crontab of root": "removes files below /srv, where /srv/backups is",
        "a0000101c2b7d4": "runs TRUNCATE",
    }


def test_others_read_their_own(host: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    someone = next(each for each in pwd.getpwall() if each.pw_uid)
    monkeypatch.setattr(os, "geteuid", lambda: someone.pw_uid)
    (host / "at" / "12").write_text(AT_JOB.format(command="cd /srv && rm -r backups/old /srv/backups/older"))
    assert found(crontab_store.CrontabStore("", "")) == {"at job 12": "removes files below /srv, where /srv/backups is"}
    (host / "at" / "12").unlink()
    assert found(crontab_store.CrontabStore("", "")) == {}


# What pg_cron makes, as far as it is read here.
PG_CRON = """
CREATE SCHEMA cron; GRANT USAGE ON SCHEMA cron TO PUBLIC;
CREATE TABLE cron.job (jobid bigserial PRIMARY KEY, schedule text, command text, nodename text DEFAULT 'localhost', nodeport int DEFAULT 5432,
  database text DEFAULT current_database(), username text DEFAULT current_user, active boolean DEFAULT true, jobname text);
GRANT SELECT ON cron.job TO PUBLIC; ALTER TABLE cron.job ENABLE ROW LEVEL SECURITY;
CREATE POLICY cron_job_policy ON cron.job USING (username = current_user);
CREATE FUNCTION cron.unschedule(bigint) RETURNS boolean LANGUAGE sql AS 'DELETE FROM cron.job WHERE jobid = $1 RETURNING true';
INSERT INTO cron.job (schedule, command, active) VALUES ('0 3 * * *', 'delete  from audit_logs where at < now() - interval ''30 days''', true),
  ('0 3 * * *', 'VACUUM', false), ('0 3 * * *', 'SELECT refresh_reports(''it''''s 100%'')', true), ('0 3 * * *', $$CALL purge_old('secret')$$, true);
INSERT INTO cron.job (schedule, command, database) VALUES ('0 3 * * *', 'REINDEX DATABASE other', 'other')
"""


@pytest.fixture
def look(call_module: Callable[..., dict[str, Any]], settings: ConnectionSettings) -> Callable[..., dict[str, Any]]:
    def run(**options: Any) -> dict[str, Any]:
        result = call_module("health_info", **{**login(settings), **options})
        return next(each for each in result["checks"] if each["name"] == "database_jobs")

    return run


def test_jobs_of_pg_cron_are_named_and_the_command_ends_them(look: Any, user_sql: Any) -> None:
    assert look()["status"] == "ok"
    user_sql.execute(PG_CRON)
    check = look()
    assert (check["status"], check["value"]) == ("warning", 3), check
    for part in (
        "pg_cron's job 1 runs DELETE  FROM",
        "pg_cron's job 4 runs PURGE_OLD",
        "pg_cron's job 5 runs REINDEX in database other",
    ):
        assert part in check["message"], check
    assert "secret" not in check["message"] and "refresh" not in check["message"]
    typed(check["fix"])
    assert look()["status"] == "ok"


def test_a_converge_names_them(settings: ConnectionSettings, user_sql: Any, call_module: Any, monkeypatch: Any) -> None:
    said: list[str] = []
    monkeypatch.setattr(basic.AnsibleModule, "warn", lambda _self, text: said.append(text))
    user_sql.execute(PG_CRON)
    for check_mode in (True, False, False):
        said.clear()
        assert not call_module("retention_policy", check_mode=check_mode, policies=[], **login(settings)).get("failed")
        assert len([one for one in said if one.startswith("pg_cron's job") and "do the same" in one]) == 3, said


def test_who_sees_only_his_own_jobs_is_never_told_ok(look: Any, settings: ConnectionSettings, user_sql: Any) -> None:
    user_sql.execute(f"{PG_CRON}; CREATE ROLE looker LOGIN")
    try:
        check = look(login_user="looker")
        assert (
            check["status"] == "unknown"
            and "'looker' needs SELECT on the schedulers' tables, and the attribute BYPASSRLS" in check["fix"]
        )
        user_sql.execute("ALTER ROLE looker BYPASSRLS")
        assert look(login_user="looker")["value"] == 3
        user_sql.execute("DELETE FROM cron.job")
        assert look(login_user="looker")["status"] == "ok"
    finally:
        user_sql.execute("DROP ROLE looker")


def test_a_table_of_that_name_that_anybody_made_is_not_read(look: Any, user_sql: Any) -> None:
    user_sql.execute(
        "CREATE ROLE maker; CREATE SCHEMA cron; CREATE VIEW cron.job AS SELECT 1 / 0 AS jobid; CREATE SCHEMA pgagent;"
        "CREATE TABLE pgagent.pga_jobstep (n int); ALTER TABLE pgagent.pga_jobstep OWNER TO maker"
    )
    try:
        assert look()["status"] == "ok"
    finally:
        user_sql.execute("DROP OWNED BY maker CASCADE; DROP ROLE maker")
