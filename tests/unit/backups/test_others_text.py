# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The text of others' dumps is taken apart in the same way whatever pieces it comes in."""

from __future__ import annotations

from itertools import groupby

import pytest
from ansible_collections.titan.database.plugins.module_utils._engine.backups.load.databases import of_database, parts
from ansible_collections.titan.database.plugins.module_utils._engine.backups.load.needs import needs_of
from ansible_collections.titan.database.plugins.module_utils._engine.backups.load.others import (
    by_lines,
    ended,
    without_database_entries,
    without_drops,
)
from ansible_collections.titan.database.plugins.module_utils._engine.errors import TitanError
from hypothesis import given, settings
from hypothesis import strategies as st

KEY, OTHER = "aB3xK9", "Zz7"
BODY = (
    "CREATE FUNCTION f() RETURNS text AS $$\n\\connect elsewhere\n$$;\nCOPY t FROM stdin;\n\\\\connect x\n"
    + "row\n" * 3000
    + "\\.\n"
)


def header(name: str, kind: str) -> str:
    return f"\n--\n-- Name: {name}; Type: {kind}; Schema: -; Owner: postgres\n--\n\n"


CREATED = (
    f'--\n-- PostgreSQL database dump\n--\n\n\\restrict {KEY}\n\nSET a = 1;\n\nDROP DATABASE "an o""dd";\n'
    + header('an o"dd', "DATABASE")
    + 'CREATE DATABASE "an o""dd" WITH TEMPLATE = template0;\n\n\nALTER DATABASE "an o""dd" OWNER TO app;\n\n'
    + f'\\unrestrict {KEY}\n\\encoding SQL_ASCII\n\\connect -reuse-previous=on "dbname=\'an o""dd\'"\n\\restrict {KEY}\n\nSET a = 1;\n'
    + header('DATABASE "an o""dd"', "COMMENT")
    + "COMMENT ON DATABASE \"an o\"\"dd\" IS 'It''s;\nCREATE TABLE';\n\n"
    + header('an o"dd', "DATABASE PROPERTIES")
    + 'ALTER DATABASE "an o""dd" SET a TO \'b\';\nALTER ROLE app IN DATABASE "an o""dd" SET a TO \'b\';\n\n'
    + header("f()", "FUNCTION")
    + BODY
    + header('DATABASE "an o""dd"', "ACL")
    + 'GRANT CONNECT ON DATABASE "an o""dd" TO app;\n\n'
    + header("TABLE t", "ACL")
    + f'GRANT SELECT ON TABLE public.t TO "a b";\n\n\n--\n-- PostgreSQL database dump complete\n--\n\n\\unrestrict {KEY}\n\n'
)
OLD = CREATED.replace(f"\\restrict {KEY}\n", "").replace(f"\\unrestrict {KEY}\n", "")


def pieces_of(text: str, cuts: list[int]) -> list[bytes]:
    data = text.encode()
    edges = sorted({0, len(data), *(cut % (len(data) + 1) for cut in cuts)})
    return [data[start:end] for start, end in zip(edges, edges[1:])]


@pytest.mark.parametrize("dump", [CREATED, OLD])
@given(cuts=st.lists(st.integers(0, 20000), max_size=8))
@settings(max_examples=40, deadline=None)
def test_a_dump_that_makes_its_database_becomes_one_for_a_new_database(dump: str, cuts: list[int]) -> None:
    of_it = of_database(parts(ended(pieces_of(dump, cuts), False)), "", False)
    text = b"".join(without_drops(without_database_entries(of_it))).decode()
    assert " DATABASE " not in text and "\\restrict" not in text and "\\unrestrict" not in text, text[:2000]
    assert "\\encoding" not in text
    assert BODY in text, "what only looks like a change of the database stays"
    assert 'GRANT SELECT ON TABLE public.t TO "a b";' in text and "dump complete" in text


@given(cuts=st.lists(st.integers(0, 20000), max_size=8))
@settings(max_examples=40, deadline=None)
def test_the_databases_of_a_cluster_are_told_apart(cuts: list[int]) -> None:
    second = CREATED.replace('an o""dd', "plain").replace('an o"dd', "plain").replace(KEY, OTHER)
    dump = (
        f"--\n-- PostgreSQL database cluster dump\n--\n\n\\restrict {KEY}x\n\nCREATE ROLE app;\n\\unrestrict {KEY}x\n\n"
        f'--\n-- Database "postgres" dump\n--\n\n\\connect postgres\n\n{CREATED}{second}\n--\n-- PostgreSQL database cluster dump complete\n--\n'
    )
    found = [
        (name, b"".join(part.text for part in group).count(b"row\n"))
        for (_number, name), group in groupby(parts(ended(pieces_of(dump, cuts), True)), key=lambda part: part[:2])
    ]
    assert [name for name, _rows in found] == ["", "postgres", 'an o"dd', "plain"], found
    assert [rows for _name, rows in found] == [0, 0, 3000, 3000]
    one = b"".join(of_database(parts(pieces_of(dump, cuts)), "plain", True))
    assert one.count(b"row\n") == 3000
    for wanted in ("", "nowhere"):
        with pytest.raises(TitanError, match="'database'|no database 'nowhere'"):
            list(of_database(parts(pieces_of(dump, cuts)), wanted, True))


def test_a_change_of_the_database_is_seen_wherever_it_stands() -> None:
    change = b"\n\\encoding SQL_ASCII\n\\connect -reuse-previous=on \"dbname='a-b'\"\n\\restrict x2\n"
    for before in range(61300, 61500):  # the end of the first piece is held back from 61441 on
        text = b"\n\\restrict x1\nSET a;\n\\unrestrict x1".ljust(before, b"\n") + change + b"r\n" * 5000
        found = list(parts([text[:65537], text[65537:]]))
        assert {part.database for part in found if b"r\n" in part.text} == {"a-b"}, before
        assert b"\\" not in b"".join(part.text for part in found), before


def test_a_cut_dump_is_seen() -> None:
    with pytest.raises(TitanError, match="cut"):
        list(ended([CREATED.encode()[:-200]], False))
    with pytest.raises(TitanError, match="cut"):
        list(ended([CREATED.encode()], True))


def test_drops_of_clean_go_and_only_those() -> None:
    head = "SET a = 1;\n\nALTER TABLE ONLY public.t DROP CONSTRAINT k;\nDROP VIEW public.v;\nDROP SCHEMA public;\n"
    kept = b"".join(without_drops([(head + header("t", "TABLE") + "DROP TABLE x;\n").encode()])).decode()
    assert "CONSTRAINT" not in kept and "VIEW" not in kept and "DROP TABLE x;" in kept and "SET a" in kept
    assert "DROP SCHEMA IF EXISTS public;" in kept, "an old dump makes this schema anew"


def test_what_a_dump_needs_is_named() -> None:
    text = b"""
ALTER TABLE public.t OWNER TO app;
GRANT ALL ON SCHEMA s TO "read er" WITH GRANT OPTION;
REVOKE ALL ON TABLE t FROM PUBLIC;
ALTER DEFAULT PRIVILEGES FOR ROLE boss IN SCHEMA s GRANT SELECT ON TABLES TO app2;
CREATE POLICY p ON public.t TO one, "t wo" USING (true);
CREATE SCHEMA x AUTHORIZATION keeper;
SET SESSION AUTHORIZATION 'old';
SET default_tablespace = fast;
SET default_tablespace = '';
"""
    found = needs_of(text)
    assert found.roles == {"app", "read er", "boss", "app2", "one", "t wo", "keeper", "old"}, found
    assert found.tablespaces == {"fast"}


@given(st.binary(max_size=200), st.lists(st.integers(0, 200), max_size=6))
def test_lines_are_whole(text: bytes, cuts: list[int]) -> None:
    edges = sorted({0, len(text), *(cut % (len(text) + 1) for cut in cuts)})
    found = list(by_lines([text[start:end] for start, end in zip(edges, edges[1:])]))
    assert b"".join(found) == text and all(piece.endswith(b"\n") for piece in found[:-1])
