"""Indexes are what they say: a name proves nothing, the catalog does."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from ansible_collections.titan.database.plugins.module_utils._engine.postgres.connection import ConnectionSettings
from ansible_collections.titan.database.plugins.module_utils._engine.postgres.database import Database

from tests.conftest import login

Module = Callable[..., dict[str, Any]]
TABLE = """
CREATE TABLE public.t (a int, b text, c timestamptz, "Odd Name" int, d jsonb);
CREATE TABLE public.other (a int, b text);
INSERT INTO public.t SELECT n, n::text, now(), n, '{}' FROM generate_series(1, 100) n;
"""


@pytest.fixture
def run(settings: ConnectionSettings, db: Database, call_module: Module) -> Callable[..., dict[str, Any]]:
    """Apply one file; the tables are there."""
    db.execute(TABLE)

    def go(text: str, **options: Any) -> dict[str, Any]:
        return call_module("migration", **login(settings), files=[{"name": "1_i.sql", "content": text}], **options)

    return go


def outcome(result: dict[str, Any]) -> tuple[str, str]:
    assert not result.get("failed"), result["msg"]
    index = result["applied"][0]["indexes"][0]
    return index["outcome"], index["duplicate_of"]


SAME = [
    ("(a)", "USING btree (a ASC NULLS LAST)"),
    ("(lower(b))", "(  LOWER ( b ) )"),
    ("(a) WHERE b = 'x'", "(a) WHERE (b::text = 'x'::text)"),
    ('("Odd Name" DESC)', '("Odd Name" DESC NULLS FIRST)'),
    ("(a) INCLUDE (b)", "(a) INCLUDE (b)"),
    ("USING gin (d jsonb_path_ops)", "USING gin (d jsonb_path_ops)"),
    ("USING brin (a) WITH (pages_per_range = 4)", "USING brin (a) WITH (pages_per_range = 4)"),
    ('(b COLLATE "C", a)', '(b COLLATE "C", a)'),
    ("((a + 1), (d ->> 'k'))", "((a+1), (d->>'k'))"),
]
OTHER = [
    ("(a)", "(b)", "columns"),
    ("(a)", "(a DESC)", "options"),
    ("(a)", "(a) WHERE a > 0", "predicate"),
    ("(a)", "(a) INCLUDE (b)", "columns"),
    ("(b)", "(b text_pattern_ops)", "classes"),
    ("(b)", '(b COLLATE "C")', "collations"),
    ("(a)", "USING hash (a)", "method"),
    ("(a, b)", "(b, a)", "columns"),
    ("(lower(b))", "(upper(b))", "columns"),
]


@pytest.mark.parametrize(("there", "declared"), SAME)
@pytest.mark.parametrize(
    "how",
    [
        "CREATE INDEX CONCURRENTLY IF NOT EXISTS",
        "CREATE INDEX CONCURRENTLY",
        "CREATE INDEX",
        "CREATE INDEX IF NOT EXISTS",
    ],
)
def test_the_same_index_is_found_not_created(there: str, declared: str, how: str, run: Any, db: Database) -> None:
    db.execute(f"CREATE INDEX i ON public.t {there}")
    assert outcome(run(f"{how} i ON t {declared};")) == ("found", "")
    assert db.value("SELECT count(*) FROM pg_index WHERE indrelid = 'public.t'::regclass") == 1


@pytest.mark.parametrize(("there", "declared"), SAME)
def test_a_twin_is_skipped_created_or_refused(there: str, declared: str, run: Any, db: Database) -> None:
    db.execute(f"CREATE INDEX twin ON public.t {there}")
    text = f"CREATE INDEX CONCURRENTLY IF NOT EXISTS i ON t {declared};"
    refused = run(text, redundant_indexes="fail")
    assert refused["failed"] and "'twin'" in refused["msg"] and refused["line"] == 1
    assert outcome(run(text)) == ("skipped", "twin")
    assert db.value("SELECT to_regclass('public.i')") is None


def test_a_twin_is_created_when_told_so(run: Any, db: Database) -> None:
    db.execute("CREATE INDEX twin ON public.t (a)")
    result = run("CREATE INDEX i ON t (a);", redundant_indexes="create")
    assert outcome(result) == ("built", "twin")
    assert db.value("SELECT to_regclass('public.i') IS NOT NULL")


@pytest.mark.parametrize(("there", "declared", "differs"), OTHER)
@pytest.mark.parametrize("how", ["CREATE INDEX CONCURRENTLY IF NOT EXISTS", "CREATE INDEX IF NOT EXISTS"])
def test_another_index_of_that_name_is_an_error(
    there: str, declared: str, differs: str, how: str, run: Any, db: Database
) -> None:
    db.execute(f"CREATE INDEX i ON public.t {there}")
    before = db.value("SELECT pg_get_indexdef('public.i'::regclass)")
    for check in (True, False):
        result = run(f"{how} i ON t {declared};", check_mode=check)
        assert (
            result["failed"] and before in result["msg"] and declared in result["msg"] and differs in result["differs"]
        )
    assert db.value("SELECT pg_get_indexdef('public.i'::regclass)") == before


def test_uniqueness_and_the_table_count(run: Any, db: Database) -> None:
    db.execute("CREATE INDEX i ON public.t (a); CREATE INDEX j ON public.other (a)")
    assert run("CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS i ON t (a);")["differs"] == ["unique"]
    assert "table" in run("CREATE INDEX CONCURRENTLY IF NOT EXISTS j ON t (a);")["differs"]


def test_an_invalid_index_with_the_declared_definition_is_rebuilt(run: Any, db: Database) -> None:
    db.execute(
        "CREATE INDEX i ON public.t (a); UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'public.i'::regclass"
    )
    assert outcome(run("CREATE INDEX CONCURRENTLY IF NOT EXISTS i ON t (a);")) == ("rebuilt", "")
    assert db.value("SELECT bool_and(indisvalid) FROM pg_index")


def test_an_invalid_index_is_rebuilt_by_a_transactional_file_too(run: Any, db: Database) -> None:
    db.execute(
        "CREATE INDEX i ON public.t (a); UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'public.i'::regclass"
    )
    assert outcome(run("CREATE INDEX IF NOT EXISTS i ON t (a);")) == ("rebuilt", "")
    assert db.value("SELECT bool_and(indisvalid) FROM pg_index")


INVALID_UNIQUE = """
CREATE UNIQUE INDEX i ON public.t (a); UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'public.i'::regclass
"""


@pytest.mark.parametrize(
    "there", [INVALID_UNIQUE, "CREATE INDEX i ON public.t (a)", "CREATE UNIQUE INDEX i ON public.t (lower(b))"]
)
def test_a_constraint_is_never_made_of_an_index_that_cannot_hold_it(there: str, run: Any, db: Database) -> None:
    db.execute(there)
    result = run("ALTER TABLE t ADD CONSTRAINT i_is_unique UNIQUE USING INDEX i;")
    assert result["failed"] and "line 1" in result["msg"]
    assert db.value("SELECT count(*) FROM titan_ops.migration_history WHERE outcome = 'applied'") == 0
    assert db.value("SELECT count(*) FROM pg_constraint WHERE conname = 'i_is_unique'") == 0


def test_a_constraint_takes_only_the_index_that_the_files_declare(run: Any, db: Database, call_module: Module) -> None:
    db.execute("CREATE UNIQUE INDEX i ON public.t (b); CREATE UNIQUE INDEX twin ON public.t (a)")
    texts = [
        "CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS {} ON t (a);",
        "ALTER TABLE t ADD CONSTRAINT u UNIQUE USING INDEX {};",
    ]

    def both(name: str) -> dict[str, Any]:
        files = [{"name": f"{number}_x.sql", "content": text.format(name)} for number, text in enumerate(texts, 1)]
        return call_module("migration", **login(db.settings), files=files)

    assert "columns" in both("i")["differs"]
    assert db.value("SELECT count(*) FROM pg_constraint WHERE conname = 'u'") == 0
    result = both("j")  # a twin is there, but the constraint names j
    assert not result.get("failed"), result["msg"]
    assert db.value("SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conname = 'u'") == "UNIQUE (a)"


def test_somebody_elses_invalid_index_is_left_alone(run: Any, db: Database) -> None:
    db.execute(
        "CREATE INDEX i ON public.t (b); UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'public.i'::regclass"
    )
    result = run("CREATE INDEX CONCURRENTLY IF NOT EXISTS i ON t (a);")
    assert (
        result["failed"]
        and "INVALID" in result["msg"]
        and db.value("SELECT NOT indisvalid FROM pg_index WHERE indexrelid = 'public.i'::regclass")
    )


def test_a_failed_build_is_not_recorded_and_heals(run: Any, db: Database) -> None:
    db.execute("INSERT INTO public.t (a) VALUES (1)")
    text = "CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS i ON t (a);"
    for _attempt in range(2):
        failed = run(text)
        assert failed["failed"] and failed["sqlstate"] == "23505" and failed["line"] == 1
        assert db.value("SELECT to_regclass('public.i')") is None
        assert db.value("SELECT count(*) FROM titan_ops.migration_history WHERE outcome = 'applied'") == 0
    db.execute("DELETE FROM public.t WHERE a = 1 AND b IS NULL")
    assert outcome(run(text))[0] in ("built", "rebuilt")
    assert db.value("SELECT bool_and(indisvalid) FROM pg_index")


def test_an_unnamed_concurrent_index_leaves_no_leftover(run: Any, db: Database) -> None:
    db.execute("INSERT INTO public.t (a) VALUES (1)")
    assert run("CREATE UNIQUE INDEX CONCURRENTLY ON t (a);")["failed"]
    db.execute("DELETE FROM public.t WHERE a = 1 AND b IS NULL")
    assert not run("CREATE UNIQUE INDEX CONCURRENTLY ON t (a);").get("failed")
    assert db.rows("SELECT indisvalid FROM pg_index WHERE indrelid = 'public.t'::regclass") == [{"indisvalid": True}]


def test_prefixes_are_warned_of(run: Any, db: Database) -> None:
    db.execute(
        'CREATE INDEX wide ON public.t (a, b); CREATE INDEX narrow ON public.t (c); CREATE UNIQUE INDEX uq ON public.t (c, "Odd Name")'
    )
    from ansible_collections.titan.database.plugins.module_utils._engine.migrations.indexes import catalog
    from ansible_collections.titan.database.plugins.module_utils._engine.migrations.sql import lexer, statements

    def warnings(text: str) -> str:
        declaration = statements.index_declaration(lexer.split(text)[0], text)
        assert declaration
        verdict = catalog.decide(db, declaration, "skip", "x.sql, line 1")
        assert verdict
        return " ".join(verdict.warnings)

    db.execute("SET search_path = public")
    assert "covered by 'wide'" in warnings("CREATE INDEX i ON t (a)")
    said = warnings("CREATE INDEX i ON t (c, a)")
    assert "makes 'narrow' redundant" in said and "uq" not in said
    assert warnings("CREATE INDEX i ON t (a) WHERE b = 'x'") == "" and warnings("CREATE INDEX i ON t (a DESC)") == ""


def test_a_plain_build_on_a_large_table_is_refused(run: Any, db: Database) -> None:
    db.execute("INSERT INTO public.t (a) SELECT generate_series(1, 20000)")
    for analysed in (False, True):
        if analysed:
            db.execute("ANALYZE public.t")
        result = run("CREATE INDEX i ON t (a);")
        assert result["failed"] and "CONCURRENTLY" in result["msg"] and result["rows"] > 10000
    own = "CREATE TABLE mine AS SELECT generate_series(1, 20000) AS a; CREATE INDEX i ON mine (a);"
    assert outcome(run(own)) == ("built", "")


def test_a_partitioned_table_is_indexed_one_partition_after_the_other(run: Any, db: Database) -> None:
    db.execute(
        "CREATE TABLE public.e (k int) PARTITION BY RANGE (k); CREATE TABLE public.e1 PARTITION OF public.e FOR VALUES FROM (0) TO (99999);"
        "INSERT INTO public.e SELECT generate_series(1, 20000)"
    )
    for check_mode in (True, False):
        refused = run("CREATE INDEX CONCURRENTLY e_k ON e (k);", check_mode=check_mode)
        assert refused["failed"] and "ON ONLY e (k)" in refused["msg"] and "(e1)" in refused["msg"]
        refused = run("CREATE INDEX e_k ON e (k);", check_mode=check_mode)
        assert refused["failed"] and refused["rows"] > 10000
    text = "CREATE INDEX e_k ON ONLY e (k);\nCREATE INDEX CONCURRENTLY e1_k ON e1 (k);\nALTER INDEX e_k ATTACH PARTITION e1_k;"
    for check_mode in (True, False):
        result = run(text, check_mode=check_mode, mixed="steps")
        assert not result.get("failed"), result["msg"]
    assert db.value(
        "SELECT bool_and(indisvalid) AND count(*) = 2 FROM pg_index WHERE indexrelid::regclass::text LIKE 'public.e%k'"
    )


def test_an_unknown_column_is_named_before_anything_is_changed(run: Any, db: Database) -> None:
    text = "CREATE INDEX CONCURRENTLY i ON t (a);\nCREATE INDEX CONCURRENTLY j ON t (nosuch);"
    result = run(text, check_mode=True)
    assert result["failed"] and "nosuch" in result["msg"] and "line 2" in result["msg"]


def test_drop_and_create_again_in_one_file_is_left_to_the_server(run: Any, db: Database) -> None:
    db.execute("CREATE INDEX i ON public.t (a)")
    assert outcome(run("DROP INDEX IF EXISTS i;\nCREATE INDEX i ON t (a, b);")) == ("built", "")
    assert "(a, b)" in db.value("SELECT pg_get_indexdef('public.i'::regclass)")


def test_if_not_exists_over_something_else_in_one_file_is_noticed(run: Any, db: Database) -> None:
    result = run("CREATE TABLE u (a int, b int); CREATE INDEX ui ON u (a);\nCREATE INDEX IF NOT EXISTS ui ON u (b);")
    assert not result.get("failed"), result["msg"]
    assert [item["outcome"] for item in result["applied"][0]["indexes"]] == ["built", "found"]  # and a warning
    assert db.value("SELECT string_agg(indexdef, '') FROM pg_indexes WHERE tablename = 'u'").endswith("(a)")  # as psql


def test_a_duplicate_that_a_later_statement_names_is_built(run: Any, db: Database) -> None:
    db.execute("CREATE INDEX twin ON public.t (a)")
    assert outcome(run("CREATE INDEX i ON t (a);\nDROP INDEX twin;"))[0] == "built"
    assert db.value("SELECT to_regclass('public.i') IS NOT NULL")


def test_a_duplicate_that_is_built_after_all_may_not_block_writers_either(run: Any, db: Database) -> None:
    db.execute("CREATE INDEX twin ON public.t (a); ANALYZE public.t")
    text = "CREATE INDEX i ON public.t (a); COMMENT ON INDEX i IS 'mine';"
    result = run(text, plain_index_max_rows=50)
    assert result.get("failed") and "line 1" in result["msg"] and "CONCURRENTLY" in result["msg"]
    assert db.value("SELECT to_regclass('public.i')") is None
    assert outcome(run(text)) == ("built", "twin")


def test_the_search_path_of_a_file_counts(run: Any, db: Database) -> None:
    """The table that a name means after SET search_path is not the one that it means before."""
    db.execute("CREATE SCHEMA app; CREATE TABLE app.t (a int, b text); CREATE INDEX i ON public.t (b)")
    assert outcome(run("SET search_path = app;\nCREATE INDEX i ON t (a);")) == ("built", "")
    assert db.value("SELECT to_regclass('app.i') IS NOT NULL")


def test_the_search_path_of_the_role_counts(run: Any, db: Database, settings: ConnectionSettings) -> None:
    db.execute("CREATE SCHEMA app; CREATE TABLE app.t (a int); CREATE INDEX i ON app.t (a)")
    db.execute(f'ALTER DATABASE "{settings.database}" SET search_path = app, public')
    assert outcome(run("CREATE INDEX CONCURRENTLY IF NOT EXISTS i ON t (a);")) == ("found", "")
