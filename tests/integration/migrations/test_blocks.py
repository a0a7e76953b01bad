"""Files with transactions of their own, as psql runs them: blocks that are taken back, stray words, nested ones."""

from __future__ import annotations

from pathlib import Path

import pytest
from ansible_collections.titan.database.plugins.module_utils._engine.errors import TitanError

from tests.integration.migrations.judge import Databases

ALONE = "-- transaction: none\n"
SHOWN = "INSERT INTO t SELECT current_setting('transaction_isolation')"
TEXTS = {
    "taken back": "CREATE TABLE t (n int); BEGIN; INSERT INTO t VALUES (1); ROLLBACK; INSERT INTO t VALUES (2);",
    "with a savepoint": "CREATE TABLE t (n int); BEGIN; INSERT INTO t VALUES (1); SAVEPOINT a; INSERT INTO t VALUES (2); "
    "ROLLBACK TO a; INSERT INTO t VALUES (3); COMMIT; BEGIN WORK; DROP TABLE t; ABORT;",
    "words that do nothing": "COMMIT; CREATE TABLE t (n int); ROLLBACK; BEGIN; BEGIN; INSERT INTO t VALUES (1); END; END;",
    "rows in a block": "CREATE TABLE t (n int);\nBEGIN;\nCOPY t FROM stdin;\n1\n2\n\\.\nROLLBACK;\nBEGIN;\nCOPY t FROM stdout;\n3\n\\.\nCOMMIT;",
    "settings go with it": "CREATE TABLE t (n int); CREATE SCHEMA s; BEGIN; SET search_path = s; ROLLBACK; "
    "CREATE TABLE u (n int); INSERT INTO t VALUES (9);",
    "an index in it": "CREATE TABLE t (n int); CREATE INDEX a ON t (n); BEGIN; DROP INDEX a; "
    "CREATE INDEX b ON t (n); ROLLBACK; INSERT INTO t VALUES (1);",
    "an index that waits for its parts": "CREATE TABLE t (n int) PARTITION BY LIST (n); CREATE TABLE t1 PARTITION OF t "
    "FOR VALUES IN (1); CREATE INDEX t_n ON ONLY t (n); CREATE INDEX t1_n ON t1 (n); ALTER INDEX t_n ATTACH PARTITION t1_n;",
    "levels": "CREATE TABLE t (n int); BEGIN ISOLATION LEVEL SERIALIZABLE; INSERT INTO t VALUES (1); ROLLBACK; "
    "START TRANSACTION; INSERT INTO t VALUES (2); COMMIT;",
    "levels that show": f"CREATE TABLE t (n text); BEGIN WORK ISOLATION LEVEL SERIALIZABLE, READ WRITE; {SHOWN}; COMMIT; {SHOWN}; "
    f"BEGIN READ ONLY; SELECT n FROM t; COMMIT; BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT n FROM t; SET TRANSACTION READ ONLY; COMMIT; {SHOWN};",
    "chains": f"CREATE TABLE t (n text); START TRANSACTION ISOLATION LEVEL REPEATABLE READ; {SHOWN}; COMMIT AND CHAIN; {SHOWN}; "
    f"ROLLBACK AND CHAIN; {SHOWN}; COMMIT WORK AND CHAIN; {SHOWN}; ABORT AND NO CHAIN; {SHOWN}; BEGIN; "
    f"SET TRANSACTION ISOLATION LEVEL SERIALIZABLE, DEFERRABLE; {SHOWN}; ROLLBACK AND CHAIN; {SHOWN}; END AND CHAIN; {SHOWN}; COMMIT AND NO CHAIN;",
    "read-only by default": "CREATE TABLE t (n int); SET default_transaction_read_only = on; BEGIN; SELECT n FROM t; COMMIT; "
    "BEGIN READ WRITE; INSERT INTO t VALUES (1); COMMIT; RESET default_transaction_read_only; INSERT INTO t VALUES (2);",
    "rows for the client": "CREATE TABLE t (n int);\nCOPY (INSERT INTO t VALUES (1), (2) RETURNING n) TO STDOUT /* ; */ ;\n"
    "BEGIN; COPY t TO stdin (FORMAT csv);\nCOPY t FROM stdout;\n3\n\\.\nCOPY (DELETE FROM t WHERE n = 1 RETURNING n) TO STDOUT; COMMIT;\n"
    "BEGIN; COPY (DELETE FROM t RETURNING n) TO STDOUT WITH BINARY; ROLLBACK",
}  # fmt: skip
TABLES = "SELECT schemaname, tablename FROM pg_tables WHERE schemaname IN ('public', 's') ORDER BY 1, 2"


@pytest.mark.parametrize("name", TEXTS)
def test_as_psql(databases: Databases, tmp_path: Path, name: str) -> None:
    databases.empty()
    path = tmp_path / "1_x.sql"
    path.write_text(ALONE + TEXTS[name])
    databases.psql([path])
    databases.migrate([("1_x.sql", ALONE + TEXTS[name])])
    for query in ("SELECT n FROM public.t ORDER BY 1", TABLES):
        assert databases.rows(databases.engine, query) == databases.rows(databases.judge, query)
    assert not databases.difference()


def test_a_failure_inside_a_block_that_is_taken_back(databases: Databases) -> None:
    databases.empty()
    text = (
        ALONE
        + "CREATE TABLE t (n int);\nBEGIN;\nINSERT INTO t VALUES (1);\nSELECT 1 / 0;\nROLLBACK;\nINSERT INTO t VALUES (2);"
    )
    with pytest.raises(TitanError, match="division by zero.*Steps 1 to 1 of 3 are done"):
        databases.migrate([("1_x.sql", text)])
    assert databases.rows(databases.engine, "SELECT n FROM public.t") == []
    databases.migrate([("1_x.sql", text.replace("1 / 0", "1 / 1"))])
    assert databases.rows(databases.engine, "SELECT n FROM public.t") == [(2,)]


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("BEGIN; SELECT 1;", "never ends"),
        ("BEGIN; SELECT 1; COMMIT AND CHAIN;", "never ends"),
        ("COMMIT AND CHAIN;", "needs a transaction"),
        ("BEGIN; PREPARE TRANSACTION 'x';", "outlives the run"),
    ],
)
def test_what_cannot_be_recorded_is_refused(databases: Databases, text: str, why: str) -> None:
    databases.empty()
    with pytest.raises(TitanError, match=f"1_x.sql, line 2: .* cannot be recorded.*{why}"):
        databases.migrate([("1_x.sql", ALONE + text)])


def test_rows_for_the_client_are_told_of_and_a_failure_behind_them_is_found(databases: Databases) -> None:
    databases.empty()
    text = "CREATE TABLE t (n int);\nCOPY (INSERT INTO t VALUES (7) RETURNING n) TO STDOUT;\nCOPY t FROM stdin;\n1\n\\.\nDROP TABLE t;"
    result = databases.migrate([("1_x.sql", text)])
    assert any("1_x.sql, line 2: the rows of COPY ... TO STDOUT" in warning for warning in result.warnings)
    assert "7" not in str(result.warnings)
    failing = text.replace("DROP TABLE t;", "SELECT 1;\nDO $$ BEGIN RAISE 'stop'; END $$;")
    with pytest.raises(TitanError, match="2_y.sql, line 7: "):
        databases.migrate([("1_x.sql", text), ("2_y.sql", failing)])
