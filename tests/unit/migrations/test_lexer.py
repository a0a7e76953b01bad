"""The lexer against psql's rules, and against PostgreSQL's own grammar (pglast) as the judge."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pglast
import pytest
from ansible_collections.titan.database.plugins.module_utils._engine.migrations.sql.lexer import same_meaning, split
from ansible_collections.titan.database.plugins.module_utils._engine.migrations.sql.tokens import (
    LexerError,
    line_of,
    tokenize,
)
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.conftest import embedded_programs


def texts(sql: str) -> list[str]:
    return [sql[item.start : item.end] for item in split(sql)]


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("a; b ;c", ["a", "b", "c"]),
        (";;  ; a;;", ["a"]),
        ("/* ; /* ; */ ; */ a; -- ;\nb", ["a", "b"]),
        ("select ';', \";\", $$;$$, $x$ $$;$$ $x$; b", ["select ';', \";\", $$;$$, $x$ $$;$$ $x$", "b"]),
        ("select E'\\';', 'c:\\'; b", ["select E'\\';', 'c:\\'", "b"]),
        ("select e'a'\n  '\\';'; b", ["select e'a'\n  '\\';'", "b"]),
        ("select E'a' -- note\n '\\';'; b", ["select E'a' -- note\n '\\';'", "b"]),
        ("select 'a' '\\'; b", ["select 'a' '\\'", "b"]),
        ("select U&'\\0041;', U&\"d\\0061;\"; b", ["select U&'\\0041;', U&\"d\\0061;\"", "b"]),
        ("select a$b$, c$b$; b", ["select a$b$, c$b$", "b"]),
        ("create rule r as on insert to t do (select 1; select 2); b", ["create rule r as on insert to t do (select 1; select 2)", "b"]),
        ("create function f() returns int begin atomic select 1; select case when true then 1 end; end; b",
         ["create function f() returns int begin atomic select 1; select case when true then 1 end; end", "b"]),
        ("create or replace procedure p() begin atomic insert into t values (1); end; begin; c; end;",
         ["create or replace procedure p() begin atomic insert into t values (1); end", "begin", "c", "end"]),
        ("create table backend (the_end int, begin_at int); b", ["create table backend (the_end int, begin_at int)", "b"]),
        ("select 1 as \"it's\"; b", ["select 1 as \"it's\"", "b"]),
        ("select 'it''s -- not', '/* no'; b", ["select 'it''s -- not', '/* no'", "b"]),
        ("select 5 --comment\n-3; b", ["select 5 --comment\n-3", "b"]),
        ("select \u00e4\u00f6$$x; b", ["select \u00e4\u00f6$$x", "b"]),
        ("select $1;$2", ["select $1", "$2"]),
        ("do $\u00e4$ ; $\u00e4$; b", ["do $\u00e4$ ; $\u00e4$", "b"]),
    ],
)  # fmt: skip
def test_statements(sql: str, expected: list[str]) -> None:
    assert texts(sql) == expected


@pytest.mark.parametrize(
    ("sql", "line", "said"),
    [
        ("select 1;\n\n\\connect x\n", 3, "Backslash"),
        ("select 1;\nselect 'a", 2, "string"),
        ('select "a\n\n', 1, "quoted identifier"),
        ("\r\nselect 1;\r\n/* a /* b */", 3, "comment"),
        ("a;\rb;\rselect $x$ b $y$", 3, "$x$"),
        ("select 'a''b';\n\\copy t from stdin;\n", 2, "Backslash"),
        ("select e'a'\n'b", 2, "string"),
    ],
)
def test_refused_with_the_line(sql: str, line: int, said: str) -> None:
    with pytest.raises(LexerError) as caught:
        split(sql)
    assert caught.value.details["line"] == line and said in caught.value.message


def test_copy_to_and_from_a_file_are_statements() -> None:
    assert len(split("copy t to stdout; copy t from '/x'; select 'stdin' from t")) == 3


def test_line_numbers_count_every_line_end() -> None:
    sql = "a;\nb;\r\nc;\rd;\n\n e"
    assert [item.line for item in split(sql)] == [1, 2, 3, 4, 6]
    assert line_of(sql, len(sql)) == 6


def test_harmless_edits() -> None:
    assert same_meaning("select 1; -- a", "/* b */ SELECT\n1;")
    assert not same_meaning("select 'a'", "select 'A'") and not same_meaning('select "a"', "select a")
    assert not same_meaning("select 1", "select 1; select 2") and not same_meaning("select 'x", "select 'x")


QUOTED = st.text(alphabet="ab'\";$\\-/*\n \u00e9", max_size=8)
COMMENTS = st.sampled_from(
    [
        "/* ; */",
        "/* a /* ; */ ; */",
        "/* ' /* \" */ $$ ; */",
        "/*/**/;*/",
        "/* -- */",
        "-- ;\n",
        "-- ' /* ;\r",
        "--\r\n",
        "-- $$\n",
    ]
)
GAPS = st.one_of(st.sampled_from([" ", "\n", "\r\n", "\t", "\f"]), COMMENTS.map(lambda c: f" {c} "))
NEWLINES = st.sampled_from(["\n", " \n ", "\r\n", " -- ;'\n", "\t\r"])
PIECES = st.one_of(
    QUOTED.map(lambda s: "'" + s.replace("'", "''") + "'"),
    QUOTED.map(lambda s: "e'" + s.replace("\\", "\\\\").replace("'", "\\'") + "'"),
    QUOTED.map(lambda s: "E'" + s.replace("\\", "\\\\").replace("'", "''") + "\\';'"),
    st.builds(lambda a, n, b: f"E'{a}'{n}'{b}\\';'", st.sampled_from(["", "a", ";"]), NEWLINES, st.sampled_from(["", ";", "b"])),
    st.builds(lambda a, n, b: f"'{a}'{n}'{b}\\'", st.sampled_from(["", "a\\", ";"]), st.sampled_from(["\n", " \n ", "\t\r\n"]),
              st.sampled_from(["", ";", "b"])),
    QUOTED.map(lambda s: '"x' + s.replace('"', '""') + '"'),
    QUOTED.map(lambda s: "u&'" + s.replace("\\", "\\\\").replace("'", "''") + "'"),
    QUOTED.map(lambda s: 'U&"x' + s.replace("\\", "\\\\").replace('"', '""') + '"'),
    QUOTED.map(lambda s: "$q$" + s.replace("$", "") + "$q$"),
    QUOTED.map(lambda s: "$$" + s.replace("$", "") + "$$"),
    st.sampled_from(["$q$ $ ; $$ $qq$ $Q$ ; $q$", "$\u00e9$ ; $e$ ' $\u00e9$", "$a1$;$a$;$a1$", "$$;$a$;$$", "$_$ $_a$ ; $_$"]),
    st.sampled_from(["a$b$", "b1", "a$1", "a$$", "b$c$d", "x1$$y", "\u00e9$$", "_$q$", "a.b$q$", "a AS c$$"]),
    st.sampled_from(["1", "1.5", ".5", "1e10", "$1", "x'1f'", "b'01'", "n'a;'", "(1)", "(select 1)", "/* ; */ 2", "-- ;\n3", "1--;\n"]),
    st.sampled_from(["case when true then 1 end", 'a."begin"', "a AS \"end\"", "'begin'", "backend", "the_end"]),
)  # fmt: skip
BODIES = st.sampled_from(
    ["select {s};", "select {s}; select case when true then 1 else 2 end; select 2;", "select case when {s} is null then 1 end;",
     "insert into t values ({s}); select 1;", "select case 1 when 1 then case 2 when 2 then 3 end end; select {s};"]
)  # fmt: skip
SHAPES = st.sampled_from(
    ["select{g}{s}", "insert into t{g}values ({s})", "do $body${g}begin perform 1; end $body$", "begin", "end", "commit",
     "create rule r as on insert to t do also (select {s};{g}select 1)",
     "create or replace rule r as on delete to t do instead (select 1; (select {s}); select (1))",
     "create function f() returns int begin atomic{g}{b} end",
     "create or replace function f(a int default (1)) returns int{g}language sql begin atomic {b}{g}end",
     "create procedure p(){g}begin atomic {b} end",
     "create or replace procedure p() language sql begin atomic{g}{b} end",
     "create{g}or{g}replace procedure p() begin atomic end",
     "create table begin_t (the_end int, \"case\" int default ({s}))"]
)  # fmt: skip


@st.composite
def scripts(draw: st.DrawFn) -> str:
    """Valid SQL of nasty pieces: select lists, blocks, rules and routines; the end of the text is a case of its own."""
    made = []
    for _number in range(draw(st.integers(1, 4))):
        selected = ", ".join(draw(st.lists(PIECES, min_size=1, max_size=3)))
        body = draw(BODIES).replace("{s}", selected)
        shape = draw(SHAPES).replace("{b}", body).replace("{s}", selected)
        made.append("".join(part + (draw(GAPS) if more else "") for part, more in _cut(shape)))
    ending = draw(
        st.sampled_from(["", ";", ";\n", " ; -- end", "; -- end;", "--", ";--;", " /* ; */", "; /* /* ; */ */", ";;"])
    )
    return ";".join(made) + ending


def _cut(shape: str) -> list[tuple[str, bool]]:
    """The text between the gaps, and whether a gap follows."""
    parts = shape.split("{g}")
    return [(part, at < len(parts) - 1) for at, part in enumerate(parts)]


@settings(max_examples=500, deadline=None, derandomize=True)
@given(scripts())
def test_the_same_statements_as_postgresql(sql: str) -> None:
    try:
        judged = pglast.split(sql, with_parser=True, only_slices=True)
    except pglast.parser.ParseError:
        return
    theirs = [[token.text for item in split(sql[part]) for token in item.tokens] for part in judged]
    assert [[token.text for token in item.tokens] for item in split(sql)] == theirs


@settings(max_examples=600, deadline=None, derandomize=True)
@given(st.lists(st.one_of(PIECES, st.text(alphabet="ab'\"$;/*-\\ \n\u00e9e1.", max_size=4)), max_size=10).map("".join))
def test_any_text_is_cut_or_refused_and_tokens_agree_with_postgresql(sql: str) -> None:
    try:
        mine = tokenize(sql)
    except LexerError as error:
        assert re.match(r"line \d+: ", error.message)
        return
    assert [sql[token.start : token.end] for token in mine] == [token.text for token in mine]
    try:
        theirs = pglast.parser.scan(sql)
    except (pglast.parser.ParseError, pglast.Error):
        return
    pieces = [sql[t.start : t.end + 1] for t in theirs if t.name not in ("SQL_COMMENT", "C_COMMENT")]
    mine_at = {(token.start, token.end) for token in mine}
    for their in theirs:
        if their.name in ("IDENT", "UIDENT", "USCONST") and "\n" not in sql[their.start : their.end + 1]:
            assert (their.start, their.end + 1) in mine_at
    # 'a' -- comment, newline, 'b' is one token of theirs and two of ours; what counts is where their token ends
    wanted = "".join("".join(token.text for token in tokenize(piece)) if "--" in piece else piece for piece in pieces)
    assert "".join("".join(token.text.split()) for token in mine) == "".join(wanted.split())


def shipped() -> Iterator[Path]:
    for folder in (Path("/usr/share/postgresql"), Path(embedded_programs()).parent):
        yield from sorted(folder.rglob("*.sql"))


def test_every_script_that_postgresql_ships() -> None:
    """Cut as PostgreSQL's own grammar cuts them; psql's backslash commands in them are taken out first."""
    compared = 0
    for path in shipped():
        sql = re.sub(r"(?m)^\\echo.*$", "", path.read_text(encoding="utf-8"))
        try:
            judged = pglast.split(sql, with_parser=True, only_slices=True)
        except pglast.parser.ParseError:
            continue  # a template with @variables@
        theirs = [[token.text for item in split(sql[part]) for token in item.tokens] for part in judged]
        assert [[token.text for token in item.tokens] for item in split(sql)] == theirs, path
        compared += len(theirs)
    assert compared > 3000
