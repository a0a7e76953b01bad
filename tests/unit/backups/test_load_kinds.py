# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which statements of a dump a superuser runs, and where a statement ends."""

from __future__ import annotations

import pytest
from ansible_collections.titan.database.plugins.module_utils._engine.backups.load.kinds import Kind, kind_of, new_owner
from ansible_collections.titan.database.plugins.module_utils._engine.backups.load.script import Rows, cut
from hypothesis import given
from hypothesis import strategies as st

ANYBODY, LATER = Kind.ANYBODY, Kind.LATER
KINDS = [
    ("ALTER TABLE public.t OWNER TO o;", LATER),
    ('ALTER FUNCTION public.f(language text, "a;b" int) OWNER TO "o;""x";', LATER),
    ("ALTER OPERATOR CLASS public.c USING btree OWNER TO o;", LATER),
    ("ALTER OPERATOR public.=== (integer, integer) OWNER TO o;", LATER),
    ("ALTER LARGE OBJECT 4711 OWNER TO o;", LATER),
    # a superuser would run the function
    ("ALTER TABLE t ALTER c TYPE int USING f(c), OWNER TO o;", ANYBODY),
    ("ALTER TABLE t ADD CHECK (f()), OWNER TO o;", ANYBODY),
    ('ALTER TABLE t ADD CHECK ("OWNER TO o"()), OWNER TO o;', ANYBODY),
    ("ALTER TABLE t DISABLE TRIGGER ALL, OWNER TO o;", ANYBODY),
    ("GRANT SELECT(a) ON TABLE public.t TO r WITH GRANT OPTION;", LATER),
    ("GRANT postgres TO r;", ANYBODY),
    ('GRANT "a ON b" TO r;', ANYBODY),
    ("GRANT postgres TO r /* ON */;", ANYBODY),
    ("GRANT postgres TO r --\n ON\n;", ANYBODY),
    ("GRANT s ON t TO r; SELECT f() */ 2;", ANYBODY),
    ("GRANT CREATE ON DATABASE d TO r;", ANYBODY),
    ("GRANT SET ON PARAMETER p TO r;", ANYBODY),
    ("REVOKE ALL ON SCHEMA public FROM PUBLIC;", LATER),
    ("ALTER ROLE r SUPERUSER;", ANYBODY),
    ("COPY t TO PROGRAM 'true';", ANYBODY),
    ("CREATE SUBSCRIPTION s CONNECTION 'x' PUBLICATION p WITH (connect = false, slot_name = 'x');", LATER),
    ("CREATE SUBSCRIPTION s CONNECTION 'x' PUBLICATION p;", ANYBODY),
    ("ALTER SUBSCRIPTION s ENABLE;", ANYBODY),
    ("ALTER SUBSCRIPTION s OWNER TO o;", LATER),
    ("CREATE SUBSCRIPTION s CONNECTION ' WITH (connect = false)' PUBLICATION p;", ANYBODY),
    ("CREATE EXTENSION IF NOT EXISTS hstore WITH SCHEMA public;", Kind.EXTENSION),
    ("CREATE FUNCTION f(language text) RETURNS int LANGUAGE plpgsql AS $$ LANGUAGE c $$;", ANYBODY),
    ("CREATE FUNCTION f(x text DEFAULT ' LANGUAGE c ') RETURNS int\n    LANGUAGE sql\n    RETURN 1;", ANYBODY),
    ("CREATE FUNCTION f() RETURNS int LANGUAGE sql BEGIN ATOMIC SELECT language FROM t; END;", ANYBODY),
    ("CREATE FUNCTION f() RETURNS int\n    LANGUAGE plpgsql LEAKPROOF\n    AS $$ $$;", Kind.NEEDS_SUPERUSER),
    ("CREATE FUNCTION f() RETURNS int LANGUAGE plpgsql NOT LEAKPROOF AS $$ $$;", ANYBODY),
    ("CREATE FUNCTION f(language sql) RETURNS int LEAKPROOF LANGUAGE internal AS 'textlen';", Kind.CONTAINED),
    ("CREATE FUNCTION f() RETURNS int LEAKPROOF /* LANGUAGE sql */ LANGUAGE internal AS 'textlen';", ANYBODY),
    ("CREATE FUNCTION f() RETURNS int LANGUAGE 'plpgsql' AS '';", ANYBODY),
    ("CREATE FUNCTION f() RETURNS int LANGUAGE \"c\" AS 'x', 'y';", Kind.CONTAINED),
    ("CREATE FUNCTION f() RETURNS int LANGUAGE plpython3u AS $$ $$;", Kind.CONTAINED),
    ("CREATE FOREIGN DATA WRAPPER w;", Kind.NEEDS_SUPERUSER),
    ("CREATE FOREIGN DATA WRAPPER w VALIDATOR f;", Kind.CONTAINED),
    ("CREATE TYPE t (INPUT = f, OUTPUT = g);", Kind.CONTAINED),
    ("CREATE TYPE t AS ENUM ('INPUT = ');", ANYBODY),
    ("CREATE EVENT TRIGGER e ON login EXECUTE FUNCTION f();", Kind.LAST),
    ("COMMENT ON EXTENSION hstore IS 'a;b';", LATER),
    ("COMMENT ON TABLE t IS 'x';", ANYBODY),
    ("SET row_security = off;", Kind.SETTING),
]


@pytest.mark.parametrize(("statement", "kind"), KINDS)
def test_who_runs_a_statement(statement: str, kind: Kind) -> None:
    assert kind_of(statement.encode()) == kind


def test_the_new_owner_is_read_as_the_server_reads_it() -> None:
    assert new_owner(b'ALTER TABLE "t OWNER TO x" OWNER TO "o;""x";') == 'o;"x'
    assert new_owner(b"ALTER TABLE t OWNER TO Somebody;") == "somebody"


STATEMENTS = [
    "SELECT 1;",
    "SELECT ';', E'\\';', \";\", $$;$$, $a$;$$;$a$;",
    "/* ; /* ; */ ; */ SELECT a$b$c FROM t;",
    "-- ;\nSELECT 1;",
    "CREATE RULE r AS ON INSERT TO t DO (SELECT 1; SELECT 2);",
    "CREATE FUNCTION f() RETURNS int LANGUAGE sql BEGIN ATOMIC SELECT CASE WHEN true THEN 1 END; SELECT 2; END;",
    "CREATE PROCEDURE begin() LANGUAGE sql AS 'SELECT 1; SELECT 2';",
    "COPY t (a) FROM stdin;",
]
ROWS = "1\t;\n'\n\\\\.\n--\n\\.\n"


@given(st.lists(st.sampled_from(STATEMENTS), max_size=6), st.lists(st.integers(1, 40), min_size=1, max_size=30))
def test_a_text_is_cut_where_psql_cuts_it(statements: list[str], sizes: list[int]) -> None:
    if any("PROCEDURE begin" in each for each in statements):
        statements = [each.replace("begin()", "p()") for each in statements]
    text = "".join(f"{each}\n{ROWS if each.startswith('COPY') else ''}" for each in statements).encode()
    pieces, at = [], 0
    while at < len(text):
        size = sizes[len(pieces) % len(sizes)]
        pieces.append(text[at : at + size])
        at += size
    found = list(cut(pieces))
    assert b"".join(item.text for item in found) == text
    said = [item.bare.decode() for item in found if not isinstance(item, Rows)]
    wanted = [
        each.partition("\n")[2] if each.startswith("--") else each.partition("*/ ; */ ")[2] or each
        for each in statements
    ]
    assert [each for each in said if each] == wanted
