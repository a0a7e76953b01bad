"""File names, order, checksums and headers."""

from __future__ import annotations

from pathlib import Path

import pytest
from ansible_collections.titan.database.plugins.module_utils._engine.errors import OptionError, TitanError
from ansible_collections.titan.database.plugins.module_utils._engine.migrations.files.directory import read_directory
from ansible_collections.titan.database.plugins.module_utils._engine.migrations.files.headers import headers
from ansible_collections.titan.database.plugins.module_utils._engine.migrations.files.migration import checksum
from ansible_collections.titan.database.plugins.module_utils._engine.migrations.files.naming import NAMINGS, parse_files
from ansible_collections.titan.database.plugins.module_utils._engine.migrations.files.script import make_script
from ansible_collections.titan.database.plugins.module_utils._engine.migrations.history.read import sort_key


def keys(naming: str, *names: str) -> list[str]:
    return [item.key for item in parse_files([{"name": name, "content": ""} for name in names], naming)]


@pytest.mark.parametrize(
    ("naming", "names", "expected"),
    [
        ("plain", ["10_b.sql", "9_a.sql", "0011_2fa.sql", "R__z.sql"], ["9", "10", "0011", "R__z"]),
        ("plain", ["20240102_0900_b.sql", "20240102_0100_a.sql", "7.sql"], ["7", "20240102_0100", "20240102_0900"]),
        ("plain", ["2024-01-02-0900_b.sql", "2024-01-02-0100-a.sql"], ["2024-01-02-0100", "2024-01-02-0900"]),
        ("flyway", ["V1.10__b.sql", "V1_9__a.sql", "V2__c.sql", "U2__c.sql", "R__v.sql"], ["1_9", "1.10", "2", "R__v"]),
        ("up_down", ["000002_b.up.sql", "000001_a.up.sql", "000001_a.down.sql"], ["000001", "000002"]),
        ("up_down", ["20240102-b-up.sql", "20240102-b-down.sql", "20240101-a-b-up.sql", "20240101-a-b-down.sql"], ["20240101", "20240102"]),
        ("plain", ["0001_a.sql", "0001_a.rollback.sql", "0002_rollback.sql"], ["0001", "0002"]),
        ("directory", ["2019-02-26-002946_create_user/up.sql", "00000000000000_setup/up.sql", "00000000000000_setup/down.sql"],
         ["00000000000000", "2019-02-26-002946"]),
        ("directory", ["20260305000000_add_b/migration.sql", "20260305000000_add_a/migration.sql", "20260305000000_add_a/down.sql",
                       "20260304_c/migration.sql", "0_init/migration.sql"],
         ["0_init", "20260304_c", "20260305000000_add_a", "20260305000000_add_b"]),
        ("prisma", ["20231108111118_/migration.sql", "20231109_b/migration.sql"], ["20231108111118_", "20231109_b"]),
        ("prisma", ["20231108111118_2/migration.sql", "20231108111117_a/migration.sql", "20231109111118_b/migration.sql", "0_init/migration.sql"],
         ["0_init", "20231108111117_a", "20231108111118_2", "20231109111118_b"]),
        ("diesel", ["2020-12-7-190800_b/up.sql", "2020-12-31-000000_a/up.sql", "2021-05-23-1715-update/up.sql", "2021-05-23-200000_/up.sql"],
         ["2020-12-31-000000", "2020-12-7-190800", "2021-05-23-1715", "2021-05-23-200000"]),
        ("diesel", ["2026-01-09-000000_c/up.sql", "2026-01-08-132525-0001_b/up.sql", "2026-01-08-132525-0000_a/up.sql", "2026-01-08-132525/up.sql"],
         ["2026-01-08-132525", "2026-01-08-132525-0000", "2026-01-08-132525-0001", "2026-01-09-000000"]),
        ("diesel", ["2024-01-02-10_c/up.sql", "2024-01-02-2_b/up.sql", "2024-01-02-1_a/up.sql"],
         ["2024-01-02-1", "2024-01-02-2", "2024-01-02-10"]),
        ("sqlx", ["20240102_.up.sql", "20240102_.down.sql", "20240101_.sql"], ["20240101", "20240102"]),
        ("plain", ["0010_.sql", "0009-.sql"], ["0009", "0010"]),
        ("plain", ["01.02.00_02_b.sql", "01.02.00_01_a.sql", "00.11.00_01_c.sql", "01.10_d.sql"],
         ["00.11.00_01", "01.02.00_01", "01.02.00_02", "01.10"]),
        ("directory", ["000000000000000_first/up.sql", "00000000000000_setup/up.sql", "2019-02-26-002946_user/up.sql"],
         ["00000000000000", "000000000000000", "2019-02-26-002946"]),
    ],
)  # fmt: skip
def test_order(naming: str, names: list[str], expected: list[str]) -> None:
    assert keys(naming, *names) == expected
    assert expected == sorted(expected, key=sort_key)


def test_a_version_that_is_no_number_is_not_zero() -> None:
    assert sort_key("x") != sort_key("0") and sort_key("2024_a") != sort_key("2024_b") != sort_key("2024")


def test_every_problem_is_named_at_once() -> None:
    with pytest.raises(TitanError) as caught:
        keys("plain", "1_a.sql", "001_b.sql", "x.sql", "2_c.down.sql", "3_d.sql", "3_d.down.sql", "03_d.down.sql")
    assert len(caught.value.details["problems"]) == 4


@pytest.mark.parametrize("same", ["a\nb", "\ufeffa\nb", "a\r\nb", "a \t\nb  ", "a\nb\n\n", "a\rb"])
def test_what_a_checksum_does_not_see(same: str) -> None:
    assert checksum(same) == checksum("a\nb")


@pytest.mark.parametrize("other", ["a\n b", "a\n\nb", "A\nb", "a\nb;"])
def test_what_a_checksum_sees(other: str) -> None:
    assert checksum(other) != checksum("a\nb")


def test_headers_stand_before_the_first_statement() -> None:
    text = (
        "-- a note\n--require: SELECT 1 \\\n--   = 1\n\n-- verify:   SELECT true\nSELECT 1;\n-- verify: SELECT false\n"
    )
    found = headers(text, "x.sql")
    assert found.require == ((2, "SELECT 1 = 1"),) and found.verify == ((5, "SELECT true"),)
    with pytest.raises(TitanError, match="line 2"):
        headers("\n-- require:\n", "x.sql")
    with pytest.raises(TitanError, match="allowed: one, none"):
        headers("-- transaction: maybe\n", "x.sql")


def test_unreadable_directories_and_files(tmp_path: Path) -> None:
    with pytest.raises(TitanError, match="cannot be read"):
        read_directory(str(tmp_path / "none"))
    (tmp_path / "1_a.sql").write_bytes(b"SELECT 1;\n\xff\n")
    with pytest.raises(TitanError, match="not UTF-8 text .line 2."):
        read_directory(str(tmp_path))
    (tmp_path / "1_a.sql").write_bytes(b"SELECT 1;\0")
    with pytest.raises(TitanError, match="NUL"):
        read_directory(str(tmp_path))


@pytest.mark.parametrize("naming", NAMINGS)
def test_a_directory_that_is_not_there_is_named_as_such(tmp_path: Path, naming: str) -> None:
    with pytest.raises(OptionError, match="directory cannot be read .No such file"):
        read_directory(str(tmp_path / "none"), naming)


def test_a_directory_of_another_naming_is_not_one_without_migrations(tmp_path: Path) -> None:
    assert read_directory(str(tmp_path)) == []
    (tmp_path / "default" / "1_a").mkdir(parents=True)
    (tmp_path / "default" / "README.md").write_text("not SQL")
    assert read_directory(str(tmp_path)) == read_directory(str(tmp_path), "directory") == []
    (tmp_path / "default" / "1_a" / "up.sql").write_text("SELECT 1")
    for naming in ("plain", "directory"):
        with pytest.raises(TitanError, match="default/1_a/up.sql.*naming"):
            read_directory(str(tmp_path), naming)
    assert len(read_directory(str(tmp_path / "default"), "directory")) == 1
    (tmp_path / "2_b.SQL").write_text("SELECT 1")
    with pytest.raises(TitanError, match="'2_b.SQL' does not fit"):
        parse_files(read_directory(str(tmp_path)))


@pytest.mark.parametrize(
    "statement",
    ["CREATE INDEX CONCURRENTLY ON t (a)", "create unique index concurrently i on t (a)", "DROP INDEX CONCURRENTLY i",
     "REINDEX (VERBOSE) TABLE CONCURRENTLY t", "REINDEX (CONCURRENTLY) INDEX i", "REINDEX DATABASE d", "VACUUM", "VACUUM (FULL) t",
     "ALTER SYSTEM SET work_mem = '1MB'", "CREATE DATABASE d", "DROP DATABASE d", "CREATE TABLESPACE s LOCATION '/x'",
     "ALTER TABLE t DETACH PARTITION p CONCURRENTLY", "CLUSTER", "CLUSTER VERBOSE", "CLUSTER (VERBOSE)",
     "DO $x$ BEGIN FOR i IN 1..9 LOOP DELETE FROM t; COMMIT; END LOOP; END $x$", "DO 'BEGIN PERFORM ''a''; ROLLBACK; END'",
     "ALTER DATABASE d SET TABLESPACE s"],
)  # fmt: skip
def test_what_cannot_share_a_transaction(statement: str) -> None:
    assert not make_script(f"SET x = 1;\n{statement};", "x.sql").whole
    with pytest.raises(TitanError, match="line 2.*line 1"):
        make_script(f"CREATE TABLE concurrently ();\n{statement};", "x.sql")
    assert len(make_script(f"CREATE TABLE t ();\n{statement};", "x.sql", "steps").steps) == 2


@pytest.mark.parametrize(
    "statement",
    ["CREATE TABLE vacuum (concurrently int)", "SELECT 'VACUUM'", 'CREATE INDEX "concurrently" ON t (a)', "REINDEX TABLE t",
     "ALTER TYPE m ADD VALUE 'x'", "SAVEPOINT a; ROLLBACK TO SAVEPOINT a; RELEASE a", "CLUSTER t", "CLUSTER VERBOSE t",
     "DO $$ BEGIN -- COMMIT;\n PERFORM 'COMMIT;'; INSERT INTO commit VALUES (1); END $$", "ALTER DATABASE d SET work_mem = 1"],
)  # fmt: skip
def test_what_can(statement: str) -> None:
    assert make_script(f"{statement};", "x.sql").whole


def test_a_new_enum_value_that_is_used_gets_a_step_of_its_own() -> None:
    script = make_script("CREATE TABLE a ();\nALTER TYPE m ADD VALUE 'x';\nCREATE TABLE b (c m DEFAULT 'x');", "x.sql")
    assert [step.transaction for step in script.steps] == [True, False, True] and not script.whole
    assert make_script("CREATE TYPE m AS ENUM ('a'); ALTER TYPE m ADD VALUE 'x'; SELECT 'x'::m", "x.sql").whole


@pytest.mark.parametrize(
    "mark", ["-- +goose Down", "--  +migrate Down", "-- migrate:down transaction:false", "-- rambler down", "-- Down Migration",
             "---- create above / drop below ----"],
)  # fmt: skip
def test_a_file_that_holds_its_way_back_too_is_refused(mark: str) -> None:
    with pytest.raises(TitanError, match="x.sql, line 3: .*begins the rollback"):
        make_script(f"-- up\nCREATE TABLE a ();\n{mark}\nDROP TABLE a;", "x.sql")
    assert make_script(f"CREATE TABLE a ();\n{mark}\n\n-- DROP TABLE a;\n", "x.sql").whole
    assert make_script(f"SELECT $$\n{mark}\n$$;\nSELECT 1;", "x.sql").whole


def test_a_transaction_that_is_prepared_in_a_file_is_refused_not_committed() -> None:
    with pytest.raises(TitanError, match="cannot be recorded"):
        make_script("BEGIN; SELECT 1; PREPARE TRANSACTION 'x';", "x.sql", "steps")


def test_backslashes_are_free_again_once_the_strings_are_plain() -> None:
    off = "SET standard_conforming_strings TO off;\n"
    with pytest.raises(TitanError, match="x.sql, line 2: .* line 1 turned"):
        make_script(off + "SELECT 'a\\b';", "x.sql")
    for on in ("RESET standard_conforming_strings;", "RESET ALL;", "SET SESSION standard_conforming_strings = on;"):
        assert make_script(f"{off}{on} SELECT 'a\\b';", "x.sql").whole


def test_output_for_a_client_is_noted() -> None:
    script = make_script("SELECT 1;\nCOPY (SELECT 1) TO STDOUT WITH CSV;\nCOPY t TO '/x/STDOUT';", "x.sql")
    assert len(script.notes) == 1 and script.notes[0].startswith("x.sql, line 2: the rows of COPY")


def test_a_block_stays_one_in_a_file_that_runs_statement_by_statement() -> None:
    text = "CREATE TABLE a ();\nBEGIN;\nSET TRANSACTION READ WRITE;\nCREATE TABLE b ();\nCOMMIT;\nVACUUM;"
    steps = make_script(text, "x.sql", by_statement=True).steps
    assert [(step.transaction, step.opening) for step in steps] == [
        (False, ""),
        (True, "SET TRANSACTION READ WRITE"),
        (False, ""),
    ]


def test_a_link_that_leads_nowhere_is_not_passed_over(tmp_path: Path) -> None:
    (tmp_path / "1_a.sql").write_text("SELECT 1")
    (tmp_path / "2_b.sql").symlink_to(tmp_path / "1_a.sql")
    (tmp_path / "3_c.sql").mkdir()
    assert [item["name"] for item in read_directory(str(tmp_path))] == ["1_a.sql", "2_b.sql"]
    (tmp_path / "4_d.sql").symlink_to(tmp_path / "nowhere")
    with pytest.raises(TitanError, match="'4_d.sql' cannot be read .No such file"):
        read_directory(str(tmp_path))
