"""An index that was left out as a duplicate is a promise: whatever becomes of the duplicate, the database has what psql gives."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.titan.database.plugins.module_utils._engine.errors import TitanError
from ansible_collections.titan.database.plugins.module_utils._engine.steps import observed

from tests.conftest import login
from tests.integration.migrations.judge import Databases

BASE = """
CREATE TABLE people (id int, name text, city text);
INSERT INTO people SELECT n, n::text, 'x' FROM generate_series(1, 50) n;
CREATE INDEX people_old ON people (name);
"""
NEW = "CREATE INDEX people_new ON people (name);"
ALONE = "-- transaction: none\n"
DO = (
    "DO $$ DECLARE r record; BEGIN FOR r IN SELECT indexname FROM pg_indexes WHERE indexname LIKE '%\\_{}' LOOP "
    "EXECUTE format('DROP INDEX %I', r.indexname); END LOOP; END $$;"
)
ANEW = (
    "ALTER TABLE people ADD called text; ALTER TABLE people DROP COLUMN name; ALTER TABLE people RENAME called TO name;"
)

LATE = """
CREATE TABLE late (sql text);
CREATE FUNCTION carry_out() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN EXECUTE new.sql; RETURN new; END $$;
CREATE CONSTRAINT TRIGGER late AFTER INSERT ON late DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION carry_out();
"""

# One list of files a release; every one runs under psql -f.
HISTORIES = {
    "a deferred trigger drops the duplicate": [[BASE + LATE], [NEW], ["INSERT INTO late VALUES ('DROP INDEX people' || '_old');"]],
    "and in a transaction of a file by statement": [
        [BASE + LATE], [NEW], [ALONE + "BEGIN; INSERT INTO late VALUES ('DROP INDEX people' || '_old'); COMMIT; SELECT 1;"],
    ],
    "and beside the one that is left out": [[BASE + LATE], [NEW + "INSERT INTO late VALUES ('DROP INDEX people' || '_old');"]],
    "a deferred trigger drops the new one": [[BASE + LATE], [NEW], ["INSERT INTO late VALUES ('DROP INDEX people' || '_new');"]],
    "the duplicate goes in the next release": [[BASE], [NEW], ["DROP INDEX people_old;"]],
    "a column of the same name comes in its place": [
        [BASE], [NEW + ANEW + "CREATE INDEX people_third ON people (name);"], ["DROP INDEX people_third;"],
    ],
    "and in a later release": [[BASE], [NEW], [ANEW], [ALONE + "CREATE INDEX CONCURRENTLY people_third ON people (name);"], [DO.format("third")]],
    "both in one file, the duplicate last": [[BASE], [NEW + DO.format("old")]],
    "and first": [[BASE], [DO.format("old") + NEW]],
    "by statement": [[BASE], [ALONE + "CREATE INDEX CONCURRENTLY people_new ON people (name);\n" + DO.format("old")]],
    "the names are made up when it runs": [[BASE], [NEW], [DO.format("old")], [DO.format("new")]],
    "a pattern that fits only the new one": [[BASE], [NEW + DO.format("new")], ["DROP INDEX people_old;"]],
    "the duplicate of a constraint": [
        ["CREATE TABLE people (id int CONSTRAINT people_id UNIQUE, name text);"],
        ["CREATE UNIQUE INDEX CONCURRENTLY people_id_u ON people (id);"],
        ["ALTER TABLE people DROP CONSTRAINT people_id;"],
    ],
    "of a primary key that CASCADE takes along": [
        ["CREATE TABLE people (id int PRIMARY KEY); CREATE TABLE pets (owner int REFERENCES people);"],
        ["CREATE UNIQUE INDEX people_u ON people (id);"],
        ["ALTER TABLE people DROP CONSTRAINT people_pkey CASCADE;"],
    ],
    "everything is renamed before": [
        [BASE], [NEW],
        ["ALTER TABLE people RENAME TO persons; ALTER TABLE persons RENAME name TO called; ALTER INDEX people_old RENAME TO o;"],
        [DO.replace("LIKE '%\\_{}'", "= 'o'")],
    ],
    "and in the same file": [[BASE], [NEW], ["ALTER TABLE people RENAME name TO called;" + DO.format("old")]],
    "the column is dropped and added again": [[BASE], [NEW], ["ALTER TABLE people DROP name; ALTER TABLE people ADD name text;"], [DO.format("old")]],
    "the table is dropped": [[BASE], [NEW], ["DROP TABLE people;"], [BASE.replace("people_old", "people_other")]],
    "the table is replaced by its copy, and the name is used elsewhere": [
        [BASE + "CREATE TABLE pets (id int);"], [NEW],
        ["ALTER TABLE people RENAME TO before; CREATE TABLE people (LIKE before INCLUDING ALL); DROP TABLE before;"],
        ["CREATE INDEX people_new ON pets (id);"],
    ],
    "the duplicate gets other storage": [[BASE], [NEW], ["ALTER INDEX people_old SET (fillfactor = 50);"]],
    "the new name is used": [[BASE], [NEW], ["ALTER INDEX people_new RENAME TO people_newer;"]],
    "the new one is dropped": [[BASE], [NEW], ["DROP INDEX people_new;"], ["DROP INDEX people_old;"]],
    "together with another": [[BASE], [NEW], ["DROP INDEX people_new, people_old;"]],
    "a constraint takes it": [
        [BASE.replace("INDEX people_old", "UNIQUE INDEX people_old")], [NEW.replace("INDEX", "UNIQUE INDEX")],
        ["ALTER TABLE people ADD CONSTRAINT c UNIQUE USING INDEX people_new;"], ["DROP INDEX people_old;"],
    ],
    "the table moves to another schema": [
        [BASE], [NEW], ["CREATE SCHEMA s; ALTER TABLE people SET SCHEMA s;"], [DO.format("old").replace("%I'", "s.%I'")],
    ],
    "the type of the column changes": [[BASE], [NEW], ["ALTER TABLE people ALTER name TYPE varchar(20);"], ["DROP INDEX people_old;"]],
    "the table becomes a partition": [
        [BASE + "CREATE TABLE everybody (id int, name text, city text) PARTITION BY RANGE (id); CREATE INDEX e ON everybody (name);"],
        [NEW], ["ALTER TABLE everybody ATTACH PARTITION people FOR VALUES FROM (0) TO (100);"], ["DROP INDEX e;"],
    ],
    "another takes the name that the server would choose": [
        [BASE], ["CREATE INDEX people_name_idx ON people (name);"], ["CREATE INDEX ON people (name);"], ["DROP INDEX people_old;"],
    ],
    "of a function": [
        [BASE + "CREATE FUNCTION tidy() RETURNS void LANGUAGE plpgsql AS $$ BEGIN EXECUTE 'DROP INDEX people_' || 'old'; END $$;"],
        [NEW], ["SELECT tidy();"],
    ],
    "of a procedure that commits": [
        [BASE + "CREATE PROCEDURE tidy() LANGUAGE plpgsql AS $$ BEGIN COMMIT; EXECUTE 'DROP INDEX people_' || 'old'; END $$;"],
        [NEW], [ALONE + "CALL tidy();"],
    ],
    "of a function that another one calls, by a pattern that fits only the new one": [
        [BASE + "CREATE FUNCTION inner_tidy() RETURNS void LANGUAGE plpgsql AS $$ BEGIN EXECUTE 'DROP INDEX people_' || 'new'; END $$;"
         "CREATE FUNCTION tidy() RETURNS void LANGUAGE sql AS 'SELECT inner_tidy()';"],
        [NEW], ["SELECT tidy();"], ["DROP INDEX people_old;"],
    ],
    "a statement that runs outside a transaction only": [
        [BASE + "CREATE TABLE e (k int) PARTITION BY RANGE (k); CREATE TABLE e1 PARTITION OF e DEFAULT; CREATE INDEX e_k ON e (k);"],
        [NEW], [ALONE + "REINDEX INDEX e_k;"], ["DROP INDEX people_old;"],
    ],
    "a partition's index": [
        ["CREATE TABLE e (id int, k int) PARTITION BY RANGE (id); CREATE TABLE e1 PARTITION OF e FOR VALUES FROM (0) TO (9);"
         "CREATE INDEX e_k ON e (k);"], ["CREATE INDEX e1_k ON e1 (k);"], ["DROP INDEX e_k;"],
    ],
    "dropped and taken back to a savepoint": [
        [BASE], [NEW], ["BEGIN; SAVEPOINT a; SAVEPOINT b; DROP INDEX people_new; RELEASE b; ROLLBACK TO a; COMMIT;"], ["DROP INDEX people_old;"],
    ],
    "dropped in a block that takes itself back": [
        [BASE], [NEW], [ALONE + "BEGIN; DROP INDEX people_new; ROLLBACK;"], ["DROP INDEX people_old;"],
    ],
    "left out and taken back to a savepoint": [
        [BASE], ["BEGIN; SAVEPOINT a; CREATE INDEX people_new ON people (name); ROLLBACK TO SAVEPOINT a; RELEASE a; COMMIT;"],
        ["DROP INDEX people_old;"],
    ],
    "left out and kept behind a savepoint": [
        [BASE], [ALONE + "BEGIN; SAVEPOINT a; CREATE INDEX people_new ON people (name); SAVEPOINT a; ROLLBACK TO a; RELEASE a; COMMIT;"],
        ["DROP INDEX people_old;"],
    ],
    "a temporary table of the same name": [
        [BASE], ["CREATE TEMP TABLE people AS SELECT 1 AS name; CREATE INDEX people_new ON public.people (name); DROP TABLE pg_temp.people;"],
        [ALONE + "CREATE TEMP VIEW people AS SELECT 1; CREATE INDEX CONCURRENTLY people_late ON public.people (name);"
         "DROP VIEW pg_temp.people;"],
        ["DROP INDEX people_old;"],
    ],
    "indexes of a temporary table": [
        [BASE], ["BEGIN; CREATE TEMP TABLE people (name text) ON COMMIT DROP; CREATE INDEX a ON people (name);"
                 "CREATE INDEX IF NOT EXISTS a ON people (name); CREATE INDEX b ON people (name); COMMIT;"],
    ],
    "nulls not distinct": [
        ["CREATE TABLE n (a int); CREATE UNIQUE INDEX n_a ON n (a);"], ["CREATE UNIQUE INDEX n_b ON n (a) NULLS NOT DISTINCT;"],
    ],
    "made by the file itself": [
        ["CREATE TABLE n (a int, r int4range);"],
        ["CREATE FUNCTION f(int) RETURNS int IMMUTABLE LANGUAGE sql AS 'SELECT $1'; CREATE COLLATION c (locale = 'C');"
         "CREATE OPERATOR CLASS own FOR TYPE int USING btree AS OPERATOR 1 <, OPERATOR 2 <=, OPERATOR 3 =, OPERATOR 4 >=, OPERATOR 5 >,"
         " FUNCTION 1 btint4cmp(int, int); ALTER TABLE n ADD b text;"
         "CREATE INDEX n_f ON n (f(a)); CREATE INDEX n_o ON n (a own); CREATE INDEX n_b ON n (b COLLATE c);"],
    ],
}  # fmt: skip


def releases(history: list[list[str]]) -> list[list[tuple[str, str]]]:
    """What each release sends: all files up to it."""
    files: list[tuple[str, str]] = []
    sent = []
    for release in history:
        files += [(f"{len(files) + at:04}_x.sql", text) for at, text in enumerate(release, 1)]
        sent.append(list(files))
    return sent


def by_psql(databases: Databases, files: list[tuple[str, str]], folder: Path) -> None:
    for name, text in files:
        (folder / name).write_text(text)
    databases.psql([folder / name for name, _text in files])


@pytest.mark.parametrize("each", [True, False], ids=["one release a file", "one release"])
@pytest.mark.parametrize("name", HISTORIES)
def test_the_indexes_are_those_that_psql_makes(name: str, each: bool, databases: Databases, tmp_path: Path) -> None:
    databases.empty()
    sent = releases(HISTORIES[name])
    by_psql(databases, sent[-1], tmp_path)
    for files in sent if each else sent[-1:]:
        databases.migrate(files, check_mode=True)
        databases.migrate(files)
    assert not databases.difference()
    assert not databases.migrate(sent[-1]).changed


@pytest.mark.parametrize(
    "move", ["ALTER INDEX ALL IN TABLESPACE pg_default SET TABLESPACE {}", "REINDEX (TABLESPACE {}) TABLE people"]
)
def test_an_index_that_was_left_out_moves_with_all_others(
    move: str, databases: Databases, tablespace: str, tmp_path: Path
) -> None:
    third = f"CREATE INDEX people_third ON people (name); {move.format(tablespace)}; CREATE INDEX people_fourth ON people (name);"
    drops = "DROP INDEX people_old, people_third, people_fourth;"
    sent = releases([[BASE], [NEW], [third], [drops]])
    databases.empty()
    by_psql(databases, sent[-1], tmp_path)
    for files in sent:
        databases.migrate(files)
    assert databases.indexes(databases.engine)["public.people_new"].endswith(f"TABLESPACE {tablespace}")
    assert not databases.difference()
    databases.empty()


def test_of_two_different_indexes_of_one_name_the_first_one_counts(databases: Databases) -> None:
    files = [
        ("1_a.sql", "CREATE TABLE t (a int, b int); CREATE INDEX t_a ON t (a); CREATE INDEX t_b ON t (b);"),
        ("2_b.sql", "CREATE INDEX t_x ON t (a);"),
        ("3_c.sql", "CREATE INDEX IF NOT EXISTS t_x ON t (b);"),
    ]
    databases.empty()
    databases.migrate(files[:2])
    with pytest.raises(TitanError, match="is not the declared one"):
        databases.migrate(files)
    databases.run(databases.engine, "DROP INDEX t_a")
    assert [item["index"] for item in databases.migrate(files[:2]).data["restored_indexes"]] in ([], ["t_x"])
    assert "btree (a)" in databases.indexes(databases.engine)["public.t_x"]


def skipped(databases: Databases) -> None:
    """people_new is left out."""
    databases.empty()
    databases.migrate([("1_a.sql", BASE)])
    outcome = databases.migrate([("1_a.sql", BASE), ("2_b.sql", NEW)])
    assert [item["duplicate_of"] for item in outcome.data["skipped_indexes"]] == ["people_old"]


FILES = [("1_a.sql", BASE), ("2_b.sql", NEW)]


def test_a_duplicate_that_a_person_drops_is_noticed_with_nothing_pending(databases: Databases) -> None:
    skipped(databases)
    assert not databases.migrate(FILES).changed
    databases.run(databases.engine, "DROP INDEX people_old")
    for check_mode in (True, False):
        outcome = databases.migrate(FILES, check_mode=check_mode)
        assert outcome.changed and [item["index"] for item in outcome.data["restored_indexes"]] == ["people_new"]
        assert ("public.people_new" in databases.indexes(databases.engine)) is not check_mode
    assert not databases.migrate(FILES).changed


def test_health_tells_of_a_duplicate_that_is_gone(
    databases: Databases, call_module: Callable[..., dict[str, Any]]
) -> None:
    skipped(databases)

    def check() -> tuple[str, str]:
        found = call_module("health_info", **login(databases.engine))["checks"]
        return next((each["status"], each["message"]) for each in found if each["name"] == "skipped_indexes")

    assert check() == ("ok", "0")
    databases.run(databases.engine, "ALTER INDEX people_old RENAME TO x")
    assert check()[0] == "ok"
    databases.run(databases.engine, "DROP INDEX x")
    status, message = check()
    assert status == "critical" and "people_new on public.people" in message
    databases.migrate(FILES)
    assert check()[0] == "ok"


def test_one_that_cannot_be_built_fails_and_names_both(databases: Databases) -> None:
    databases.empty()
    files = [
        ("1_a.sql", BASE.replace("CREATE INDEX", "CREATE UNIQUE INDEX")),
        ("2_b.sql", NEW.replace("INDEX", "UNIQUE INDEX")),
    ]
    databases.migrate(files[:1])
    databases.migrate(files)
    databases.run(databases.engine, "DROP INDEX people_old; INSERT INTO people SELECT * FROM people")
    for _attempt in range(2):
        with pytest.raises(TitanError, match="people_new.*people_old"):
            databases.migrate(files)
        assert databases.indexes(databases.engine) == {}
    databases.run(databases.engine, "TRUNCATE people")
    assert databases.migrate(files).changed
    assert list(databases.indexes(databases.engine)) == ["public.people_new"]


def test_a_duplicate_that_was_renamed_or_rebuilt_by_hand_still_stands_for_it(databases: Databases) -> None:
    skipped(databases)
    for sql in (
        "ALTER INDEX people_old RENAME TO p",
        "REINDEX INDEX CONCURRENTLY p",
        "ALTER TABLE people RENAME city TO town",
    ):
        databases.run(databases.engine, sql)
    assert not databases.migrate(FILES).changed


@pytest.mark.parametrize(
    "down", ["DROP INDEX people_new;", "DROP INDEX CONCURRENTLY IF EXISTS public.people_new;", DO.format("new")]
)
def test_the_way_back_knows_of_it(down: str, databases: Databases) -> None:
    skipped(databases)
    files = [*FILES, ("2_b.down.sql", down)]
    outcome = databases.migrate(files, state="rolled_back", target="1", allow_rollback=True)
    assert outcome.changed and list(databases.indexes(databases.engine)) == ["public.people_old"]
    databases.run(databases.engine, "DROP INDEX people_old")
    databases.migrate(FILES[:1])
    assert databases.indexes(databases.engine) == {}


def test_a_large_table_is_not_blocked_by_the_build(databases: Databases) -> None:
    skipped(databases)
    seen: list[str] = []

    def look(name: str) -> None:
        if name == "migration.run":
            seen.extend(databases.indexes(databases.engine))  # committed before the file begins

    with observed(look):
        databases.migrate(
            [*FILES, ("3_c.sql", "DROP INDEX people_old;")], plain_index_max_rows=10, lint={"drop_index": "off"}
        )
    assert "public.people_new" in seen and list(databases.indexes(databases.engine)) == ["public.people_new"]


def test_every_step_may_fail(databases: Databases, tmp_path: Path) -> None:
    """Wherever the run is cut off, the next one ends with what psql makes."""
    histories = [
        [[BASE], [NEW], ["ALTER TABLE people RENAME name TO called;" + DO.format("old")]],
        [[BASE], [NEW], [ALONE + "DROP INDEX CONCURRENTLY people_old;\nVACUUM people;"]],
    ]
    for at, history in enumerate(histories):
        sent = releases(history)
        databases.empty()
        folder = tmp_path / str(at)
        folder.mkdir()
        by_psql(databases, sent[-1], folder)
        number, count = 0, 1
        while number < count:
            databases.run(
                databases.engine,
                "DROP SCHEMA IF EXISTS titan_ops CASCADE; DROP SCHEMA public CASCADE; CREATE SCHEMA public",
            )
            for files in sent[:-1]:
                databases.migrate(files)
            names: list[str] = []

            def fail(name: str, names: list[str] = names, number: int = number) -> None:  # pylint: disable=dangerous-default-value
                names.append(name)
                if len(names) == number + 1:
                    raise TitanError("cut off")

            with observed(fail), contextlib.suppress(TitanError):
                databases.migrate(sent[-1])
            number, count = number + 1, max(count, len(names) + 1)
            databases.migrate(sent[-1])
            assert not databases.difference(), names
            assert not databases.migrate(sent[-1]).changed
        assert count > 6


@pytest.mark.parametrize("transaction", ["", "none"])
@pytest.mark.parametrize("releases", [1, 2])
def test_if_not_exists_passes_over_another_index_that_the_files_made(
    releases: int, transaction: str, databases: Databases, tmp_path: Path
) -> None:
    files = [
        ("1_a.sql", "CREATE TABLE t (a int, b int); CREATE INDEX t_x ON t (a) WHERE a > 0;"),
        ("2_b.sql", "CREATE INDEX IF NOT EXISTS t_x ON t (a); CREATE INDEX IF NOT EXISTS t_y ON t (b);"),
        ("3_c.sql", "CREATE TABLE u (a int); CREATE INDEX IF NOT EXISTS u_x ON t (b, a); CREATE INDEX IF NOT EXISTS u_x ON u (a);"),
    ]  # fmt: skip
    databases.empty()
    by_psql(databases, files, tmp_path)
    without = ["2", "3"] if transaction else []
    for known in [files] if releases == 1 else [files[:1], files]:
        if known is files and releases == 2:
            databases.migrate(files, check_mode=True, without_transaction=without)
        outcome = databases.migrate(known, without_transaction=without)
    assert not databases.difference()
    assert sum("IF NOT EXISTS passes over" in text for text in outcome.warnings) == 2
    databases.empty()


def test_if_not_exists_over_an_index_from_elsewhere_is_refused(databases: Databases) -> None:
    files = [("1_a.sql", "CREATE TABLE t (a int, b int);"), ("2_b.sql", "CREATE INDEX IF NOT EXISTS t_x ON t (a);")]
    databases.empty()
    databases.migrate(files[:1])
    databases.run(databases.engine, "CREATE INDEX t_x ON t (b)")
    for check_mode in (True, False):
        with pytest.raises(TitanError, match="is not the declared one"):
            databases.migrate(files, check_mode=check_mode)
    databases.empty()
