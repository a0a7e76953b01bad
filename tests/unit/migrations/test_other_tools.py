"""Files as other tools write them: both ways in one file, marks for no transaction, Flyway's names, what psql keeps to itself."""

from __future__ import annotations

from pathlib import Path

import pytest
from ansible_collections.titan.database.plugins.module_utils._engine.errors import TitanError
from ansible_collections.titan.database.plugins.module_utils._engine.migrations.files.directory import (
    read_directory,
    unseen_warning,
)
from ansible_collections.titan.database.plugins.module_utils._engine.migrations.files.headers import headers
from ansible_collections.titan.database.plugins.module_utils._engine.migrations.files.migration import Migration
from ansible_collections.titan.database.plugins.module_utils._engine.migrations.files.naming import parse_files
from ansible_collections.titan.database.plugins.module_utils._engine.migrations.files.placeholders import fill_flyway
from ansible_collections.titan.database.plugins.module_utils._engine.migrations.files.script import make_script
from ansible_collections.titan.database.plugins.module_utils._engine.migrations.history.plan import make_plan
from ansible_collections.titan.database.plugins.module_utils._engine.migrations.history.read import Applied
from ansible_collections.titan.database.plugins.module_utils._engine.migrations.sql.client_lines import (
    client_lines,
    sql_only,
)


def one(text: str, naming: str, name: str = "0001_a.sql") -> Migration:
    (item,) = parse_files([{"name": name, "content": text}], naming)
    return item


@pytest.mark.parametrize(
    ("naming", "up", "down"),
    [
        ("goose", "-- +goose Up", "-- +goose Down"),
        ("goose", "--+goose up", "--  +GOOSE DOWN"),
        ("dbmate", "-- migrate:up", "-- migrate:down"),
        ("sql_migrate", "-- +migrate Up", "-- +migrate Down"),
        ("node_pg_migrate", "-- Up Migration", "-- Down Migration"),
        ("node_pg_migrate", " ---- up  migration of a", "--down migration"),
    ],
)
def test_both_ways_in_one_file(naming: str, up: str, down: str) -> None:
    item = one(f"\r\n{up}\nCREATE TABLE a ();\n{down}\nDROP TABLE a;\n", naming)
    assert item.reversible and item.down_file == item.file
    script, back = make_script(item.text, item.file), make_script(item.down_text, item.file)
    assert [(s.line, s.words(3)) for s in script.statements] == [(3, ("create", "table", "a"))]
    assert [(s.line, s.words(3)) for s in back.statements] == [(5, ("drop", "table", "a"))]
    assert script.whole and back.whole
    assert not one(f"{up}\nSELECT 1;", naming).reversible
    empty = one(f"{up}\nSELECT 1;\n{down}\n", naming)
    assert empty.reversible and make_script(empty.down_text, "x").statements == ()
    if naming == "node_pg_migrate":  # the first mark may be missing
        assert [
            s.words(1) for s in make_script(one(f"SELECT 1;\n{down}\nDROP TABLE a;", naming).text, "x").statements
        ] == [("select",)]
    else:
        with pytest.raises(TitanError, match="0001_a.sql: the line '.*' is missing"):
            one("CREATE TABLE a ();", naming)
    with pytest.raises(TitanError, match="stands before"):
        one(f"{down}\nSELECT 1;\n{up}\nSELECT 2;", naming)


@pytest.mark.parametrize(
    ("naming", "text", "by_statement"),
    [
        ("goose", "-- +goose NO TRANSACTION\n-- +goose Up\nSELECT 1;\nSELECT 2;", True),
        ("goose", "-- +goose Up\n-- +goose StatementBegin\nSELECT 1;\n-- +goose StatementEnd\nSELECT 2;", False),
        ("dbmate", "-- migrate:up transaction:false\nSELECT 1;\nSELECT 2;", True),
        ("dbmate", "-- migrate:up transaction:true\nSELECT 1;\nSELECT 2;", False),
        ("sql_migrate", "-- +migrate Up notransaction\nSELECT 1;\nSELECT 2;", True),
    ],
)
def test_marks_for_no_transaction(naming: str, text: str, by_statement: bool) -> None:
    script = make_script(one(text, naming).text, "x.sql")
    assert script.whole is not by_statement and len(script.statements) == 2


@pytest.mark.parametrize(
    "mark",
    ["-- no-transaction", "-- atlas:txmode none", "--! no-transaction", "---- tern: disable-tx ----",
     "--changeset me:1 runInTransaction:false", '--changeset me:1 splitStatements:true runInTransaction:"false"'],
)  # fmt: skip
def test_marks_of_tools_without_a_naming_of_their_own(mark: str) -> None:
    assert headers(f"-- first\n{mark}\nSELECT 1;", "x.sql").transaction == "none"
    assert headers(f"SELECT 1;\n{mark}\n", "x.sql").transaction == ""


@pytest.mark.parametrize("naming", ["dbmate", "sql_migrate"])
def test_several_parts_of_each_kind_in_one_file(naming: str) -> None:
    up, down = {"dbmate": ("-- migrate:up", "-- migrate:down"), "sql_migrate": ("-- +migrate Up", "-- +migrate Down")}[
        naming
    ]
    item = one(
        f"{up}\nCREATE TABLE a ();\n{down}\nDROP TABLE a;\n{up}\nCREATE VIEW v AS SELECT 1;\n{down}\nDROP VIEW v;\n",
        naming,
    )
    script, back = make_script(item.text, item.file), make_script(item.down_text, item.file)
    assert [(s.words(2), s.line) for s in script.statements] == [(("create", "table"), 2), (("create", "view"), 6)]
    assert [(s.words(2), s.line) for s in back.statements] == [(("drop", "table"), 4), (("drop", "view"), 8)]
    alone = {"dbmate": "transaction:false", "sql_migrate": "notransaction"}[naming]
    with pytest.raises(TitanError, match=r"line 3: .* begins a part that runs otherwise"):
        one(f"{up}\nSELECT 1;\n{up} {alone}\nSELECT 2;", naming)


@pytest.mark.parametrize("mark", ["-- migrate:up", "-- +migrate Up", "-- Up Migration", "-- +goose Up"])
def test_sql_before_the_first_part_is_not_passed_over(mark: str) -> None:
    naming = {"mi": "dbmate", "+m": "sql_migrate", "Up": "node_pg_migrate", "+g": "goose"}[mark[3:5]]
    assert one(f"-- why\n/* and\nhow */\n\n{mark}\nSELECT 1;", naming).text
    with pytest.raises(TitanError, match="SQL stands before the line '-- "):
        one(f"SELECT 2;\n{mark}\nSELECT 1;", naming)


def test_what_goose_would_not_run_as_it_is_written() -> None:
    with pytest.raises(TitanError, match=r"line 3: '-- \+goose Up' begins a part that the file has already"):
        one("-- +goose Up\nSELECT 1;\n-- +goose Up\nSELECT 2;", "goose")
    text = "-- +goose Up\nDO $a$ BEGIN END $a$;\n-- +goose ENVSUB ON\nINSERT INTO t VALUES ({});"
    assert one(text.format("'$1', $b$x$b$, '$'"), "goose").text
    for variable in ("'${REGION:-eu}'", "$REGION", "'a/$REGION'"):
        with pytest.raises(TitanError, match=r"line 4: goose puts a variable of its environment in place of '\$"):
            one(text.format(variable), "goose")


@pytest.mark.parametrize("naming", ["sql_migrate", "node_pg_migrate"])
def test_files_of_one_number_are_told_apart_by_their_names_where_the_tool_does_so(naming: str) -> None:
    texts = dict.fromkeys(("8_b.sql", "39_x.sql", "8_a.sql", "9_c.sql"), "-- +migrate Up\nSELECT 1;\n")
    found = parse_files([{"name": name, "content": text} for name, text in texts.items()], naming)
    assert [(item.key, item.file) for item in found] == [
        ("8", "8_a.sql"),
        ("8.2", "8_b.sql"),
        ("9", "9_c.sql"),
        ("39", "39_x.sql"),
    ]
    days = ("2023-01-20.0-first.sql", "2023-01-20.1.second.sql", "2023-02-01-third.sql", "20240101fourth.sql")
    found = parse_files([{"name": name, "content": texts["8_a.sql"]} for name in days], naming)
    assert [(item.key, item.name) for item in found] == [
        ("2023-01-20.0", "first"), ("2023-01-20.1", "second"), ("2023-02-01", "third"), ("20240101", "fourth"),
    ]  # fmt: skip
    with pytest.raises(TitanError, match="have the same version 8"):
        parse_files([{"name": name, "content": "-- +goose Up"} for name in texts], "goose")


def test_an_empty_rollback_file_is_a_rollback() -> None:
    files = [{"name": "1_a.sql", "content": "SELECT 1"}, {"name": "1_a.down.sql", "content": ""}]
    assert parse_files(files)[0].reversible
    assert not parse_files(files[:1])[0].reversible


def test_flyway_reads_folders_below_and_the_conf_beside(tmp_path: Path) -> None:
    (tmp_path / "sub" / "deep").mkdir(parents=True)
    for name in (
        "V1__a.sql",
        "sub/V2__b.sql",
        "sub/deep/V2.1__c.sql",
        "sub/R__v.sql",
        "U1__a.sql",
        "seed.sql",
        "sub/B2__base.sql",
    ):
        (tmp_path / name).write_text("SELECT 1")
    (tmp_path / "sub" / "V2__b.sql.conf").write_text("# why\nexecuteInTransaction=false\n")
    found = parse_files(read_directory(str(tmp_path), "flyway"), "flyway")
    assert [item.key for item in found] == ["1", "2", "B2", "2.1", "R__v"]
    assert [item.transaction for item in found] == ["", "none", "", "", ""] and found[0].reversible
    for line in ("shouldExecute = ${run}", "placeholderReplacement=false"):
        (tmp_path / "V1__a.sql.conf").write_text(f"executeInTransaction=true\n{line}\n")
        with pytest.raises(TitanError, match=r"V1__a\.sql\.conf: '.*' is not heeded here"):
            read_directory(str(tmp_path), "flyway")
    (tmp_path / "V1__a.sql.conf").write_text("shouldExecute=true\nplaceholderReplacement=true")
    assert len(read_directory(str(tmp_path), "flyway")) == len(found) + 1
    (tmp_path / "sub" / "afterMigrate__views.sql").write_text("SELECT 1")
    assert unseen_warning(str(tmp_path), "flyway") == (
        "sub/afterMigrate__views.sql is a callback of Flyway, which is not run here: what it does belongs into a repeatable migration, "
        "R__name.sql.",
        "These SQL files do not fit the naming 'flyway' and are not applied: seed.sql.",
    )


def test_golang_migrates_naming_passes_over_what_that_tool_does_not_run(tmp_path: Path) -> None:
    for name in ("1_a.up.sql", "1_a.down.sql", "2_b.up.sql", "2_seed.sql"):
        (tmp_path / name).write_text("SELECT 1")
    files = read_directory(str(tmp_path), "golang_migrate")
    assert [item.key for item in parse_files(files, "golang_migrate")] == ["1", "2"]
    assert "not applied: 2_seed.sql" in unseen_warning(str(tmp_path), "golang_migrate")[0]
    with pytest.raises(TitanError, match="2_seed"):
        parse_files(read_directory(str(tmp_path), "up_down"), "up_down")


def test_drizzles_journal_says_which_files_are_migrations(tmp_path: Path) -> None:
    (tmp_path / "meta").mkdir()
    for name in ("0000_a.sql", "0001_b.sql", "0001_left.sql"):
        (tmp_path / name).write_text("SELECT 1")
    with pytest.raises(TitanError, match=r"holds no meta/_journal\.json"):
        read_directory(str(tmp_path), "drizzle")
    journal = tmp_path / "meta" / "_journal.json"
    journal.write_text('{"entries": [{"idx": 1, "tag": "0001_b"}, {"idx": 0, "tag": "0000_a"}]}')
    assert [item.key for item in parse_files(read_directory(str(tmp_path), "drizzle"), "drizzle")] == ["0000", "0001"]
    assert "not applied: 0001_left.sql" in unseen_warning(str(tmp_path), "drizzle")[0]
    for text, said in (
        ('{"entries": [{"idx": 2, "tag": "0002_c"}]}', r"names 0002_c\.sql, which is not there"),
        ("{}", "is not a journal"),
        ("[", "is not a journal"),
    ):
        journal.write_text(text)
        with pytest.raises(TitanError, match=said):
            read_directory(str(tmp_path), "drizzle")


def test_what_a_naming_does_not_see_is_told(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    (tmp_path / ".hidden").mkdir()
    for name in ("1_a.sql", "sub/2_b.sql", ".hidden/3_c.sql"):
        (tmp_path / name).write_text("SELECT 1")
    (warning,) = unseen_warning(str(tmp_path), "plain")
    assert "sub/2_b.sql" in warning and "3_c" not in warning
    (tmp_path / "sub" / "2_b.sql").unlink()
    assert unseen_warning(str(tmp_path), "plain") == ()


def flyway(*names: str) -> list[Migration]:
    return parse_files([{"name": f"{name}__x.sql", "content": "SELECT 1"} for name in names], "flyway")


@pytest.mark.parametrize(
    ("applied", "target", "due"),
    [
        ([], "", ["B3", "3.1", "4"]),
        (["1"], "", ["2", "3", "3.1", "4"]),
        (["B3"], "", ["3.1", "4"]),
        (["B3", "3.1"], "", ["4"]),
        ([], "2", ["B1", "2"]),
        ([], "4", ["B3", "3.1", "4"]),
    ],
)
def test_a_baseline_stands_for_what_is_below_it(applied: list[str], target: str, due: list[str]) -> None:
    files = flyway("V1", "V2", "V3", "V3_1", "V4", "B1", "B3")
    state = {
        item.sort_key: Applied(item.key, "x", True, item.checksum, 1)
        for item in files
        if item.key.replace("_", ".") in applied
    }
    plan = make_plan(files, state, target=target)
    assert [item.key.replace("_", ".") for item in plan.pending] == due and not plan.missing


@pytest.mark.parametrize(
    ("files", "due"),
    [
        (("V4", "V5", "B3"), ["B3", "4", "5"]),  # the files that it stands for were removed
        (("V1", "V2", "V3", "V4", "B3"), ["1", "2", "3", "4"]),
        (("V5", "B3", "B4"), ["B4", "5"]),
        (("B3",), ["B3"]),
    ],
)
def test_a_baseline_is_taken_over_where_nothing_else_makes_what_it_makes(
    files: tuple[str, ...], due: list[str]
) -> None:
    assert [item.key for item in make_plan(flyway(*files), {}, taking_over=True).pending] == due


def test_flyways_placeholders() -> None:
    text = "CREATE TABLE ${a_b}.x (t text DEFAULT '${flyway:filename}'); -- $${a_b}"
    assert fill_flyway(text, {"a_b": "s"}, "sub/V1__x.sql") == "CREATE TABLE s.x (t text DEFAULT 'V1__x.sql'); -- $s"
    with pytest.raises(TitanError, match=r"V1__x.sql, line 2: the placeholder \$\{no\} has no value"):
        fill_flyway("\n${no}", {}, "V1__x.sql")


DUMP = (
    "\\restrict abc1\n-- it's\nCREATE TABLE t (a int, b text);\nCOPY public.t (a, b) FROM stdin;\n1\tit's $x$ /* \\N\n2\t\\N\n\\.\n\n"
    "-- none\nCOPY t FROM STDIN WITH (FORMAT csv);\r\n3,\"x\"\r\n\\.\r\nSELECT '\n\\restrict abc2\ncopy t from stdin;\n';\n\\unrestrict abc1\n"
)


def test_rows_of_copy_and_lines_for_psql_are_no_sql() -> None:
    found = client_lines(DUMP)
    assert [DUMP[copy.data_start : copy.data_end] for copy in found.copies] == [
        "1\tit's $x$ /* \\N\n2\t\\N\n",
        '3,"x"\r\n',
    ]
    assert [DUMP[start:end] for start, end in found.marks] == ["\\restrict abc1", "\\unrestrict abc1"]
    assert len(sql_only(DUMP)) == len(DUMP) and sql_only(DUMP).count("\n") == DUMP.count("\n")
    script = make_script(DUMP, "x.sql")
    assert [statement.words(1) for statement in script.statements] == [("create",), ("copy",), ("copy",), ("select",)]
    assert script.whole and "restrict" in script.notes[0]
    steps = make_script(DUMP, "x.sql", by_statement=True).steps
    assert steps[1].sql.endswith("2\t\\N\n\\.")
    last = client_lines("copy t from stdin;\n1\n2")
    assert last.copies[0].data_end == len("copy t from stdin;\n1\n2")


@pytest.mark.parametrize(
    "copy",
    ["COPY t FROM stdin WITH DELIMITER ';' NULL '';", "copy t (a) from stdout with (null E'\\';', quote '\"', format csv) -- ;\n ;",
     "COPY t FROM STDIN /* ; */ DELIMITER ';';", "copy t from stdin where a <> ';' ;"],
)  # fmt: skip
def test_a_semicolon_that_ends_no_copy(copy: str) -> None:
    text = f"SELECT 1;\n{copy}\na;b\n\\.\nSELECT 2;"
    found = client_lines(text).copies
    assert [text[item.data_start : item.data_end] for item in found] == ["a;b\n"]
    assert text[found[0].start : found[0].end] == copy[:-1]


@pytest.mark.parametrize(
    "text", ["SELECT 1; COPY t FROM stdin;\n1\n", "copy t from stdin", "\\copy t from 'x'", "SELECT 1 \\gset"]
)
def test_other_lines_for_psql_are_refused_with_the_line(text: str) -> None:
    with pytest.raises(TitanError, match=r"x.sql, line 2: "):
        make_script(f"SELECT 1;\n{text}", "x.sql")


def test_blocks_of_another_tools_file_run_in_parts() -> None:
    text = "BEGIN;\nCREATE TABLE a ();\nCOMMIT;\nCREATE INDEX CONCURRENTLY i ON a ((1));\nBEGIN;\nSELECT 1;\nSELECT 2;\nCOMMIT;\n"
    assert [step.transaction for step in make_script(text, "x.sql", "steps").steps] == [True, False, True]


PLAN = """%syntax-version=1.0.0
%project=flipr

appschema 2013-12-30T23:19:16Z Theory <t@example.org> # Adds schema.
app/users [appschema other:x] 2013-12-30T23:49:00Z Theory <t@example.org> # [x] @y
@v1.0 2014-01-01T00:00:00Z Theory <t@example.org> # Tag.

+ appschema [appschema@v1.0] 2014-01-03T00:00:00Z Theory <t@example.org>
"""


def test_sqitchs_plan_is_the_order_and_a_reworked_change_has_the_tag_in_its_file(tmp_path: Path) -> None:
    texts = {"sqitch.plan": PLAN, "deploy/appschema@v1.0.sql": "BEGIN; CREATE SCHEMA a; COMMIT;", "deploy/app/users.sql": "SELECT 2;",
             "deploy/appschema.sql": "SELECT 3;", "revert/appschema.sql": "SELECT 4;", "verify/appschema.sql": "SELECT 5;",
             "deploy/left.sql": "SELECT 6;"}  # fmt: skip
    for name, text in texts.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    found = parse_files(read_directory(str(tmp_path), "sqitch"), "sqitch")
    assert [(item.key, item.name, item.file, item.down_text) for item in found] == [
        ("0001", "appschema", "deploy/appschema@v1.0.sql", ""),
        ("0002", "app/users", "deploy/app/users.sql", ""),
        ("0003", "appschema@2", "deploy/appschema.sql", "SELECT 4;"),
    ]
    assert [item.reversible for item in found] == [False, False, True]
    assert (
        "deploy/left.sql" in unseen_warning(str(tmp_path), "sqitch")[0]
        and "verify" not in unseen_warning(str(tmp_path), "sqitch")[0]
    )
    (tmp_path / "deploy/app/users.sql").unlink()
    with pytest.raises(TitanError, match=r"there is no deploy/app/users\.sql"):
        parse_files(read_directory(str(tmp_path), "sqitch"), "sqitch")
    (tmp_path / "sqitch.plan").unlink()
    with pytest.raises(TitanError, match=r"sqitch\.plan"):
        read_directory(str(tmp_path), "sqitch")


@pytest.mark.parametrize(("there", "file"), [(("v1", "v2"), "v2"), (("v1",), "v1"), (("v3", "v2b"), "v2b")])
def test_a_reworked_changes_file_has_any_of_the_tags_in_between(there: tuple[str, ...], file: str) -> None:
    when = "2024-01-01T00:00:00Z T <t@e.org>"
    plan = f"a {when}\n@v1 {when}\nb {when}\n@v2 {when}\n@v2b {when}\na [a@v2] {when}\n@v3 {when}\n"
    files = {"sqitch.plan": plan, "deploy/b.sql": "", "deploy/a.sql": ""} | {f"deploy/a@{tag}.sql": "" for tag in there}
    found = parse_files([{"name": name, "content": text} for name, text in files.items()], "sqitch")
    assert [item.file for item in found] == [f"deploy/a@{file}.sql", "deploy/b.sql", "deploy/a.sql"]


@pytest.mark.parametrize(
    ("plan", "message"),
    [
        (
            "a 2013-12-30T23:19:16Z T <t@e.org>\na 2013-12-31T23:19:16Z T <t@e.org>",
            "line 2: the change 'a' occurs twice",
        ),
        ("a 2013-12-30T23:19:16Z T <t@e.org>\n-a 2013-12-31T23:19:16Z T <t@e.org>", "line 2: '-a"),
        ("some words", "line 1: 'some words' is neither a change"),
        ("", None),
    ],
)
def test_a_plan_that_cannot_be_followed_is_refused_with_its_line(plan: str, message: str | None) -> None:
    files = [{"name": "sqitch.plan", "content": plan}, {"name": "deploy/a.sql", "content": "SELECT 1;"}]
    if message is None:
        assert parse_files(files, "sqitch") == []
        return
    with pytest.raises(TitanError, match=message):
        parse_files(files, "sqitch")
    with pytest.raises(TitanError, match=r"has no sqitch\.plan"):
        parse_files(files[1:], "sqitch")


FORMATTED = """-- liquibase formatted sql
-- a comment

--changeset "n v":1 dbms:postgresql,h2
CREATE TABLE a ();
--rollback DROP TABLE a;
--changeset n:2 dbms:mysql
CREATE TABLE b () ENGINE=x;
-- changeset n:3 runInTransaction:false
CREATE INDEX CONCURRENTLY i ON a (b);
/* liquibase rollback
DROP INDEX i;
*/
--changeset n:views runOnChange:"true" splitStatements:false
CREATE OR REPLACE VIEW v AS SELECT 1;
--changeset n:5
SELECT 5;
--rollback empty
"""


def test_change_sets_of_formatted_sql_are_migrations() -> None:
    text = FORMATTED
    found = parse_files([{"name": "x/changelog-1.0.sql", "content": text}], "liquibase")
    assert [(item.key, item.name, item.down_text) for item in found] == [
        ("1.0.1", "n v:1", "DROP TABLE a;"),
        ("1.0.3", "n:3", "DROP INDEX i;"),
        ("1.0.5", "n:5", ""),
        ("R__n:views", "n:views", ""),
    ]
    assert [item.reversible for item in found] == [True, True, True, False]
    scripts = [make_script(item.text, item.file, "steps") for item in found]
    assert [[one.line for one in script.statements] for script in scripts] == [[5], [10], [17], [15]]
    assert [script.whole for script in scripts] == [True, False, True, True]
    longer = text.replace("-- a comment", "-- a comment\n-- of two lines") + "--changeset n:6\nSELECT 6;\n"
    again = parse_files([{"name": "x/changelog-1.0.sql", "content": longer}], "liquibase")
    assert [item.checksum for item in again if item.name != "n:6"] == [item.checksum for item in found]


@pytest.mark.parametrize(
    ("text", "message", "name"),
    [
        ("SELECT 1;", "its first line is not", "1.sql"),
        ("--liquibase formatted sql\nSELECT 1;\n--changeset a:1\n", "SQL stands before", "1.sql"),
        ("--liquibase formatted sql\nSELECT 1;\n", "SQL stands before", "1.sql"),
        ("--liquibase formatted sql\n--changeset a:1\n--preconditions onFail:MARK_RAN\n", "line 2: the change set a:1 has preconditions", "1.sql"),
        ("--liquibase formatted sql\n--changeset a:1 runAlways:true\n", "has runAlways", "1.sql"),
        ("--liquibase formatted sql\n--changeset a:1 context:\"test\"\n", "has context", "1.sql"),
        ("--liquibase formatted sql\n--changeset a:1 endDelimiter:/\n", "endDelimiter", "1.sql"),
        ("--liquibase formatted sql\n--changeset a:1\n", "has no number", "changes.sql"),
    ],
)  # fmt: skip
def test_what_only_liquibase_can_run_is_refused(text: str, message: str, name: str) -> None:
    with pytest.raises(TitanError, match=message):
        parse_files([{"name": name, "content": text}], "liquibase")


def test_change_sets_of_one_version_or_of_numbers_of_other_lengths_are_refused() -> None:
    text = "--liquibase formatted sql\n--changeset a:1\nSELECT 1;\n"
    for names, message in ((("1_a.sql", "1_b.sql"), "both hold 1.1"), (("1.sql", "1.1.sql"), "how many parts")):
        with pytest.raises(TitanError, match=message):
            parse_files([{"name": name, "content": text} for name in names], "liquibase")


FOREIGN = {
    "Knex": "20240101120000_init.js", "TypeORM": "1700000000000-Init.ts", "Django": "0001_initial.py", "Alembic": "versions/ae1027a6acf1_x.py",
    "Ecto": "20240101000000_create.exs", "Rails": "20240101000000_create_x.rb", "Laravel": "2014_10_12_000000_x.php", "goose": "00002_x.go",
    "Flyway": "db/V2__x.java", "Entity Framework": "20240101000000_x.cs", "Liquibase": "1.0-tables.xml",
}  # fmt: skip


@pytest.mark.parametrize("name", FOREIGN.values(), ids=FOREIGN)
def test_migrations_in_another_language_are_never_passed_over_in_silence(name: str, tmp_path: Path) -> None:
    path = tmp_path / name
    path.parent.mkdir(exist_ok=True)
    path.write_text("")
    for naming in ("plain", "flyway", "directory", "goose", "sqitch"):
        with pytest.raises(TitanError, match=f"It holds no SQL, but migrations in another language, such as '{name}'"):
            read_directory(str(tmp_path), naming)
    (tmp_path / "0001_a.sql").write_text("SELECT 1;")
    read_directory(str(tmp_path), "plain")
    assert name in unseen_warning(str(tmp_path), "plain")[0]


def test_what_else_lies_beside_migrations_is_none_in_another_language(tmp_path: Path) -> None:
    for name in ("atlas.sum", "README.md", "dbconfig.yml", "__init__.py", "0001_a_test.go", "V1__a.sql.conf", "0000_snapshot.json", "x.Designer.cs",
                 "1_a.d.ts", "migration_lock.toml"):  # fmt: skip
        (tmp_path / name).write_text("")
    assert read_directory(str(tmp_path), "plain") == [] and unseen_warning(str(tmp_path), "plain") == ()


@pytest.mark.parametrize(
    ("attributes", "runs"),
    [
        ("dbms:!oracle", True), ("dbms:!oracle,!mysql", True), ("dbms:!postgresql", False), ("dbms:mysql,postgresql", True),
        ("dbms:all", True), ("dbms:none", False), ("dbms:mysql", False), ("ignore:true", False), ("ignore:false", True),
    ],
)  # fmt: skip
def test_which_change_sets_liquibase_runs_here(attributes: str, runs: bool) -> None:
    text = f"--liquibase formatted sql\n--changeset me:1 {attributes}\nSELECT 1;\n"
    assert bool(parse_files([{"name": "1.sql", "content": text}], "liquibase")) is runs


def test_lines_that_liquibase_passes_over_are_no_sql() -> None:
    text = (
        "--liquibase formatted sql\n--changeset me:1\nSELECT 1;\n--ignoreLines:2\nSELECT 2;\nSELECT 3;\nSELECT 4;\n"
        "--ignoreLines:start\nSELECT 5;\n--changeset me:no\n--ignoreLines:end\nSELECT 6;\n"
    )
    (item,) = parse_files([{"name": "1.sql", "content": text}], "liquibase")
    assert [each.line for each in make_script(item.text, item.file).statements] == [3, 7, 12]
