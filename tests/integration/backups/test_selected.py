# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Single tables and schemas of a backup: into a new database, or beside the live ones; pg_dump of the source is the judge."""

from __future__ import annotations

import gzip
import hashlib
import re
import shutil
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg2
import pytest
from ansible_collections.titan.database.plugins.module_utils._engine.errors import OptionError, TitanError
from ansible_collections.titan.database.plugins.module_utils._engine.postgres.client_environment import (
    child_environment,
)
from ansible_collections.titan.database.plugins.module_utils._engine.postgres.cluster import Cluster
from ansible_collections.titan.database.plugins.module_utils._engine.postgres.connection import ConnectionSettings
from ansible_collections.titan.database.plugins.module_utils._engine.postgres.database import connect
from ansible_collections.titan.database.plugins.module_utils._engine.steps import observed

from tests.conftest import drop_database, embedded_programs
from tests.steps import failing_at, killed_at

from .helpers import backup, database_of, restore

SCHEMA = """sh'op "50%\""""
ODD, LONG = 'a "b" $1 \\x', "ünicode with a name of sixty-three bytes, which is the most: eee"[:62]
TABLES = {
    "one": ["orders"],
    "two that refer to each other": ["public.orders", "items"],
    "partitioned": ["public.events"],
    "a partition": ["public.events_1"],
    "a child": ["public.child"],
    "odd names": [f"{SCHEMA}.{ODD}", f"{SCHEMA}.{LONG}"],
}
FORMS = [
    ("plain", "gzip"),
    ("custom", "gzip"),
    ("directory", "gzip"),
    ("custom", "zstd" if shutil.which("zstd") else "none"),
]
CASES = [
    *(("one", form) for form in FORMS),
    *((kind, FORMS[number % 4]) for number, kind in enumerate(TABLES) if number),
]
_LEFT = re.compile(r"ALTER TABLE ONLY [^;]* ADD CONSTRAINT [^;]* FOREIGN KEY [^;]* REFERENCES public\.users[^;]*;")


@pytest.fixture(scope="module")
def source(server: Cluster) -> Iterator[ConnectionSettings]:
    with database_of(server, Path(__file__).parent / "selected.sql") as made:
        yield made


@pytest.fixture(scope="module")
def backups(source: ConnectionSettings, tmp_path_factory: pytest.TempPathFactory) -> dict[tuple[str, str], str]:
    dest = tmp_path_factory.mktemp("selected")
    dest.chmod(0o700)
    return {
        each: str(backup(source, dest, name=f"s{number}", format=each[0], compression=each[1]).data["backup"]["path"])
        for number, each in enumerate(FORMS)
    }


def dumped(settings: ConnectionSettings, *options: str) -> str:
    """The statements and rows that pg_dump writes."""
    program = [f"{embedded_programs()}/pg_dump", "--no-publications", *options]
    with child_environment(settings) as env:
        text = subprocess.run(program, env=env, check=True, capture_output=True, text=True).stdout
    return re.sub(r"^(?:\\(?:un)?restrict .*|--.*)$", "", text, flags=re.MULTILINE)


def lines(text: str, left: str = "") -> list[str]:
    """The lines of a dump in one order, without foreign keys to public.users and what else is left out."""
    text = re.sub(left, "", _LEFT.sub("", text)) if left else _LEFT.sub("", text)
    return sorted(filter(None, text.split("\n")))


def pattern(label: str) -> str:
    schema, name = label.split(".", 1) if "." in label else ("public", label)
    return "--table=" + ".".join('"' + part.replace('"', '""') + '"' for part in (schema, name))


def family(tables: list[str]) -> list[str]:
    """The options of pg_dump for the tables and their partitions."""
    return [pattern(each) for each in tables] + (["--table=public.events_*"] if "public.events" in tables else [])


def relations(settings: ConnectionSettings) -> set[str]:
    with connect(settings) as database:
        rows = database.rows(
            "SELECT n.nspname || '.' || relname AS name FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace "
            "WHERE relkind IN ('r', 'p', 'v', 'm') AND nspname !~ '^pg_|^information' AND relpersistence <> 't'"
        )
    return {row["name"] for row in rows}


@pytest.mark.parametrize(("kind", "form"), CASES)
def test_tables_come_into_a_new_database_as_they_were(
    kind: str, form: tuple[str, str], source: ConnectionSettings, backups: dict[tuple[str, str], str], server: Cluster
) -> None:
    tables, new = TABLES[kind], source.to("one; table")
    planned = restore(source, check=True, source=backups[form], tables=tables, into=new.database)
    try:
        done = restore(source, source=backups[form], tables=tables, into=new.database)
        assert planned.after == done.after and "restored" in done.data
        before, after = (dumped(each, *family(tables)) for each in (source, new))
        if kind == "a child":
            assert dumped(new, "--data-only", "--table=public.child") == dumped(
                source, "--data-only", "--table=public.child"
            )
        else:
            assert lines(after) == lines(before, r"ALTER .* ATTACH PARTITION .*" if kind == "a partition" else "")
        assert relations(new) == {name for name in relations(source) if wanted(name, tables)}
        with connect(new) as database:
            assert not database.value("SELECT to_regproc('public.unused')"), "what no table needs is not there"
            assert database.value("SELECT count(*) FROM pg_largeobject_metadata") == 0
        said = " ".join(done.warnings)
        assert ("Foreign key to users of us of public.orders is left out: public.users" in said) == (
            kind in list(TABLES)[:2]
        )
        assert ("stands alone" in said) == (kind in ("a partition", "a child"))
    finally:
        drop_database(server, new.database)


def wanted(name: str, tables: list[str]) -> bool:
    return (
        name in tables
        or name.split(".", 1)[1] in tables
        or (name.startswith("public.events_") and "public.events" in tables)
    )


@pytest.mark.parametrize("form", FORMS[1:2])
def test_a_schema_comes_with_all_that_is_in_it(
    form: tuple[str, str], source: ConnectionSettings, backups: dict[tuple[str, str], str], server: Cluster
) -> None:
    chosen = '--schema="' + SCHEMA.replace('"', '""') + '"'
    new = source.to("a schema")
    try:
        restore(source, source=backups[form], schemas=[SCHEMA], into=new.database)
        assert lines(dumped(new, chosen)) == lines(dumped(source, chosen))
        assert relations(new) == {name for name in relations(source) if name.startswith(SCHEMA)}
    finally:
        drop_database(server, new.database)
    before = dumped(source)
    done = restore(source, source=backups[form], schemas=[SCHEMA])
    (beside,) = done.data["beside"].values()
    text = dumped(source, '--schema="' + beside.replace('"', '""') + '"')
    assert lines(re.sub(r"_restored_\d{8}_\d{6}", "", text)) == lines(dumped(source, chosen))
    _drop(source, "SCHEMA", [beside])
    assert dumped(source) == before


@pytest.fixture
def owner(source: ConnectionSettings) -> Iterator[ConnectionSettings]:
    """A role that owns everything in the database and is no superuser."""
    with connect(source) as admin:
        admin.execute('CREATE ROLE "owner; \'x" LOGIN; GRANT pg_checkpoint TO "owner; \'x"')
    yield source._replace(user="owner; 'x")
    with connect(source) as admin:
        admin.execute('DROP OWNED BY "owner; \'x"; DROP ROLE "owner; \'x"')


@pytest.mark.parametrize("superuser", [True, False])
def test_tables_come_beside_the_live_ones(
    superuser: bool, source: ConnectionSettings, owner: ConnectionSettings, backups: dict[tuple[str, str], str]
) -> None:
    """Nothing else in the live database changes; of the role that a superuser's load is done by, nothing stays."""
    tables, settings = ["public.orders", "items", "public.events", f"{SCHEMA}.{ODD}"], source if superuser else owner
    if not superuser:
        with connect(source) as admin:
            admin.execute(f"GRANT CREATE, USAGE ON SCHEMA public, {_quoted(SCHEMA)} TO {_quoted(owner.user)}")
    whose = [] if superuser else ["--no-owner"]
    before, there = dumped(source), dumped(source, *whose, *family(tables))
    planned = restore(settings, check=True, source=backups[FORMS[1]], tables=tables, no_owner=not superuser)
    assert dumped(source) == before and planned.changed
    done = restore(settings, source=backups[FORMS[1]], tables=tables, no_owner=not superuser)
    names = done.data["beside"]
    assert {re.sub(r"\d{8}_\d{6}$", "", each) for each in planned.data["beside"].values()} <= {
        re.sub(r"\d{8}_\d{6}$", "", each) for each in names.values()
    }
    stamp = re.search(r"_restored_\d{8}_\d{6}$", names["public.orders"])
    assert stamp and len(names) == 7 and done.data["restored"]["rows"] == 700 + 700 + 200 + 30
    text = dumped(source, *whose, *(pattern(new) for new in names.values())).replace(stamp[0], "")
    named = r'CONSTRAINT (?:"(?:[^"]|"")*"|\w+) (?=NOT NULL)'  # the name of a NOT NULL is not shown unless it is another one
    assert lines(text, named) == lines(there, rf"CREATE TRIGGER noted .*|{named}")
    _drop(source, "TABLE", list(names.values()))
    assert dumped(source) == before
    with connect(source) as admin:
        assert admin.value("SELECT count(*) FROM pg_roles WHERE rolname LIKE 'titan\\_restore\\_%'") == 0
        assert admin.value("SELECT count(*) FROM pg_namespace WHERE nspname LIKE 'titan\\_restoring%'") == 0


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _drop(settings: ConnectionSettings, kind: str, labels: list[str]) -> None:
    with psycopg2.connect(**settings.parameters()) as connection, connection.cursor() as cursor:
        for label in labels:
            name = _quoted(label) if kind == "SCHEMA" else ".".join(map(_quoted, label.split(".", 1)))
            cursor.execute(f"DROP {kind} IF EXISTS {name} CASCADE".replace("%", "%%"), ())
    connection.close()


def test_killed_on_the_way_nothing_is_there_and_the_next_run_heals(
    source: ConnectionSettings, backups: dict[tuple[str, str], str]
) -> None:
    before = relations(source)
    cut_off = killed_at("beside.publish", lambda: restore(source, source=backups[FORMS[0]], tables=["items"]))
    assert cut_off == -signal.SIGKILL
    assert {name for name in relations(source) if not name.startswith("titan_restoring_")} == before
    with observed(failing_at("beside.published")), pytest.raises(TitanError, match="made to fail"):
        restore(source, source=backups[FORMS[0]], tables=["items"])
    assert relations(source) == before
    with connect(source) as admin:
        assert admin.value("SELECT count(*) FROM pg_roles WHERE rolname LIKE 'titan\\_restore\\_%'") == 0


def test_rows_that_are_not_those_of_the_manifest_are_seen(
    source: ConnectionSettings, backups: dict[tuple[str, str], str], tmp_path: Path, server: Cluster
) -> None:
    """The file was changed, and its checksum put right; the sentence names the table, and nothing stays."""
    tmp_path.chmod(0o700)
    path = backups[FORMS[0]]
    text = gzip.decompress(Path(path).read_bytes()).replace(b"\\n690\n", b"\\n69X\n")
    changed = tmp_path / Path(path).name
    changed.write_bytes(gzip.compress(text))
    manifest = Path(path + ".json").read_text()
    old, new = (hashlib.sha256(Path(each).read_bytes()).hexdigest() for each in (path, str(changed)))
    sizes = (f": {Path(each).stat().st_size}," for each in (path, str(changed)))
    (tmp_path / f"{changed.name}.json").write_text(manifest.replace(old, new).replace(*sizes))
    before = relations(source)
    for given in ({"into": "changed"}, {}):
        with pytest.raises(
            TitanError, match="table public.orders has as many rows as the source .700., but other content"
        ):
            restore(source, source=str(changed), tables=["orders"], **given)
    assert relations(source) == before
    assert restore(source, source=str(changed), tables=["users"], into="changed").data["restored"]["rows"] == 50
    drop_database(server, "changed")


@pytest.mark.parametrize("form", ["plain", "tar", "custom"])
def test_a_table_of_a_dump_that_others_made(
    form: str, source: ConnectionSettings, owner: ConnectionSettings, tmp_path: Path, server: Cluster
) -> None:
    """It comes as with the other restore, and does no more: code that a superuser would run later is refused."""
    tmp_path.chmod(0o755)
    dump = tmp_path / "of others.dump"
    with connect(source) as admin:
        admin.execute("CREATE FUNCTION public.leaky() RETURNS int LANGUAGE sql LEAKPROOF AS 'SELECT 1'")
    try:
        with child_environment(source) as env:
            program = [f"{embedded_programs()}/pg_dump", f"--format={form}", f"--file={dump}", "--inserts"]
            subprocess.run(program, env=env, check=True)
    finally:
        with connect(source) as admin:
            admin.execute("DROP FUNCTION public.leaky()")
    with pytest.raises(TitanError, match="This dump was made by others, and it needs a superuser"):
        restore(source, source=str(dump), tables=["orders"], into="of others")
    with pytest.raises(TitanError, match="This dump was made by others, and the connected role is a superuser"):
        restore(source, source=str(dump), tables=["orders"])
    given = {"source": str(dump), "tables": ["orders"], "into": "of others", "accept_superuser": True}
    done = restore(source, **given)
    try:
        assert any("nothing was compared" in each for each in done.warnings)
        new = source.to("of others")
        assert lines(dumped(new, pattern("orders"))) == lines(dumped(source, pattern("orders")))
    finally:
        drop_database(server, "of others")
    with pytest.raises(OptionError, match="no such table"):
        restore(source, **{**given, "tables": ["none"]})


def test_wrong_input_is_one_sentence(source: ConnectionSettings, backups: dict[tuple[str, str], str]) -> None:
    wrong: list[tuple[dict[str, Any], str]] = [
        ({"tables": ["none"]}, "The backup has no such table"),
        ({"tables": [ODD]}, "Did you mean"),
        ({"tables": [""]}, "'tables'"),
        ({"schemas": ["none"]}, "The backup has no such schema"),
        ({"schemas": ["pg_catalog"]}, "The backup has no such schema"),
        ({"tables": ["orders"], "into": source.database, "swap": True}, "'swap'"),
        ({"into": "new", "no_owner": True}, "It applies to single tables"),
        ({}, "'into'"),
    ]
    for given, said in wrong:
        with pytest.raises((TitanError, OptionError)) as failed:
            restore(source, source=backups[FORMS[0]], **given)
        assert said in failed.value.message, given


def test_what_the_live_database_lacks_is_told(
    source: ConnectionSettings, backups: dict[tuple[str, str], str], settings: ConnectionSettings
) -> None:
    with pytest.raises(TitanError, match='type "public.status" does not exist.*Nothing was changed.*into'):
        restore(settings, source=backups[FORMS[1]], tables=["orders"])
    assert not relations(settings)


def test_a_table_whose_owner_is_no_more(source: ConnectionSettings, tmp_path: Path, server: Cluster) -> None:
    """Its owner and those with privileges on it are named, or left out."""
    tmp_path.chmod(0o700)
    with connect(source) as admin:
        admin.execute(
            "CREATE ROLE gone_soon; ALTER TABLE public.items OWNER TO gone_soon; GRANT SELECT ON public.users TO gone_soon"
        )
    try:
        path = str(backup(source, tmp_path, format="custom").data["backup"]["path"])
    finally:
        with connect(source) as admin:
            admin.execute("REASSIGN OWNED BY gone_soon TO postgres; DROP OWNED BY gone_soon; DROP ROLE gone_soon")
    for given in ({"into": "no owner"}, {"into": "no owner", "no_owner": True}, {}):
        with pytest.raises(TitanError, match="roles that the server does not have: 'gone_soon'"):
            restore(source, source=path, tables=["items"], **given)
    given = {"source": path, "tables": ["items"], "no_owner": True, "no_privileges": True}
    try:
        done = restore(source, into="no owner", **given)
        assert any("Definitions were not compared" in each for each in done.warnings)
        assert lines(dumped(source.to("no owner"), pattern("items"))) == lines(
            dumped(source, pattern("items")), r"ALTER TABLE ONLY public.items\n    ADD CONSTRAINT \w+ FOREIGN KEY .*"
        )
    finally:
        drop_database(server, "no owner")
    (beside,) = restore(source, **given).data["beside"].values()
    _drop(source, "TABLE", [beside])
