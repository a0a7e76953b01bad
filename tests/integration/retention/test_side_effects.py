"""What deleting sets off beside the rows themselves: foreign keys, triggers, rules; and limits of the server on a session."""

from __future__ import annotations

import json
import threading
import time
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.titan.database.plugins.module_utils._engine.backups.catalog import manifest as manifests
from ansible_collections.titan.database.plugins.module_utils._engine.backups.catalog.files import digest
from ansible_collections.titan.database.plugins.module_utils._engine.backups.catalog.manifest_file import manifest_path
from ansible_collections.titan.database.plugins.module_utils._engine.postgres.database import connect

from tests.conftest import login

TABLE = "CREATE TABLE logs (id int PRIMARY KEY, at timestamptz)"
FILL = "INSERT INTO logs SELECT n, now() - n * interval '1 day' FROM generate_series(0, 29) n"
KEEPING = """
CREATE FUNCTION keep() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
CREATE TRIGGER keep_it BEFORE DELETE ON logs FOR EACH ROW EXECUTE FUNCTION keep()"""
AUDITED = """
CREATE TABLE audit (id int);
CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN INSERT INTO public.audit VALUES (old.id); RETURN old; END';
CREATE TRIGGER audit_it BEFORE DELETE ON logs FOR EACH ROW EXECUTE FUNCTION note()"""
PARTITIONED = """
CREATE TABLE logs (id int, at timestamptz) PARTITION BY RANGE (at);
CREATE TABLE old PARTITION OF logs FOR VALUES FROM ('2000-01-01') TO (date_trunc('day', now()) - interval '15 days');
CREATE TABLE new PARTITION OF logs FOR VALUES FROM (date_trunc('day', now()) - interval '15 days') TO (MAXVALUE)"""


@pytest.fixture
def policy(settings: Any, call_module: Any) -> Any:
    def store() -> dict[str, Any]:
        wanted = [{"table": "logs", "column": "at", "keep": "10 days"}]
        assert not call_module("retention_policy", policies=wanted, **login(settings)).get("failed")
        return login(settings)

    return store


def make_children(user_sql: Any) -> None:
    user_sql.execute(f"{TABLE}; {FILL}")
    user_sql.execute(
        "CREATE TABLE line (id int PRIMARY KEY, log int REFERENCES logs ON DELETE CASCADE);"
        "CREATE TABLE word (line int REFERENCES line ON DELETE CASCADE) PARTITION BY HASH (line);"
        "CREATE TABLE word0 PARTITION OF word FOR VALUES WITH (MODULUS 1, REMAINDER 0);"
        "CREATE TABLE link (log int REFERENCES logs ON DELETE SET NULL);"
        "CREATE TABLE apart (id int);"
        "INSERT INTO line SELECT n, n % 30 FROM generate_series(0, 299) n; INSERT INTO word SELECT id FROM line;"
        "INSERT INTO link SELECT id FROM logs; CREATE INDEX ON line (log); CREATE INDEX ON word (line); CREATE INDEX ON link (log)"
    )


def test_rows_that_go_along_are_told(settings: Any, user_sql: Any, policy: Any, call_module: Any, freely: Any) -> None:
    make_children(user_sql)
    door = policy()
    for check_mode in (True, False):
        result = call_module("cleanup", check_mode=check_mode, **freely, **door)
        assert not result.get("failed"), result
        told = [one for one in result["findings"] if "refer to it" in one]
        assert len(told) == 2 and "public.line, public.word that" in told[0] and "CASCADE" in told[0], told
        assert "public.link" in told[1] and "SET NULL" in told[1]
        along = [(one["table"], one["action"], one["rows"]) for one in result["results"][0]["along"]]
        assert along == [
            ("public.line", "deleted", 200),
            ("public.link", "changed", 20),
            ("public.word", "deleted", 200),
        ]
        assert "along with them 200 rows of public.line deleted" in result["summary"]
    user_sql.execute("SELECT (SELECT count(*) FROM line), (SELECT count(*) FROM word), (SELECT count(log) FROM link)")
    assert user_sql.fetchone() == (100, 100, 10) and result["results"][0]["deleted"] == 20
    again = call_module("cleanup", **freely, **door)
    assert not again["changed"] and not [one for one in again["findings"] if "refer to it" in one]


def test_a_young_row_that_comes_while_its_parent_goes_stays(
    settings: Any, user_sql: Any, call_module: Any, freely: Any
) -> None:
    """ON DELETE CASCADE would take a row that the statement has not seen: it was written after that began, before its parent went."""
    user_sql.execute(
        "CREATE TABLE tree (id int PRIMARY KEY, at timestamptz NOT NULL, above int REFERENCES tree ON DELETE CASCADE);"
        "INSERT INTO tree SELECT n, now() - interval '100 days' FROM generate_series(1, 20) n;"
        "INSERT INTO tree SELECT n, now() FROM generate_series(100, 140) n; CREATE INDEX ON tree (above);"
        "CREATE SEQUENCE here; CREATE SEQUENCE go; SELECT nextval('here'), nextval('go');"
        "CREATE FUNCTION waits() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
        "  IF OLD.id = 1 AND (SELECT last_value FROM public.here) = 1 THEN PERFORM setval('public.here', 2); "
        "    FOR n IN 1..2000 LOOP EXIT WHEN (SELECT last_value FROM public.go) > 1; PERFORM pg_sleep(0.005); END LOOP; END IF; "
        "  RETURN OLD; END $$; CREATE TRIGGER waits BEFORE DELETE ON tree FOR EACH ROW EXECUTE FUNCTION waits()"
    )
    door = login(settings)
    wanted = [{"table": "public.tree", "column": "at", "keep": "30 days"}]
    assert not call_module("retention_policy", policies=wanted, **door).get("failed")
    options = {**freely, "batch_target_ms": 60000}
    results: list[Any] = []
    running = threading.Thread(target=lambda: results.append(call_module("cleanup", **options, **door)))
    running.start()
    for _attempt in range(2000):
        user_sql.execute("SELECT last_value FROM here")
        if user_sql.fetchone() == (2,) or not running.is_alive():
            break
        time.sleep(0.01)
    user_sql.execute("INSERT INTO tree VALUES (1000, now(), 20)")
    user_sql.execute("SELECT setval('go', 5)")
    running.join()
    user_sql.execute("SELECT array_agg(id ORDER BY id) FROM tree WHERE id IN (1, 19, 20, 1000)")
    assert user_sql.fetchone() == ([20, 1000],), results
    assert results[0]["results"][0]["deleted"] == 19 and results[0]["results"][0]["stepped_around"] == 1, results


@pytest.mark.parametrize("missing", ["line", "word0", "link", ""])
def test_the_backup_has_to_hold_them(
    settings: Any, user_sql: Any, policy: Any, call_module: Any, tmp_path: Path, missing: str
) -> None:
    make_children(user_sql)
    now = datetime.now(timezone.utc)
    path, stamp = tmp_path / f"app_{now:%Y%m%d_%H%M%S}.sql.gz", f"{now:%Y-%m-%dT%H:%M:%SZ}"
    path.write_bytes(b"\x1f\x8b pretended dump")
    with connect(settings) as database:
        cluster = str(database.value("SELECT system_identifier FROM pg_control_system()"))
    held = [name for name in ("logs", "line", "word0", "link") if name != missing]
    content = {
        "format_version": manifests.FORMAT_VERSION, "file": path.name, "name": "app", "database": settings.database,
        "tables": [{"schema": "public", "name": name, "rows": 1, "hash": "0"} for name in held],
        "system_identifier": cluster, "started": stamp, "finished": stamp, "format": "plain", "compression": "gzip",
        "size": path.stat().st_size, "sha256": digest(str(path)), "verified": {"level": "restored", "at": stamp},
    }  # fmt: skip
    Path(manifest_path(str(path))).write_text(json.dumps(content))
    result = call_module("cleanup", backup_dest=str(tmp_path), max_fraction=1.0, **policy())
    user_sql.execute("SELECT count(*) FROM logs")
    if missing:
        assert result["failed"] and f"does not have public.{missing}:" in result["msg"], result
        assert user_sql.fetchone() == (30,)
    else:
        assert not result.get("failed") and user_sql.fetchone() == (10,), result


@pytest.mark.parametrize(
    ("keeps", "name"),
    [(KEEPING, "trigger keep_it"), ("CREATE RULE stay AS ON DELETE TO logs DO INSTEAD NOTHING", "rule stay")],
)
def test_rows_that_the_table_itself_keeps_are_no_success(
    settings: Any, user_sql: Any, policy: Any, call_module: Any, freely: Any, keeps: str, name: str
) -> None:
    user_sql.execute(f"{TABLE}; {FILL}; {keeps}")
    door = policy()
    planned = call_module("cleanup", check_mode=True, **freely, **door)
    assert any(name.split()[1] in one for one in planned["findings"]), "check mode names it"
    result = call_module("cleanup", **freely, **door)
    assert result["failed"] and not result["changed"] and result["results"][0]["left"] == 20
    assert name in result["msg"], result["msg"]


def test_a_partition_with_a_trigger_for_each_deleted_row_is_not_dropped(
    settings: Any, user_sql: Any, policy: Any, call_module: Any, freely: Any
) -> None:
    user_sql.execute(f"{PARTITIONED}; {FILL}; {AUDITED}")
    door = policy()
    assert call_module("cleanup", check_mode=True, **freely, **door)["results"][0]["dropped_partitions"] == []
    result = call_module("cleanup", **freely, **door)
    user_sql.execute("SELECT (SELECT count(*) FROM logs), (SELECT count(*) FROM audit)")
    assert user_sql.fetchone() == (10, 20) and result["results"][0]["deleted"] == 20, result


def test_the_roles_limit_on_transactions_ends_no_run(
    settings: Any, user_sql: Any, policy: Any, call_module: Any, freely: Any
) -> None:
    user_sql.execute(TABLE)
    user_sql.execute(
        "INSERT INTO logs SELECT n, now() - n * interval '1 minute' FROM generate_series(0, 499999) n;"
        "ALTER TABLE logs ADD CHECK (at > '2000-01-01'::timestamptz)"
    )
    door = policy()
    user_sql.execute(f"ALTER DATABASE \"{settings.database}\" SET transaction_timeout = '20ms'")
    result = call_module("cleanup", **freely, **door)
    assert not result.get("failed") and result["results"][0]["left"] == 0, result
    assert not call_module("reindex", **door).get("failed")
