"""What the last converge knew of the migrations, beside what the database has: seen by health and its metrics on the host."""

from __future__ import annotations

import json
import os
import re
import shutil
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any, Callable

import psycopg2
import pytest
from ansible_collections.titan.database.plugins.module_utils._engine.host import zipapp
from ansible_collections.titan.database.plugins.module_utils._engine.postgres.connection import ConnectionSettings

from tests.conftest import login

ONE = {"name": "0001_one.sql", "content": "CREATE TABLE one (n int);\n"}
BACK = {"name": "0001_one.down.sql", "content": "DROP TABLE one;\n"}
TWO = {"name": "0002_two.sql", "content": "CREATE TABLE two (n int);\n"}
VIEW = {"name": "R__view.sql", "content": "CREATE OR REPLACE VIEW v AS SELECT 1 AS n;\n"}
BROKEN = {"name": "0003_three.sql", "content": "SELECT 1 / 0;\n"}
EDITED = {"name": "0002_two.sql", "content": "CREATE TABLE two (n bigint);\n"}


class Host:
    """One environment: the controller's runs, and the health job on the host, which has no migration files."""

    def __init__(self, folder: Path, settings: ConnectionSettings, call_module: Callable[..., dict[str, Any]]) -> None:
        self.folder, self.settings, self.call_module = folder, settings, call_module
        self.record, self.config = folder / "state" / "migrations.json", folder / "c.json"
        self.metrics = folder / "metrics" / "titan_db_t_health.prom"
        self.metrics.parent.mkdir()
        self.config.write_text(
            json.dumps({"environment": "t", "state_dir": f"{folder}/state", "metrics_dir": f"{folder}/metrics"})
        )
        self.program = folder / "titan-db"
        self.program.write_bytes(zipapp.build(sys.executable))
        self.program.chmod(0o755)

    def converge(self, *files: dict[str, str], check_mode: bool = False, **options: Any) -> dict[str, Any]:
        return self.call_module(
            "migration",
            check_mode=check_mode,
            **login(self.settings),
            files=list(files),
            record=str(self.record),
            **options,
        )

    def health(self, settings: ConnectionSettings | None = None) -> dict[str, str]:
        found = self.call_module("health_info", **login(settings or self.settings), job_config=str(self.config))
        return {each["name"]: f"{each['status']} {each['message']}" for each in found["checks"]}

    def problems(self) -> dict[str, str]:
        """What is wrong, with what to do about it."""
        found = self.call_module("health_info", **login(self.settings), job_config=str(self.config))
        return {each["name"]: json.dumps(each) for each in found["checks"] if each["status"] != "ok"}

    def measured(self) -> tuple[str, str]:
        """Run the job; the values of the two metrics."""
        place = self.settings
        env = {"PATH": os.environ["PATH"], "DB_HOST": "127.0.0.1", "DB_PORT": str(place.port), "DB_USER": place.user,
               "DB_NAME": place.database, "DB_PASSWORD": ""}  # fmt: skip
        subprocess.run([self.program, "health", "--config", self.config], env=env, capture_output=True, check=False)
        text = self.metrics.read_text()
        values = [
            re.search(rf'^{name}{{environment="t"}} (\d+)$', text, re.M)
            for name in ("titan_db_migrations_pending", "titan_db_migration_checksum_mismatches")
        ]
        return tuple(value.group(1) if value else "none" for value in values)  # type: ignore[return-value]


@pytest.fixture
def host(tmp_path: Path, settings: ConnectionSettings, call_module: Callable[..., dict[str, Any]]) -> Host:
    return Host(tmp_path, settings, call_module)


def test_the_record_is_written_once_read_back_and_never_in_check_mode(host: Host) -> None:
    predicted = host.converge(ONE, TWO, check_mode=True)
    assert predicted["changed"] and not host.record.parent.exists()
    done = host.converge(ONE, TWO)
    assert done["changed"] and done["diff"] == predicted["diff"]
    assert sorted(json.loads(host.record.read_text())["files"]) == ["0001", "0002"]
    assert stat.S_IMODE(host.record.stat().st_mode) == 0o644
    before = host.record.stat().st_mtime_ns
    again = host.converge(ONE, TWO)
    assert (again["changed"], again["diff"]["after"], host.record.stat().st_mtime_ns) == (False, "", before)
    host.record.unlink()
    assert host.converge(ONE, TWO, check_mode=True)["changed"] and not host.record.exists()
    assert host.converge(ONE, TWO)["changed"] and host.record.exists(), "the record itself is something that was done"


def test_a_failed_converge_a_rollback_and_a_restore_are_pending_until_they_are_mended(host: Host) -> None:
    assert "migrations_pending" not in host.health(), "nobody has recorded anything"
    assert host.measured() == ("none", "none")
    host.converge(ONE, BACK, TWO, VIEW)
    assert host.health()["migrations_pending"] == "ok 0: of 3 that the last converge knew"
    assert host.measured() == ("0", "0")
    assert host.converge(ONE, BACK, TWO, VIEW, BROKEN)["failed"]
    assert host.health()["migrations_pending"] == "warning 1: of 4 that the last converge knew: 0003"
    assert host.measured() == ("1", "0")
    changed_view = {**VIEW, "content": VIEW["content"].replace("1 AS n", "2 AS n")}
    assert host.converge(ONE, BACK, TWO, changed_view, BROKEN)["failed"]
    assert host.measured() == ("2", "0"), "a repeatable file that has changed is pending, not edited"
    assert host.converge(ONE, BACK, TWO, changed_view)["changed"]
    assert host.measured() == ("0", "0")
    connection = psycopg2.connect(**host.settings.parameters())
    connection.autocommit = True
    connection.cursor().execute(
        "DROP SCHEMA titan_ops CASCADE; DROP TABLE one, two"
    )  # as an older backup would have it
    connection.close()
    assert host.measured() == ("3", "0")
    host.converge(ONE, BACK, TWO, changed_view)
    assert host.measured() == ("0", "0")


def test_the_history_of_another_tool_is_taken_over_before_anything_is_said_to_run(
    host: Host, user_sql: psycopg2.extensions.cursor
) -> None:
    user_sql.execute("CREATE TABLE public.schema_migrations (version text PRIMARY KEY)")
    assert host.converge(BROKEN)["failed"]
    assert "dbmate" not in json.dumps(host.problems()), "its table is empty"
    user_sql.execute("INSERT INTO public.schema_migrations VALUES ('0001'), ('0002')")
    message = host.problems()["migrations_pending"]
    assert "public.schema_migrations is" in message and "state=adopted with from=" in message, message
    assert "titan.database.migrate" not in message, "what may have run is not run again"
    host.converge(ONE, TWO)
    assert "adopted" not in json.dumps(host.problems())


def test_an_edited_file_is_a_mismatch_until_it_is_put_back_or_taken_over(host: Host) -> None:
    host.converge(ONE, TWO)
    assert host.converge(ONE, EDITED)["failed"]
    found = host.health()
    assert found["checksum_mismatches"] == "critical 1: of 2 that the last converge knew: 0002"
    assert host.measured() == ("0", "1")
    assert host.converge(ONE, TWO)["changed"], "it is put back"
    assert host.measured() == ("0", "0")
    host.converge(ONE, EDITED, accept_edited=["2"])
    assert host.measured() == ("0", "0")
    commented = {**EDITED, "content": "-- why\n" + EDITED["content"]}
    assert host.converge(ONE, commented)["changed"]
    assert host.measured() == ("0", "0"), "an edit without a change of meaning was taken over"


def test_the_metrics_file_is_clean_and_readable_by_the_collector(host: Host) -> None:
    host.converge(ONE)
    assert host.measured() == ("0", "0")
    assert stat.S_IMODE(host.metrics.stat().st_mode) == 0o644
    promtool = os.environ.get("PROMTOOL") or shutil.which("promtool")
    if not promtool:
        pytest.skip("promtool is not installed (Debian package prometheus)")
    done = subprocess.run(
        [promtool, "check", "metrics"], input=host.metrics.read_bytes(), capture_output=True, check=False
    )
    assert (done.returncode, done.stdout + done.stderr) == (0, b"")


def test_a_role_that_may_not_read_the_history_and_a_damaged_record_are_unknown(
    host: Host, settings: ConnectionSettings, user_sql: Any
) -> None:
    host.converge(ONE)
    user_sql.execute("CREATE ROLE history_stranger LOGIN")
    try:
        found = host.health(settings._replace(user="history_stranger"))["migrations_pending"]
        assert (
            found.startswith("unknown ") and "GRANT SELECT ON titan_ops.migration_history TO history_stranger" in found
        )
    finally:
        user_sql.execute("DROP ROLE history_stranger")
    host.record.write_text("{")
    assert host.health()["migrations_pending"].startswith("unknown ")
    assert host.converge(ONE)["changed"]
    assert host.health()["migrations_pending"].startswith("ok ")
