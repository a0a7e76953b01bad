"""Taking a database over: what a replay proves, what it does not, and what is never run twice."""

from __future__ import annotations

import os
import zlib
from collections.abc import Callable
from typing import Any

import pytest
from ansible.module_utils import basic
from ansible_collections.titan.database.plugins.module_utils._engine.postgres import locks
from ansible_collections.titan.database.plugins.module_utils._engine.postgres.connection import ConnectionSettings
from ansible_collections.titan.database.plugins.module_utils._engine.postgres.database import Database, connect
from ansible_collections.titan.database.plugins.module_utils._engine.steps import observed

from tests.conftest import TITAN, login
from tests.drill_programs import drill_programs

Module = Callable[..., dict[str, Any]]
Run = Callable[..., dict[str, Any]]


@pytest.fixture
def run(settings: ConnectionSettings, call_module: Module, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run the module with files given as name=text pairs in a dictionary, the server programs on PATH."""
    monkeypatch.setenv("PATH", f"{drill_programs()}:{os.environ['PATH']}")

    def go(texts: dict[str, str], module: str = "migration", **options: Any) -> dict[str, Any]:
        sent = [{"name": name, "content": text} for name, text in texts.items()]
        warnings: list[str] = []
        monkeypatch.setattr(basic.AnsibleModule, "warn", lambda self, text: warnings.append(text))
        return {**call_module(module, **{**login(settings), **options}, files=sent), "warnings": warnings}

    return go


def ok(result: dict[str, Any]) -> dict[str, Any]:
    assert not result.get("failed"), result["msg"]
    return result


def verdicts(result: dict[str, Any]) -> list[str]:
    return [item["verdict"] for item in ok(result)["baseline"]]


def test_a_baseline_records_only_what_is_proven(run: Run, db: Database) -> None:
    db.execute("CREATE TABLE public.a (x int); CREATE INDEX ax ON public.a (x); CREATE TABLE public.b ()")
    texts = {
        "1_a.sql": "-- verify: SELECT count(*) = 0 FROM a\nCREATE TABLE a (x int); CREATE INDEX ax ON a (x);",
        "2_b.sql": "CREATE TABLE b (); CREATE VIEW bv AS SELECT FROM b;",
        "3_c.sql": "CREATE TABLE c ();",
        "4_d.sql": "INSERT INTO a VALUES (1);",
        "5_e.sql": "-- verify: SELECT count(*) = 7 FROM a\nDO $$ BEGIN END $$;",
    }
    for check in (True, False):
        result = run(texts, state="baselined", check_mode=check)
        assert verdicts(result) == ["proven", "partly", "absent", "unproven: data", "absent"]
        assert result["baseline"][1]["missing"] == ["view public.bv is not there"] and result["changed"]
        assert db.value("SELECT to_regclass('titan_ops.migration_history') IS NULL") is check
    assert [item["status"] for item in run(texts, "migration_info")["migrations"]] == ["applied", *["pending"] * 4]


@pytest.mark.parametrize("makes_schema", [False, True])
def test_the_replay_has_the_settings_of_database_and_role(
    run: Run, settings: ConnectionSettings, db: Database, makes_schema: bool
) -> None:
    """The schema of the search_path may be there before the files, or be made by them."""
    db.execute(
        "CREATE SCHEMA app; CREATE TABLE app.t (d date DEFAULT '2020-12-31'::date); INSERT INTO app.t VALUES (DEFAULT);"
        f'ALTER DATABASE "{settings.database}" SET search_path = app, public; '
        f"ALTER DATABASE \"{settings.database}\" SET DateStyle = 'ISO, MDY';"
        f'ALTER ROLE "{settings.user}" IN DATABASE "{settings.database}" SET DateStyle = \'SQL, DMY\''
    )
    text = "CREATE TABLE t (d date DEFAULT '31/12/2020'); INSERT INTO t VALUES (DEFAULT)"
    texts = {"1_a.sql": f"CREATE SCHEMA app; {text}" if makes_schema else text}
    try:
        assert verdicts(run(texts, state="baselined", check_mode=True)) == ["proven"]
    finally:
        db.execute(f'ALTER ROLE "{settings.user}" IN DATABASE "{settings.database}" RESET ALL')


def test_a_long_replay_does_not_lose_the_session_that_holds_the_lock(
    run: Run, db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(locks, "IDLE_IN_TRANSACTION", "5s")
    monkeypatch.setattr(locks, "SIGN_OF_LIFE", 0.5)
    db.execute("CREATE TABLE public.a (x int)")
    assert verdicts(run({"1_a.sql": "SELECT pg_sleep(7); CREATE TABLE a (x int)"}, state="baselined")) == [
        "unproven: data"
    ]


def test_what_an_owner_may_do_anyway_proves_a_grant_to_that_owner(
    run: Run, settings: ConnectionSettings, user_sql: Any
) -> None:
    texts = {
        "1_t.sql": "CREATE TABLE t (); GRANT SELECT ON t TO titan_kept_owner",
        "2_d.sql": f'GRANT CREATE ON DATABASE "{settings.database}" TO titan_kept_owner',
    }
    user_sql.execute(
        "CREATE ROLE titan_kept_owner; CREATE TABLE t (); ALTER TABLE t OWNER TO titan_kept_owner;"
        f'ALTER DATABASE "{settings.database}" OWNER TO titan_kept_owner'
    )
    try:
        assert verdicts(run(texts, state="baselined", check_mode=True, accept_superuser=True)) == ["proven", "proven"]
    finally:
        user_sql.execute("REASSIGN OWNED BY titan_kept_owner TO CURRENT_USER; DROP ROLE titan_kept_owner")


BEFORE = """
CREATE TABLE users (id int);
CREATE TABLE a (id int); CREATE TABLE b (id int);
CREATE FUNCTION f() RETURNS int LANGUAGE sql AS $$ select 1 $$;
CREATE FUNCTION g() RETURNS int LANGUAGE sql AS $$ select 1 $$;
CREATE TYPE e AS ENUM ('a', 'c'); CREATE TABLE t (x e); COMMENT ON TABLE t IS 'old';
"""
NAMES = {
    "01_u.sql": (
        "CREATE TABLE users (id bigint PRIMARY KEY, email text NOT NULL);",
        "partly",
        "users.id differs: the database has 'integer'",
    ),
    "02_u.sql": (
        "ALTER TABLE users ADD CHECK (email <> '');",
        "absent",
        "constraint users_email_check on public.users is not there",
    ),
    "03_x.sql": (
        "CREATE TABLE a (id int);\nALTER TABLE b ADD COLUMN c int;",
        "unproven",
        'PostgreSQL says: relation "b" does not exist',
    ),
    "04_f.sql": (
        "CREATE FUNCTION f() RETURNS int LANGUAGE sql AS $$ select 2 $$;",
        "absent",
        "function public.f() differs",
    ),
    "05_g.sql": ("CREATE FUNCTION g() RETURNS int LANGUAGE sql AS $$ select 1 $$;", "proven", ""),
    "06_g.sql": (
        "CREATE OR REPLACE FUNCTION g() RETURNS int LANGUAGE sql AS $$ select 2 $$;",
        "absent",
        "function public.g() differs",
    ),
    "07_e.sql": ("CREATE TYPE e AS ENUM ('a'); CREATE TABLE t (x e);", "partly", "enum public.e differs"),
    "08_e.sql": ("ALTER TYPE e ADD VALUE 'b';", "absent", "enum public.e differs"),
    "09_c.sql": ("COMMENT ON TABLE t IS 'new';", "absent", "comment on table public.t differs"),
}


def test_names_alone_prove_nothing(run: Run, user_sql: Any) -> None:
    user_sql.execute(BEFORE)
    result = run({file: text for file, (text, _verdict, _why) in NAMES.items()}, state="baselined", check_mode=True)
    assert verdicts(result) == [verdict for _text, verdict, _why in NAMES.values()]
    for file, (_text, _verdict, why) in NAMES.items():
        assert not why or any(file in warning and why in warning for warning in result["warnings"]), result["warnings"]


HAND_MADE = """
CREATE TABLE public.parcel (id int);
CREATE INDEX parcel_id_idx ON public.parcel (id);
CREATE FUNCTION public.fee(kg text) RETURNS text LANGUAGE sql AS 'SELECT kg';
CREATE VIEW public.heavy AS SELECT 1 AS other;
CREATE FUNCTION public.touch() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN OLD; END';
CREATE TABLE public.rate (zone text PRIMARY KEY, eur numeric);
CREATE INDEX rate_zone_idx ON public.rate (zone);
"""
PARCELS = {
    "1_t.sql": "CREATE TABLE IF NOT EXISTS parcel (id int PRIMARY KEY, weight numeric NOT NULL, tracking text UNIQUE);",
    "2_c.sql": "ALTER TABLE parcel ADD COLUMN IF NOT EXISTS carrier text NOT NULL DEFAULT 'post';\n"
    "CREATE INDEX IF NOT EXISTS parcel_id_idx ON parcel (id);",
    "3_c.sql": "ALTER TABLE parcel ADD COLUMN IF NOT EXISTS insured boolean NOT NULL DEFAULT false;",
    "4_f.sql": "CREATE OR REPLACE FUNCTION fee(kg numeric) RETURNS numeric LANGUAGE sql AS 'SELECT kg * 3';",
    "5_v.sql": "CREATE OR REPLACE VIEW heavy AS SELECT id FROM parcel WHERE id > 1000;",
    "6_t.sql": "CREATE OR REPLACE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';\n"
    "CREATE TRIGGER parcel_touch BEFORE UPDATE ON parcel FOR EACH ROW EXECUTE FUNCTION touch();\n"
    "ALTER TABLE parcel ADD CONSTRAINT positive CHECK (id > 0);",
    "7_d.sql": "CREATE TABLE IF NOT EXISTS rate (zone text PRIMARY KEY, eur numeric);\nINSERT INTO rate VALUES ('A', 1), ('B', 2);",
    "8_r.sql": "ALTER TABLE rate RENAME COLUMN eur TO price;\nCREATE INDEX IF NOT EXISTS rate_zone_idx ON rate (zone);",
}


def test_a_predecessor_with_the_same_names_proves_nothing_and_its_files_prove_all(
    run: Run, user_sql: Any, db: Database
) -> None:
    user_sql.execute(HAND_MADE)
    assert "proven" not in verdicts(run(PARCELS, state="baselined", check_mode=True))
    db.execute("DROP SCHEMA public CASCADE; CREATE SCHEMA public")
    for text in PARCELS.values():
        user_sql.execute(text)
    assert verdicts(run(PARCELS, state="baselined")) == ["proven"] * 8
    assert not ok(run(PARCELS))["changed"]


def test_rows_are_never_changed_twice(run: Run, user_sql: Any) -> None:
    user_sql.execute("CREATE TABLE prices (id int PRIMARY KEY, p numeric); INSERT INTO prices VALUES (1, 110)")
    user_sql.execute("CREATE INDEX prices_p ON prices (p)")
    texts = {
        "0001_t.sql": "CREATE TABLE prices (id int PRIMARY KEY, p numeric);",
        "0002_raise.sql": "UPDATE prices SET p = p * 1.1;",
        "0003_v.sql": "CREATE INDEX prices_p ON prices (p);",
        "0004_late.sql": "UPDATE prices SET p = p + 1;",
        "0005_new.sql": "CREATE TABLE later (a int);",
        "0006_rows.sql": "INSERT INTO later SELECT 1; UPDATE ONLY public.later AS l SET a = abs(a) + 1; DELETE FROM later WHERE a = 9;",
        "0007_both.sql": "UPDATE later SET a = a + 1; UPDATE prices SET p = p + 0;",
    }
    unproven = "unproven: data"
    assert verdicts(run(texts, state="baselined")) == [
        "proven",
        unproven,
        "proven",
        unproven,
        "absent",
        "absent",
        unproven,
    ]
    for check in (True, False):
        refused = run(texts, check_mode=check)
        assert refused["failed"] and "accept_unproven: [0002" in refused["msg"]
        assert "allow_out_of_order" not in refused["msg"]
    assert "0009" in run(texts, state="baselined", accept_unproven=["0009"])["msg"]
    result = ok(run(texts, state="baselined", accept_unproven=["0002", "4"]))
    assert result["changed"] and "the table later, whose rows it changes, is not there" in result["warnings"][1]
    assert [item["version"] for item in ok(run(texts, allow_out_of_order=["7"]))["applied"]] == ["0005", "0006", "0007"]
    assert not ok(run(texts))["changed"]
    user_sql.execute("SELECT p FROM prices")
    assert user_sql.fetchone()[0] == 110
    user_sql.execute(
        "SELECT details->>'source' FROM titan_ops.migration_history WHERE version = '0004' AND outcome = 'applied'"
    )
    assert user_sql.fetchone()[0] == "person"


def test_inserted_rows_prove_and_missing_ones_do_not(run: Run, user_sql: Any) -> None:
    table = "(id serial, zone text, at timestamptz DEFAULT now())"
    for name in ("r", "s"):
        user_sql.execute(f"CREATE TABLE {name} {table}; INSERT INTO {name} (zone) VALUES ('b'), ('A''')")
    user_sql.execute("DELETE FROM s WHERE zone = 'b'")
    texts = {
        f"{name}.sql": f"CREATE TABLE {name[-1]} {table}; INSERT INTO {name[-1]} (zone) VALUES ('A'''), ('b');"
        for name in ("1_r", "2_s")
    }
    assert verdicts(run(texts, state="baselined", check_mode=True)) == ["proven", "unproven: data"]


def test_without_server_programs_nothing_is_proven_and_that_is_said(run: Run, user_sql: Any, tmp_path: Any) -> None:
    user_sql.execute("CREATE TABLE a (id int)")
    texts = {"1_a.sql": "CREATE TABLE a (id int);", "2_b.sql": "CREATE TABLE b (id int);"}
    result = run(texts, state="baselined", programs=str(tmp_path))
    assert verdicts(result) == ["unproven", "absent"] and "names prove nothing" in result["warnings"][0]
    assert "programs" in result["warnings"][0]


def test_a_dump_and_restore_is_no_drift() -> None:
    from ansible_collections.titan.database.plugins.module_utils._engine.migrations.history.inventory import normal_form

    made = "CHECK (((s)::text = ANY ((ARRAY['a,b'::character varying, 'it''s ('::character varying])::text[])))"
    restored = (
        "CHECK (((s)::text = ANY (ARRAY[('a,b'::character varying)::text, ('it''s ('::character varying)::text])))"
    )
    assert normal_form(made) == restored == normal_form(restored)


# --- another tool's history ---------------------------------------------------------------------------------------

FLYWAY_TABLE = """
CREATE TABLE public.flyway_schema_history (installed_rank int PRIMARY KEY, version varchar(50), description varchar(200) NOT NULL,
  type varchar(20) NOT NULL, script varchar(1000) NOT NULL, checksum int, installed_by varchar(100) NOT NULL,
  installed_on timestamp NOT NULL DEFAULT now(), execution_time int NOT NULL, success boolean NOT NULL)
"""
SHOP = {
    "V1__users.sql": "create table users(id bigint primary key, email text not null);\n",
    "V2__seed.sql": "insert into users values (1,'a@x');\n",
    "V2_1__raise.sql": "update users set id = id + 1;\r\nselect 1;",
    "V3__tmp.sql": "create table scratch(id int);",
    "V4__drop.sql": "drop table scratch;",
    "R__fn.sql": "create or replace function ver() returns int language sql as $$ select 1 $$;",
}


def flyway_row(rank: int, file: str, checksum: int | None, success: bool = True, kind: str = "SQL") -> str:
    version = "NULL" if file.startswith("R__") else "'" + file[1:].split("__")[0].replace("_", ".") + "'"
    checksum_text = "NULL" if checksum is None else str(checksum - (1 << 32) if checksum >= 1 << 31 else checksum)
    return (
        f"INSERT INTO public.flyway_schema_history VALUES ({rank}, {version}, 'd', '{kind}', 'db/{file}', {checksum_text}, 'u', "
        f"'2024-01-02 03:04:05', 1, {success})"
    )


def test_flyways_own_history_is_taken_over(run: Run, user_sql: Any) -> None:
    for text in SHOP.values():
        user_sql.execute(text)
    user_sql.execute(FLYWAY_TABLE)
    checksums = {
        "V1__users.sql": -1,
        "V2__seed.sql": None,
        "V2_1__raise.sql": zlib.crc32(b"update users set id = id + 1;select 1;"),
    }
    for rank, file in enumerate(SHOP, 1):
        user_sql.execute(flyway_row(rank, file, checksums.get(file)))
    texts = {**SHOP, "V5__new.sql": "create table coupons(id bigint);"}
    result = ok(run(texts, naming="flyway", state="adopted", **{"from": "flyway"}))
    assert [item["verdict"] for item in result["baseline"]] == ["said by flyway"] * 6 and result["changed"]
    by_version = {item["version"]: item for item in result["baseline"]}
    assert by_version["1"]["same_file"] is False and by_version["2"]["same_file"] is None
    assert by_version["2_1"]["same_file"] is True
    assert [by_version[version]["replay"] for version in ("1", "2_1", "3")] == ["proven", "unproven: data", "proven"]
    assert by_version["1"]["at"] == "2024-01-02T03:04:05"
    assert any("V1__users.sql is not the text that Flyway ran" in warning for warning in result["warnings"])
    assert not ok(run(texts, naming="flyway", state="adopted", **{"from": "flyway"}))["changed"]
    assert [item["file"] for item in ok(run(texts, naming="flyway"))["applied"]] == ["V5__new.sql"]
    user_sql.execute("SELECT id FROM users")
    assert user_sql.fetchall() == [(2,)]
    user_sql.execute("SELECT count(*), max(installed_rank) FROM flyway_schema_history")
    assert user_sql.fetchone() == (6, 6)


def test_a_failed_or_dirty_history_is_refused_and_writes_nothing(run: Run, user_sql: Any) -> None:
    user_sql.execute(FLYWAY_TABLE)
    user_sql.execute(flyway_row(1, "V1__users.sql", 1, success=False))
    user_sql.execute(
        "CREATE TABLE schema_migrations (version bigint, dirty boolean); INSERT INTO schema_migrations VALUES (2, true)"
    )
    up = {"1_a.up.sql": "SELECT 1", "2_b.up.sql": "SELECT 2", "3_c.up.sql": "SELECT 3"}
    for texts, options in (
        (SHOP, {"naming": "flyway", "from": "flyway"}),
        (up, {"naming": "up_down", "from": "golang_migrate"}),
    ):
        refused = run(texts, state="adopted", **options)
        assert refused["failed"] and "failed or have not ended" in refused["msg"]
    refused = run(up, naming="up_down", state="adopted", **{"from": "goose"})
    assert refused["failed"] and "goose_db_version" in refused["msg"]
    user_sql.execute("SELECT to_regclass('titan_ops.migration_history')")
    assert user_sql.fetchone() == (None,)


ATLAS_TABLE = (
    "CREATE TABLE atlas_schema_revisions.atlas_schema_revisions (version varchar PRIMARY KEY, description varchar NOT NULL, type bigint NOT"
    " NULL DEFAULT 2, applied bigint NOT NULL DEFAULT 0, total bigint NOT NULL DEFAULT 0, executed_at timestamptz NOT NULL, execution_time"
    " bigint NOT NULL, error text, error_stmt text, hash varchar NOT NULL DEFAULT '', partial_hashes jsonb, operator_version varchar NOT NULL"
    " DEFAULT '');"
)
PLAN = "x/a 2024-01-01T00:00:00Z T <t@e.org>\na 2024-01-01T00:00:00Z T <t@e.org>\n@v 2024-01-01T00:00:00Z T <t@e.org>\n"
TEXTS = {
    "liquibase": "--liquibase formatted sql\n--changeset me:1\nSELECT 1",
    "sql_migrate": "-- +migrate Up\nSELECT 1",
}


@pytest.mark.parametrize(
    ("tool", "naming", "table", "files", "taken"),
    [
        ("golang_migrate", "up_down", "CREATE TABLE schema_migrations (version bigint, dirty bool); INSERT INTO schema_migrations VALUES (2, false)",
         ["1_a.up.sql", "2_b.up.sql", "3_c.up.sql"], ["1", "2"]),
        ("dbmate", "plain", "CREATE TABLE schema_migrations (version varchar); INSERT INTO schema_migrations VALUES ('20240101000000')",
         ["20240101000000_a.sql", "20240102000000_b.sql"], ["20240101000000"]),
        ("goose", "plain", "CREATE TABLE goose_db_version (id serial, version_id bigint, is_applied boolean, tstamp timestamp DEFAULT now());"
         "INSERT INTO goose_db_version (version_id, is_applied) VALUES (0, true), (1, true), (2, true), (2, false)",
         ["00001_a.sql", "00002_b.sql"], ["00001"]),
        ("sqlx", "plain", "CREATE TABLE _sqlx_migrations (version bigint, description text, installed_on timestamptz DEFAULT now(), success boolean,"
         " checksum bytea); INSERT INTO _sqlx_migrations VALUES (1, 'a', now(), true, sha384('SELECT 1'))", ["1_a.sql", "2_b.sql"], ["1"]),
        ("prisma", "directory", "CREATE TABLE _prisma_migrations (checksum varchar, finished_at timestamptz, migration_name varchar, rolled_back_at"
         " timestamptz, started_at timestamptz DEFAULT now()); INSERT INTO _prisma_migrations VALUES (encode(sha256('SELECT 1'), 'hex'), now(),"
         " '20240101_a', NULL), ('x', NULL, '20240102_b', now())", ["20240101_a/migration.sql", "20240102_b/migration.sql"], ["20240101_a"]),
        ("diesel", "directory", "CREATE TABLE __diesel_schema_migrations (version varchar, run_on timestamp DEFAULT now());"
         "INSERT INTO __diesel_schema_migrations VALUES ('20240101000000')", ["2024-01-01-000000_a/up.sql", "2024-01-02-000000_b/up.sql"],
         ["2024-01-01-000000"]),
        ("node_pg_migrate", "plain", "CREATE TABLE pgmigrations (id serial, name varchar, run_on timestamp DEFAULT now());"
         "INSERT INTO pgmigrations (name) VALUES ('1700000000001_a')", ["1700000000001_a.sql", "1700000000002_b.sql"], ["1700000000001"]),
        ("rails", "plain", "CREATE TABLE schema_migrations (version varchar); INSERT INTO schema_migrations VALUES ('20240102')",
         ["20240101_a.sql", "20240102_b.sql"], ["20240102"]),
        ("alembic", "plain", "CREATE TABLE alembic_version (version_num varchar); INSERT INTO alembic_version VALUES ('0002')",
         ["0001_a.sql", "0002_b.sql", "0003_c.sql"], ["0001", "0002"]),
        ("liquibase", "plain", "CREATE TABLE databasechangelog (id varchar, author varchar, filename varchar, dateexecuted timestamp DEFAULT now(),"
         " orderexecuted int, exectype varchar, md5sum varchar); INSERT INTO databasechangelog VALUES ('1', 'me', 'd/1_a.sql', now(), 1, 'EXECUTED')",
         ["1_a.sql", "2_b.sql"], ["1"]),
        ("liquibase", "liquibase", "CREATE TABLE databasechangelog (id varchar, author varchar, filename varchar, dateexecuted"
         " timestamp DEFAULT now(), orderexecuted int, exectype varchar, md5sum varchar);"
         "INSERT INTO databasechangelog VALUES ('1', 'me', 'd/1_a.sql', now(), 1, 'EXECUTED')",
         ["1_a.sql", "2_b.sql"], ["1.1"]),
        ("sqitch", "plain", "CREATE SCHEMA sqitch; CREATE TABLE sqitch.changes (change text, committed_at timestamptz DEFAULT now(), project text);"
         "INSERT INTO sqitch.changes VALUES ('a', now(), 'p')", ["1_a.sql", "2_b.sql"], ["1"]),
        ("sqitch", "sqitch", "CREATE SCHEMA sqitch; CREATE TABLE sqitch.changes (change_id text PRIMARY KEY, script_hash text UNIQUE, change text"
         " NOT NULL, project text NOT NULL, note text NOT NULL DEFAULT '', committed_at timestamptz NOT NULL DEFAULT clock_timestamp(),"
         " committer_name text, committer_email text, planned_at timestamptz, planner_name text, planner_email text);"
         "INSERT INTO sqitch.changes VALUES ('1', '1', 'x/a', 'p'), ('2', '2', 'a', 'p')",
         ["sqitch.plan", "deploy/x/a@v.sql", "deploy/a.sql", "deploy/x/a.sql"], ["0001", "0002"]),
        ("sql_migrate", "sql_migrate", "CREATE TABLE gorp_migrations (id text PRIMARY KEY, applied_at timestamptz);"
         "INSERT INTO gorp_migrations VALUES ('1_a.sql', now())", ["1_a.sql", "2_b.sql"], ["1"]),
        ("atlas", "atlas", f"CREATE SCHEMA atlas_schema_revisions; {ATLAS_TABLE}INSERT INTO atlas_schema_revisions.atlas_schema_revisions VALUES"
         " ('.atlas_cloud_identifier', 'x', 1, 0, 0, now(), 0),"
         " ('20240102000000', 'b', 1, 0, 0, now(), 0), ('20240103000000', 'c', 2, 1, 1, now(), 9)",
         ["20240101000000_a.sql", "20240102000000_b.sql", "20240103000000_c.sql", "20240104000000_d.sql"],
         ["20240101000000", "20240102000000", "20240103000000"]),
    ],
)  # fmt: skip
def test_every_tool_is_understood(
    call_module: Module, settings: ConnectionSettings, user_sql: Any, tool: str, naming: str, table: str, files: list[str], taken: list[str],
    tmp_path: Any,
) -> None:  # fmt: skip
    user_sql.execute(table)
    text = TEXTS.get(tool, "SELECT 1")
    sent = [{"name": name, "content": text.replace("me:1", f"me:{name[0]}")} for name in files]
    sent = [
        {**item, "content": PLAN + PLAN.splitlines()[0]} if item["name"] == "sqitch.plan" else item for item in sent
    ]
    result = call_module(
        "migration",
        **login(settings),
        files=sent,
        naming=naming,
        state="adopted",
        programs=str(tmp_path),
        **{"from": tool},
    )
    assert [item["version"] for item in ok(result)["baseline"]] == taken
    assert {item["same_file"] for item in result["baseline"]} == ({True} if tool in ("sqlx", "prisma") else {None})
    user_sql.execute("SELECT version, details->>'source' FROM titan_ops.migration_history ORDER BY id")
    assert user_sql.fetchall() == [(version, tool) for version in taken]


SQITCH_TABLES = (
    "CREATE SCHEMA sqitch; CREATE TABLE sqitch.changes (change_id text PRIMARY KEY, script_hash text UNIQUE, change text NOT NULL, project text"
    " NOT NULL, note text NOT NULL DEFAULT '', committed_at timestamptz NOT NULL DEFAULT clock_timestamp());"
    "CREATE TABLE sqitch.events (event text NOT NULL, change_id text NOT NULL, change text NOT NULL, project text NOT NULL,"
    " note text NOT NULL DEFAULT '', committed_at timestamptz NOT NULL DEFAULT clock_timestamp());"
    "INSERT INTO sqitch.changes VALUES ('1', '1', 'a', 'shop'), ('2', '2', 'b', 'other');"
    "INSERT INTO sqitch.events VALUES ('fail', '1', 'a', 'shop'), ('deploy', '1', 'a', 'shop'), ('fail', '3', 'c', 'other');"
)
CHANGE = " 2024-01-01T00:00:00Z T <t@e.org>\n"
SHOP_PLAN = f"%syntax-version=1.0.0\n%project=shop\n\na{CHANGE}b{CHANGE}"
SQITCH_FILES = {"sqitch.plan": SHOP_PLAN, "deploy/a.sql": "SELECT 1", "deploy/b.sql": "SELECT 1"}
LIQUIBASE_TABLES = (
    "CREATE TABLE databasechangelog (id varchar, author varchar, filename varchar, dateexecuted timestamp DEFAULT now(), orderexecuted int,"
    " exectype varchar, md5sum varchar); INSERT INTO databasechangelog VALUES ('1', 'me', '1_a.sql', now(), 1, 'EXECUTED');"
    "CREATE TABLE databasechangeloglock (id int PRIMARY KEY, locked boolean NOT NULL, lockgranted timestamp, lockedby varchar(255));"
    "INSERT INTO databasechangeloglock VALUES (1, true, '2024-01-02 03:04:05', 'ci-7 (10.0.0.7)')"
)
NUMBERED = {"1_a.sql": "SELECT 1", "2_b.sql": "SELECT 2", "3_c.sql": "SELECT 3"}


@pytest.mark.parametrize(
    ("tool", "naming", "files", "tables", "said", "mended"),
    [
        ("liquibase", "liquibase", {"1_a.sql": TEXTS["liquibase"], "2_b.sql": TEXTS["liquibase"].replace("me:1", "me:2")}, LIQUIBASE_TABLES,
         "the lock of ci-7 (10.0.0.7) since 2024-01-02 03:04:05", "UPDATE databasechangeloglock SET locked = false, lockedby = NULL"),
        ("sqitch", "sqitch", SQITCH_FILES, SQITCH_TABLES + "INSERT INTO sqitch.events VALUES ('fail', '2', 'b', 'shop')", ": b.",
         "INSERT INTO sqitch.events VALUES ('deploy', '2', 'b', 'shop'), ('revert', '2', 'b', 'shop')"),
        ("alembic", "plain", NUMBERED, "CREATE TABLE alembic_version (version_num varchar(32) PRIMARY KEY);"
         "INSERT INTO alembic_version VALUES ('1'), ('3')", "several versions (1, 3)", "DELETE FROM alembic_version WHERE version_num = '3'"),
        ("dbmate", "plain", NUMBERED, "CREATE TABLE schema_migrations (version bigint PRIMARY KEY, dirty boolean NOT NULL);"
         "INSERT INTO schema_migrations VALUES (1, false)", "it has a column dirty", "ALTER TABLE schema_migrations DROP dirty"),
        ("rails", "plain", NUMBERED, "CREATE TABLE schema_migrations (version bigint PRIMARY KEY, dirty boolean NOT NULL);"
         "INSERT INTO schema_migrations VALUES (1, false)", "it has a column dirty", "ALTER TABLE schema_migrations DROP dirty"),
        ("sqlx", "sqlx", NUMBERED, "CREATE TABLE _sqlx_migrations (version bigint PRIMARY KEY, description text NOT NULL, installed_on timestamptz"
         " NOT NULL DEFAULT now(), success boolean NOT NULL, checksum bytea NOT NULL, execution_time bigint NOT NULL);"
         "INSERT INTO _sqlx_migrations VALUES (1, 'a', now(), true, '\\x00', 1), (2, 'b', now(), false, '\\x00', -1)", ": 2.",
         "DELETE FROM _sqlx_migrations WHERE version = 2"),
        ("prisma", "prisma", {f"2024010{n}_a/migration.sql": "SELECT 1" for n in (1, 2)}, "CREATE TABLE _prisma_migrations (id varchar(36) PRIMARY"
         " KEY, checksum varchar(64) NOT NULL, finished_at timestamptz, migration_name varchar(255) NOT NULL, logs text, rolled_back_at timestamptz,"
         " started_at timestamptz NOT NULL DEFAULT now(), applied_steps_count integer NOT NULL DEFAULT 0);"
         "INSERT INTO _prisma_migrations VALUES ('1', 'x', now(), '20240101_a', NULL, NULL, '2024-01-01', 1),"
         " ('2', 'x', NULL, '20240102_a', 'A migration failed to apply', NULL, '2024-01-02', 0)", ": 20240102_a.",
         "UPDATE _prisma_migrations SET rolled_back_at = now() WHERE id = '2'"),
        ("atlas", "atlas", NUMBERED, f"CREATE SCHEMA atlas_schema_revisions; {ATLAS_TABLE} INSERT INTO atlas_schema_revisions.atlas_schema_revisions"
         " VALUES ('1', 'a', 2, 1, 1, now(), 9, NULL, NULL), ('2', 'b', 2, 1, 3, now(), 9, 'ERROR: x', 'CREATE')", ": 2.",
         "DELETE FROM atlas_schema_revisions.atlas_schema_revisions WHERE version = '2'"),
    ],
)  # fmt: skip
def test_what_a_tool_has_not_ended_is_refused_until_it_says_otherwise(
    run: Run, user_sql: Any, tool: str, naming: str, files: dict[str, str], tables: str, said: str, mended: str, tmp_path: Any
) -> None:  # fmt: skip
    options = {"naming": naming, "from": tool, "state": "adopted", "programs": str(tmp_path)}
    user_sql.execute(tables)
    refused = run(files, **options)
    assert refused["failed"] and said in refused["msg"]
    user_sql.execute("SELECT to_regclass('titan_ops.migration_history')")
    assert user_sql.fetchone() == (None,)
    user_sql.execute(mended)
    assert len(ok(run(files, **options))["baseline"]) == 1


def test_changes_of_another_sqitch_project_do_not_count(run: Run, user_sql: Any, tmp_path: Any) -> None:
    options = {"naming": "sqitch", "from": "sqitch", "state": "adopted", "programs": str(tmp_path)}
    user_sql.execute(SQITCH_TABLES)
    nameless = {**SQITCH_FILES, "sqitch.plan": SHOP_PLAN.replace("%project=shop\n", "")}
    refused = run(nameless, **options)
    assert refused["failed"] and "holds several projects (other, shop)" in refused["msg"]
    assert [item["name"] for item in ok(run(SQITCH_FILES, **options))["baseline"]] == ["a"]


def test_a_file_of_comments_is_proven_with_the_others(run: Run, user_sql: Any) -> None:
    texts = {
        "1_a.sql": "CREATE TABLE t (a int, b int);",
        "2_b.sql": "-- for another server\n/* nothing */\n",
        "3_c.sql": "ALTER TABLE t DROP COLUMN b;",
        "4_d.sql": "",
        "5_e.sql": " ;\n-- the end",
        "6_f.sql": "DELETE FROM _sqlx_migrations WHERE version = 1; COMMENT ON TABLE t IS 'x';",  # its tool's own table
        "7_g.sql": "ALTER TABLE t ADD c int;",
    }
    user_sql.execute(
        "CREATE TABLE t (a int, c int); COMMENT ON TABLE t IS 'x'; CREATE TABLE _sqlx_migrations (version bigserial PRIMARY KEY)"
    )
    user_sql.execute("INSERT INTO _sqlx_migrations VALUES (2)")
    for table in (
        'migrations (id serial CONSTRAINT "PK_8c" PRIMARY KEY, timestamp bigint)',
        "_yoyo_migration (id int)",
        "drizzle.__drizzle_migrations (id int)",
    ):
        user_sql.execute(
            f"CREATE SCHEMA IF NOT EXISTS drizzle; CREATE TABLE {table}; INSERT INTO {table.split()[0]} VALUES (1)"
        )
    user_sql.execute("CREATE TABLE yoyo_lock (locked int PRIMARY KEY)")
    done = ok(run(texts, state="baselined"))
    assert [item["verdict"] for item in done["baseline"]] == ["proven"] * 5 + ["unproven: data", "proven"]
    assert not [text for text in done["warnings"] if "no migration makes" in text], done["warnings"]


# --- objects of the same name and another shape ----------------------------------------------------------------------

OLD_SHAPES = """
CREATE FUNCTION f() RETURNS TABLE (deleted_count bigint) LANGUAGE sql AS 'SELECT 0::bigint';
CREATE FUNCTION g(a int) RETURNS int LANGUAGE sql AS 'SELECT 1';
CREATE FUNCTION same() RETURNS TABLE (a character varying, b bigint) LANGUAGE sql AS 'SELECT NULL::varchar, 0::bigint';
CREATE TABLE t (id int); CREATE VIEW v AS SELECT 1 AS other; CREATE VIEW w AS SELECT 1 AS id;
"""
NEW_SHAPES = """CREATE OR REPLACE FUNCTION f() RETURNS TABLE (cleanup_type text, deleted_count bigint) LANGUAGE sql AS 'SELECT '''', 0::bigint';
CREATE OR REPLACE FUNCTION g(a int) RETURNS text LANGUAGE sql AS 'SELECT ''''';
CREATE OR REPLACE FUNCTION g(a int, b int) RETURNS text LANGUAGE sql AS 'SELECT ''''';
CREATE OR REPLACE FUNCTION same() RETURNS TABLE (a varchar(50), b int8) LANGUAGE sql AS 'SELECT NULL::varchar, 0::bigint';
CREATE TABLE IF NOT EXISTS t (id int, PRIMARY KEY (id), "Note" text CHECK (length("Note") > 0), c int);
CREATE OR REPLACE VIEW v AS SELECT id FROM t;
CREATE OR REPLACE VIEW w AS SELECT id, id + 1 AS more FROM t;
"""


def test_objects_of_another_shape_are_named_all_at_once(run: Run, user_sql: Any) -> None:
    user_sql.execute(OLD_SHAPES)
    warnings = [
        text for text in ok(run({"1_a.sql": NEW_SHAPES}, check_mode=True))["warnings"] if " already exists" in text
    ]
    assert [warning.split(":")[0] for warning in warnings] == [f"1_a.sql, line {line}" for line in (1, 2, 5, 6)], (
        warnings
    )
    assert "Note, c" in warnings[2] and "returns TABLE(deleted_count bigint)" in warnings[0]
    drops = "DROP FUNCTION f; DROP FUNCTION g(int); DROP VIEW v; DROP TABLE t;\n"
    assert not [
        text
        for text in ok(run({"1_a.sql": drops + NEW_SHAPES}, check_mode=True))["warnings"]
        if " already exists" in text
    ]
    assert not run({"1_a.sql": drops + NEW_SHAPES}).get("failed")


ONE = " RETURNS int LANGUAGE sql AS 'SELECT 1'"
SHAPES = [
    ("CREATE FUNCTION f(a int)" + ONE, "FUNCTION f(b integer)" + ONE, "rename its parameter a to b"),
    ("CREATE FUNCTION f(a int DEFAULT 3)" + ONE, "FUNCTION f(a int)" + ONE, "defaults"),
    ("CREATE FUNCTION f(OUT a int, OUT b int) LANGUAGE sql AS 'SELECT 1, 2'",
     "FUNCTION f(OUT a int, OUT b double precision) LANGUAGE sql AS 'SELECT 1, 2.0'", "OUT"),
    ("CREATE FUNCTION f(a int, INOUT b int) LANGUAGE sql AS 'SELECT 1'", "FUNCTION f(a int, INOUT c int) LANGUAGE sql AS 'SELECT 1'",
     "rename its parameter b to c"),
    ("CREATE FUNCTION f() RETURNS void LANGUAGE sql AS ''", "PROCEDURE f() LANGUAGE sql AS ''", "make it a procedure"),
    ("CREATE PROCEDURE f() LANGUAGE sql AS ''", "FUNCTION f() RETURNS void LANGUAGE sql AS ''", "make it a function"),
    ("CREATE VIEW f AS SELECT 1 AS a", "VIEW f AS SELECT 1::bigint AS a", "column a has the type integer"),
    ("CREATE VIEW f (x, y) AS SELECT 1, 2", "VIEW f (x, z) AS SELECT 1, 2", "cannot give it x, z"),
    ("CREATE MATERIALIZED VIEW f AS SELECT 1 AS a", "VIEW f AS SELECT 1 AS a", "the materialized view f already exists"),
    ("CREATE FUNCTION f(a varchar)" + ONE,
     "FUNCTION f(a character varying(30)) RETURNS integer LANGUAGE sql AS 'SELECT 2'", ""),
    ("CREATE FUNCTION f(int)" + ONE, "FUNCTION f(a int) RETURNS int LANGUAGE sql AS 'SELECT 2'", ""),
    ("CREATE FUNCTION f(a int)" + ONE,
     "FUNCTION f(a int, b text DEFAULT 'x, y') RETURNS text LANGUAGE sql AS 'SELECT b'", ""),
    ("CREATE FUNCTION f(a int, b int = 2)" + ONE, "FUNCTION f(IN a int DEFAULT 1, b int = 2)" + ONE, ""),
    ("CREATE VIEW f (x, y) AS SELECT 1, 2", "VIEW f (x, y, z) AS SELECT 1, 2, 3", ""),
]  # fmt: skip


@pytest.mark.parametrize(("left", "declared", "said"), SHAPES)
def test_what_cannot_be_replaced_is_what_the_server_cannot_replace(
    run: Run, user_sql: Any, left: str, declared: str, said: str
) -> None:
    user_sql.execute(left)
    predicted = ok(run({"1_f.sql": f"CREATE OR REPLACE {declared};"}, check_mode=True))
    warnings = " ".join(each for each in predicted["warnings"] if "already exists" in each)
    assert (said in warnings) if said else not warnings, warnings
    assert run({"1_f.sql": f"CREATE OR REPLACE {declared};"}).get("failed", False) is bool(said)


def test_what_a_predecessor_of_0011_left_is_told_at_once(run: Run, titan: ConnectionSettings) -> None:
    with connect(titan, fixed_settings=False) as database:
        database.execute(ORIGINAL_FUNCTIONS)
    texts = {path.name: path.read_text() for path in (TITAN / "migrations").glob("*.sql")}
    said = " ".join(ok(run(texts, check_mode=True, **login(titan)))["warnings"])
    for name in ("cleanup_audit_logs", "cleanup_system_logs", "run_all_cleanups"):
        assert f"the function public.{name}() already exists and returns" in said


ORIGINAL_FUNCTIONS = """
CREATE FUNCTION cleanup_audit_logs() RETURNS TABLE (deleted_count bigint) LANGUAGE sql AS 'SELECT 0::bigint';
CREATE FUNCTION cleanup_system_logs() RETURNS TABLE (info_deleted bigint, total_deleted bigint) LANGUAGE sql AS 'SELECT 0::bigint, 0::bigint';
CREATE FUNCTION run_all_cleanups() RETURNS TABLE (cleanup_type varchar(50), records_deleted bigint) LANGUAGE sql AS 'SELECT NULL::varchar, 0::bigint';
CREATE VIEW cleanup_statistics AS SELECT 'audit_logs'::text AS table_name, 0::bigint AS total_records, 0::bigint AS records_to_cleanup;
"""


@pytest.mark.parametrize(
    ("state", "names"),
    [
        ("adopted", ["migration.adopt", "migration.adopt_commit"]),
        ("baselined", ["migration.baseline", "migration.baseline_commit"]),
    ],
)
def test_a_takeover_that_is_cut_off_has_recorded_nothing(
    run: Run, user_sql: Any, tmp_path: Any, state: str, names: list[str]
) -> None:
    user_sql.execute(
        "CREATE TABLE schema_migrations (version varchar); INSERT INTO schema_migrations VALUES ('1'), ('2')"
    )
    texts = {"1_a.sql": "-- verify: SELECT true\nSELECT 1", "2_b.sql": "-- verify: SELECT true\nSELECT 2"}
    options = {"state": state, "programs": str(tmp_path), **({"from": "dbmate"} if state == "adopted" else {})}
    for name in names:

        def fail(step: str, name: str = name) -> None:
            if step == name:
                raise RuntimeError(name)

        with observed(fail), pytest.raises(RuntimeError, match=name):
            run(texts, **options)
        user_sql.execute("SELECT count(*) FROM titan_ops.migration_history")
        assert user_sql.fetchone() == (0,)
    result = ok(run(texts, **options))
    assert len(result["baseline"]) == 2 and result["changed"]
    assert not ok(run(texts))["changed"]


@pytest.mark.parametrize("state", ["baselined", "adopted"])
def test_an_index_whose_duplicate_is_there_is_a_promise(run: Run, db: Database, state: str) -> None:
    """Taken over without an index, since an equal one stands: once that is gone, the index is built."""
    db.execute(
        'CREATE TABLE public.t (a int, b int); CREATE INDEX "an old one" ON public.t (a); CREATE TABLE public.p (a int) PARTITION BY HASH (a);'
        "CREATE INDEX p_old ON public.p (a); CREATE TABLE public.schema_migrations (version varchar PRIMARY KEY);"
        "INSERT INTO public.schema_migrations VALUES ('1'), ('2')"
    )
    texts = {
        "1_t.sql": "-- migrate:up\nCREATE TABLE t (a int, b int); CREATE TABLE p (a int) PARTITION BY HASH (a);",
        "2_i.sql": '-- migrate:up\nCREATE INDEX "a new one" ON t (a); CREATE INDEX p_new ON p (a);',
    }
    options = {"naming": "dbmate", **({"from": "dbmate"} if state == "adopted" else {})}
    ok(run(texts, state=state, **options))
    assert db.rows("SELECT name, duplicate_of, version FROM titan_ops.skipped_index") == [
        {"name": "a new one", "duplicate_of": "an old one", "version": "2"}
    ]
    assert not ok(run(texts, naming="dbmate"))["changed"]
    db.execute('DROP INDEX public."an old one"')
    restored = ok(run(texts, naming="dbmate"))
    assert [item["index"] for item in restored["restored_indexes"]] == ["a new one"]
    assert db.value("SELECT to_regclass('public.\"a new one\"') IS NOT NULL")
