"""What a connection tells of itself, on a real server."""

from __future__ import annotations

import io
import threading
from typing import Callable

import psycopg2.errors
import psycopg2.extensions
import pytest
from ansible_collections.titan.database.plugins.module_utils._engine.errors import DatabaseError
from ansible_collections.titan.database.plugins.module_utils._engine.postgres import sqlstates
from ansible_collections.titan.database.plugins.module_utils._engine.postgres.connection import ConnectionSettings
from ansible_collections.titan.database.plugins.module_utils._engine.postgres.database import (
    Database,
    TransactionState,
    connect,
    sql,
)


def test_every_sqlstate_has_the_name_that_psycopg2_knows_it_by():
    names = {name: value for name, value in vars(sqlstates).items() if isinstance(value, str) and name.isupper()}
    assert len(names) > 20
    for name, code in names.items():
        assert psycopg2.errors.lookup(code).__name__ == name.title().replace("_", ""), name


def test_the_transaction_states_are_those_of_libpq():
    assert {state.name: state.value for state in TransactionState} == {
        "IDLE": psycopg2.extensions.TRANSACTION_STATUS_IDLE,
        "ACTIVE": psycopg2.extensions.TRANSACTION_STATUS_ACTIVE,
        "IN_TRANSACTION": psycopg2.extensions.TRANSACTION_STATUS_INTRANS,
        "IN_FAILED_TRANSACTION": psycopg2.extensions.TRANSACTION_STATUS_INERROR,
        "UNKNOWN": psycopg2.extensions.TRANSACTION_STATUS_UNKNOWN,
    }


def test_a_session_says_where_it_stands(db: Database):
    assert db.transaction_state == TransactionState.IDLE and not db.in_transaction
    db.execute("BEGIN")
    assert db.in_transaction
    with pytest.raises(DatabaseError) as refused:
        db.execute("SELECT 1/0")
    assert refused.value.sqlstate == sqlstates.DIVISION_BY_ZERO
    assert db.transaction_state == TransactionState.IN_FAILED_TRANSACTION and not db.in_transaction
    db.execute("ROLLBACK")
    assert db.backend_pid == db.value("SELECT pg_backend_pid()")
    assert db.parameter_status("client_encoding") == "UTF8" and db.parameter_status("no_such") == ""
    db.close()
    assert db.closed and not db.in_transaction


@pytest.mark.parametrize("end", ["closed", "lost"])
def test_a_connection_that_is_gone_has_no_error_but_our_own(db: Database, settings: ConnectionSettings, end: str):
    """Whatever is asked of it next, also what needs no answer of the server."""
    with connect(settings, "test") as gone:
        if end == "lost":
            db.execute("SELECT pg_terminate_backend(%s)", (gone.server_pid,))
            with pytest.raises(DatabaseError):
                gone.execute("SELECT 1")
        else:
            gone.close()
        assert gone.closed and not gone.in_transaction
        told = 0
        asked: dict[str, Callable[[], object]] = {
            "version": lambda: gone.server_version,
            "major": lambda: gone.major,
            "process": lambda: gone.backend_pid,
            "state": lambda: gone.transaction_state,
            "parameter": lambda: gone.parameter_status("is_superuser"),
            "text": lambda: gone.as_text(sql.SQL("{} {}").format(sql.Identifier("a b"), sql.Literal("c\\d"))),
            "verifier": lambda: gone.password_verifier("a", "b"),
            "rows": lambda: gone.rows("SELECT 1"),
            "copy": lambda: gone.copy_out("COPY (SELECT 1) TO STDOUT", io.BytesIO()),
            "notices": gone.notices,
            "cancel": gone.cancel,
            "abort": gone.abort,
            "close": gone.close,
        }
        for ask in asked.values():
            try:
                ask()
            except DatabaseError:
                told += 1
        assert told >= 3  # the three that need an answer at the least


def test_a_text_that_is_not_utf8_is_one_sentence(db: Database):
    """As a terminal of another encoding gives it in an argument."""
    with pytest.raises(DatabaseError, match="not UTF-8"):
        db.rows("SELECT %s", ("f\udcfcr",))
    assert db.value("SELECT 1") == 1


def test_rows_go_out_and_in_by_copy(db: Database):
    db.execute("CREATE TABLE public.t (a int, b text)")
    assert (
        db.copy_in(sql.SQL("COPY {} FROM STDIN").format(sql.Identifier("public", "t")), io.BytesIO(b"1\tx\n2\ty\n"))
        == 2
    )
    out = io.BytesIO()
    assert db.copy_out("COPY (SELECT * FROM public.t ORDER BY a) TO STDOUT", out) == 2
    assert out.getvalue() == b"1\tx\n2\ty\n"
    assert db.as_text(sql.SQL("{} {}").format(sql.Identifier('a"b'), sql.Literal("it's"))) == "\"a\"\"b\" 'it''s'"


def test_another_thread_cancels_what_runs(db: Database):
    timer = threading.Timer(0.1, db.cancel)
    timer.start()
    with pytest.raises(DatabaseError) as cancelled:
        db.execute("SELECT pg_sleep(30)")
    assert cancelled.value.sqlstate == sqlstates.QUERY_CANCELED
    timer.join()
    db.close()
    db.cancel()  # gone: nothing happens


def test_a_reconnected_session_is_a_new_one(db: Database, settings):
    first = db.backend_pid
    db.execute("SET work_mem = '77MB'")
    db.reconnect("test", fixed_settings=False)
    assert db.backend_pid != first and db.value("SHOW work_mem") != "77MB"
    assert db.value("SHOW search_path") != "pg_catalog"
    with connect(settings) as fixed:
        assert fixed.value("SHOW search_path") == "pg_catalog"
