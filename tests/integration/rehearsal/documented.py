"""Statements, and the locks that PostgreSQL's documentation gives for them: "Explicit Locking", and the page of each command.

UNTOLD has what is taken although no page tells it; FROM_THE_TEXT what is expected of a statement by its text alone, where that
is less or other, with the reason.
"""

from __future__ import annotations

from typing import NamedTuple

ROW_SHARE, ROW, UPDATE, SHARE, SHARE_ROW, EXCLUSIVE, ACCESS = (
    "ROW SHARE", "ROW EXCLUSIVE", "SHARE UPDATE EXCLUSIVE", "SHARE", "SHARE ROW EXCLUSIVE", "EXCLUSIVE", "ACCESS EXCLUSIVE",
)  # fmt: skip

SETUP = """
CREATE TABLE days (day int, n int) PARTITION BY RANGE (day);
CREATE TABLE days_1 PARTITION OF days FOR VALUES FROM (1) TO (10);
CREATE TABLE days_2 (day int, n int);
CREATE TABLE parent (id int, user_id int);
CREATE TABLE child (id int, user_id int);
CREATE TABLE plain (id int PRIMARY KEY, user_id int, code text, kind text);
CREATE UNIQUE INDEX plain_code ON plain (code);
CREATE INDEX plain_user ON plain (user_id);
CREATE TABLE lines (id int PRIMARY KEY, plain_id int REFERENCES plain, user_id int);
CREATE TABLE gone (id int PRIMARY KEY);
CREATE SEQUENCE numbers;
CREATE VIEW seen AS SELECT id FROM plain;
CREATE MATERIALIZED VIEW sums AS SELECT user_id, count(*) FROM plain GROUP BY 1;
CREATE UNIQUE INDEX sums_user ON sums (user_id);
CREATE SCHEMA elsewhere;
"""


class Told(NamedTuple):
    """A statement and its documented locks that are stronger than ACCESS SHARE: mode by table."""

    statement: str
    locks: dict[str, str]


def _on(table: str, mode: str, *statements: str) -> list[Told]:
    return [Told(statement, {table: mode}) for statement in statements]


_TRIGGER = "FOR EACH ROW EXECUTE FUNCTION suppress_redundant_updates_trigger()"
DOCUMENTED = [
    *_on("plain", ACCESS,
         "ALTER TABLE plain ADD note text", "ALTER TABLE plain ADD made timestamptz DEFAULT now()", "ALTER TABLE plain DROP COLUMN made",
         "ALTER TABLE plain ALTER note TYPE varchar(20)", "ALTER TABLE plain ALTER note SET DEFAULT 'x'",
         "ALTER TABLE plain ALTER note DROP DEFAULT", "ALTER TABLE plain ALTER note SET NOT NULL", "ALTER TABLE plain ALTER note DROP NOT NULL",
         "ALTER TABLE plain ALTER note SET STORAGE external", "ALTER TABLE plain ALTER COLUMN note SET COMPRESSION pglz",
         "ALTER TABLE plain ADD CONSTRAINT c CHECK (id > 0)", "ALTER TABLE plain ADD CONSTRAINT d CHECK (id > 1) NOT VALID",
         "ALTER TABLE plain RENAME CONSTRAINT c TO e", "ALTER TABLE plain DROP CONSTRAINT e", "ALTER TABLE plain RENAME note TO remark",
         "ALTER TABLE plain ADD CONSTRAINT u UNIQUE USING INDEX plain_code", "ALTER TABLE plain REPLICA IDENTITY FULL",
         "ALTER TABLE plain ENABLE ROW LEVEL SECURITY", "CREATE POLICY p ON plain USING (true)", "ALTER POLICY p ON plain USING (id > 0)",
         "DROP POLICY p ON plain", "ALTER TABLE plain SET (user_catalog_table = false)", "ALTER TABLE plain RESET (user_catalog_table)",
         "CREATE RULE r AS ON DELETE TO plain DO INSTEAD NOTHING", "DROP RULE r ON plain", "ALTER TABLE plain SET TABLESPACE pg_default",
         "ALTER TABLE plain OWNER TO postgres", "ALTER TABLE plain SET (fillfactor = 70), ALTER kind SET DEFAULT 1"),
    *_on("plain", UPDATE,
         "ALTER TABLE plain VALIDATE CONSTRAINT d", "ALTER TABLE plain ALTER id SET STATISTICS 500",
         "ALTER TABLE plain ALTER id SET (n_distinct = 7)",
         "ALTER TABLE plain ALTER id RESET (n_distinct)", "ALTER TABLE plain SET (fillfactor = 90)", "ALTER TABLE plain RESET (fillfactor)",
         "ALTER TABLE plain SET (autovacuum_enabled = off, toast.autovacuum_enabled = off)", "ALTER TABLE plain SET (parallel_workers = 2)",
         "ALTER TABLE plain CLUSTER ON plain_user", "ALTER TABLE plain SET WITHOUT CLUSTER", "CREATE STATISTICS s ON id, kind FROM plain",
         "COMMENT ON TABLE plain IS 'x'", "COMMENT ON COLUMN plain.id IS 'x'", "ANALYZE plain"),
    *_on("plain", SHARE_ROW, f"CREATE TRIGGER t BEFORE UPDATE ON plain {_TRIGGER}", "ALTER TABLE plain DISABLE TRIGGER t",
         "ALTER TABLE plain ENABLE ALWAYS TRIGGER t", "LOCK TABLE plain IN SHARE ROW EXCLUSIVE MODE"),
    *_on("plain", ACCESS, "ALTER TRIGGER t ON plain RENAME TO tt", "DROP TRIGGER tt ON plain"),
    *_on("plain", SHARE, "CREATE INDEX plain_kind ON plain (kind)", "REINDEX TABLE plain", "REINDEX INDEX plain_kind"),
    *_on("plain", ACCESS, "DROP INDEX plain_kind"),
    Told("ALTER INDEX plain_user RENAME TO plain_users", {}),
    Told("ALTER INDEX plain_users SET (fillfactor = 80)", {}),
    *_on("plain", ROW, "INSERT INTO plain VALUES (5, 1, 'a', 'b', 'c')", "UPDATE plain SET kind = 'd'", "DELETE FROM plain WHERE id = 2",
         "MERGE INTO plain USING (VALUES (1)) AS v (id) ON plain.id = v.id WHEN MATCHED THEN UPDATE SET kind = 'e'",
         "WITH w AS (UPDATE plain SET kind = 'f' RETURNING id) SELECT count(*) FROM w"),
    *_on("plain", ROW_SHARE, "SELECT id FROM plain FOR UPDATE", "SELECT id FROM plain FOR KEY SHARE"),
    *_on("plain", ACCESS, "CLUSTER plain USING plain_users", "ALTER TABLE plain SET SCHEMA elsewhere"),
    Told("ALTER TABLE lines ADD CONSTRAINT f FOREIGN KEY (user_id) REFERENCES users NOT VALID", {"lines": SHARE_ROW, "users": SHARE_ROW}),
    Told("ALTER TABLE lines VALIDATE CONSTRAINT f", {"lines": UPDATE, "users": ROW_SHARE}),
    Told("ALTER TABLE lines ADD FOREIGN KEY (user_id) REFERENCES users", {"lines": SHARE_ROW, "users": SHARE_ROW}),
    Told("ALTER TABLE lines DROP CONSTRAINT f", {"lines": ACCESS}),
    Told("CREATE TABLE more (id int, user_id int REFERENCES users)", {"users": SHARE_ROW}),
    Told("ALTER TABLE lines ADD other int REFERENCES users", {"lines": ACCESS, "users": SHARE_ROW}),
    Told("ALTER TABLE lines ALTER CONSTRAINT lines_user_id_fkey DEFERRABLE", {"lines": ACCESS}),
    Told("ALTER TABLE lines SET UNLOGGED", {"lines": ACCESS}),
    Told("ALTER TABLE lines SET LOGGED", {"lines": ACCESS}),
    Told("ALTER TABLE days ATTACH PARTITION days_2 FOR VALUES FROM (10) TO (20)", {"days": UPDATE, "days_2": ACCESS}),
    Told("CREATE TABLE days_3 PARTITION OF days FOR VALUES FROM (20) TO (30)", {"days": ACCESS}),
    Told("ALTER TABLE days DETACH PARTITION days_2", {"days": ACCESS, "days_2": ACCESS}),
    Told("DROP TABLE days_1", {"days_1": ACCESS}),
    Told("ALTER TABLE child INHERIT parent", {"child": ACCESS, "parent": UPDATE}),
    Told("ALTER TABLE child NO INHERIT parent", {"child": ACCESS}),
    Told("TRUNCATE parent, child", {"parent": ACCESS, "child": ACCESS}),
    Told("ALTER TABLE child RENAME TO kid", {"child": ACCESS}),
    Told("REFRESH MATERIALIZED VIEW sums", {"sums": ACCESS}),
    Told("REFRESH MATERIALIZED VIEW CONCURRENTLY sums", {"sums": EXCLUSIVE}),
    Told("CREATE OR REPLACE VIEW busy AS SELECT user_id, count(*) FROM orders GROUP BY 1", {"busy": ACCESS}),
    Told("ALTER SEQUENCE numbers INCREMENT 2", {"numbers": SHARE_ROW}),
    Told("LOCK TABLE orders", {"orders": ACCESS}),
    Told("LOCK TABLE orders IN SHARE MODE", {"orders": SHARE}),
    Told("SELECT count(*) FROM orders", {}),
    Told("DROP TABLE gone", {"gone": ACCESS}),
    Told("DROP VIEW seen", {"seen": ACCESS}),
    Told("DROP MATERIALIZED VIEW sums", {"sums": ACCESS}),
]  # fmt: skip

# The other table of a foreign key that goes, and the parent of a partition that goes: both are needed to take them apart.
UNTOLD = {
    "ALTER TABLE lines DROP CONSTRAINT f": {"users": ACCESS},
    "DROP TABLE days_1": {"days": ACCESS},
}
_NOBODY_WAITS = "nobody who reads or writes waits for it, nor for more than a moment"
_BY_THE_CATALOG = "the text does not name the table; check mode asks the catalog, and the rehearsal sees it"
FROM_THE_TEXT: dict[str, tuple[dict[str, str], str]] = {
    "COMMENT ON TABLE plain IS 'x'": ({}, _NOBODY_WAITS),
    "COMMENT ON COLUMN plain.id IS 'x'": ({}, _NOBODY_WAITS),
    "ANALYZE plain": ({}, _NOBODY_WAITS),
    "WITH w AS (UPDATE plain SET kind = 'f' RETURNING id) SELECT count(*) FROM w": ({}, _NOBODY_WAITS),
    "SELECT id FROM plain FOR UPDATE": ({}, _NOBODY_WAITS),
    "SELECT id FROM plain FOR KEY SHARE": ({}, _NOBODY_WAITS),
    "ALTER TABLE lines VALIDATE CONSTRAINT f": ({"lines": UPDATE}, _BY_THE_CATALOG),
    "REINDEX INDEX plain_kind": ({"plain_kind": ACCESS}, _BY_THE_CATALOG),
    "DROP INDEX plain_kind": ({"plain_kind": ACCESS}, _BY_THE_CATALOG),
    "CREATE OR REPLACE VIEW busy AS SELECT user_id, count(*) FROM orders GROUP BY 1": (
        {},
        "nobody knows by the text whether it is there",
    ),
}
