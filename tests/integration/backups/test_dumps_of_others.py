# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Dumps that others made, under any name: what a drill calls good is restored, and is what pg_dump says the source is."""

from __future__ import annotations

import io
import os
import shutil
import subprocess
import tarfile
from collections.abc import Iterator
from functools import partial, reduce
from pathlib import Path
from typing import IO, Callable

import pytest
from ansible_collections.titan.database.plugins.module_utils._engine.errors import TitanError
from ansible_collections.titan.database.plugins.module_utils._engine.postgres.cluster import Cluster
from ansible_collections.titan.database.plugins.module_utils._engine.postgres.connection import ConnectionSettings
from ansible_collections.titan.database.plugins.module_utils._engine.postgres.database import connect

from tests.conftest import drop_database, embedded_programs, make_database

from .helpers import SMALL, drill, picture, restore

DECEIVING = """
ALTER TABLE public.orders ADD COLUMN created_at timestamptz DEFAULT '2026-11-20 10:00:00+00';
CREATE FUNCTION public.deceiving() RETURNS text LANGUAGE sql AS $$ SELECT '
\\connect postgres
' $$;
DO $$ BEGIN CREATE ROLE "others app"; EXCEPTION WHEN duplicate_object THEN NULL; END $$;
ALTER TABLE public.orders OWNER TO "others app"; GRANT SELECT ON public.users TO "others app";
CREATE POLICY own ON public.users TO "others app" USING (true);
SELECT lo_from_bytea(777, 'abc');
"""


def run(
    program: str, settings: ConnectionSettings, *arguments: str, stdout: IO[bytes] | int = subprocess.PIPE
) -> bytes:
    argv = [
        f"{embedded_programs()}/{program}",
        "-h",
        "127.0.0.1",
        "-p",
        str(settings.port),
        "-U",
        settings.user,
        *arguments,
    ]
    return subprocess.run(argv, check=True, stdout=stdout).stdout


def text_of(settings: ConnectionSettings, *arguments: str) -> list[bytes]:
    return [
        line
        for line in run("pg_dump", settings, *arguments, settings.database).split(b"\n")
        if b"restrict " not in line
    ]


@pytest.fixture(scope="module")
def source(server: Cluster) -> Iterator[ConnectionSettings]:
    made = make_database(server)
    with connect(made) as database:
        database.execute(SMALL + DECEIVING)
        database.execute(f"ALTER DATABASE {made.database} SET work_mem = '8MB'")
        database.execute(f"COMMENT ON DATABASE {made.database} IS 'it''s; a\nshop'")
    yield made
    drop_database(server, made.database)


@pytest.fixture
def into(server: Cluster) -> Iterator[str]:
    yield "others_look"
    drop_database(server, "others_look")


def test_a_drill_calls_a_hand_made_dump_good_and_a_restore_takes_it(
    server: Cluster, source: ConnectionSettings, workdir: Path, into: str
) -> None:
    """As autopostgresqlbackup writes it: it makes its database, and drops everything first."""
    path = workdir / "shop 2026-11-01_02h00m.Sunday.sql.gz"
    text = run("pg_dump", source, "--create", "--clean", "--if-exists", source.database)
    path.write_bytes(subprocess.run(["gzip", "-c"], input=text, check=True, stdout=subprocess.PIPE).stdout)
    before = picture(workdir)
    with connect(source.to("postgres")) as admin:
        settings_before = admin.rows("SELECT * FROM pg_db_role_setting")
    done = drill(
        source=str(path),
        time_columns=[{"table": "orders", "column": "created_at"}],
        checks=["SELECT count(*) = 500 FROM users"],
    )
    contents = done.data["contents"][0]
    assert contents["tables"] == [{"table": "public.orders", "rows": 4000}, {"table": "public.users", "rows": 500}]
    assert contents["newest"] == [{"table": "orders", "column": "created_at", "newest": "2026-11-20 10:00:00+00"}]
    assert "public.orders: 4000 rows" in done.summary and "2026-11-20" in done.summary
    restore(source, source=str(path), into=into)
    assert picture(workdir) == before, "nothing is written beside it"
    assert text_of(source.to(into)) == text_of(source)
    with connect(source.to("postgres")) as admin:
        assert admin.rows("SELECT * FROM pg_db_role_setting") == settings_before


def compressed(program: str, content: bytes) -> bytes:
    """By that program, or where it is not installed, by gzip."""
    command = [shutil.which(program) or "gzip", "-1c"]
    return subprocess.run(command, input=content, capture_output=True, check=True).stdout


def test_pg_dumpall_is_restored_database_by_database(
    server: Cluster, source: ConnectionSettings, workdir: Path, into: str
) -> None:
    path = workdir / "everything"
    path.write_bytes(compressed("xz", run("pg_dumpall", source, "--clean")))
    done = drill(source=str(path), database=source.database, checks=["SELECT count(*) = 4000 FROM orders"])
    tables = {
        each["database"]: {table["table"]: table["rows"] for table in each["tables"]} for each in done.data["contents"]
    }
    assert tables[source.database] == {"public.orders": 4000, "public.users": 500}
    with pytest.raises(TitanError, match="'database'"):
        restore(source, source=str(path), into=into)
    restore(source, source=str(path), into=into, database=source.database)
    assert text_of(source.to(into)) == text_of(source)


@pytest.mark.parametrize("form", ["custom", "tar", "directory", "clean"])
def test_every_format_is_restored_as_its_source_was(
    source: ConnectionSettings, workdir: Path, into: str, form: str
) -> None:
    path = workdir / "any name; at all"
    options = ["--clean", "--no-owner", "--no-privileges"] if form == "clean" else [f"--format={form}"]
    if form == "custom":  # its entries are at its end once more
        with path.open("wb") as stream:
            run("pg_dump", source, *options, source.database, stdout=stream)
    else:
        run("pg_dump", source, *options, f"--file={path}", source.database)
    if form == "clean":  # as editors save it, and compressed by the dump's script and by the one that sends it away
        path.write_bytes(compressed("gzip", compressed("xz", b"\xef\xbb\xbf" + path.read_bytes())))
    if form in ("custom", "tar"):
        path.write_bytes(compressed("gzip", compressed("zstd", path.read_bytes())))
    restore(source, source=str(path), into=into)
    same = ["--no-owner", "--no-privileges"] if form == "clean" else []
    assert text_of(source.to(into), *same) == text_of(source, *same)


def test_a_dump_that_makes_objects_in_sessions_of_their_owners(
    source: ConnectionSettings, workdir: Path, into: str
) -> None:
    """What psql does with it, too: the owner may not make a table in a new database. Without a superuser's session the rows come."""
    path = workdir / "dump"
    run("pg_dump", source, "--use-set-session-authorization", "--table=orders", f"--file={path}", source.database)
    path.write_bytes(
        path.read_bytes().replace(b"ALTER TABLE ONLY public.orders\n    ADD CONSTRAINT orders_user_id_fkey", b"-- ")
    )
    with pytest.raises(TitanError, match="permission denied.*Restore it without accept_superuser"):
        restore(source, source=str(path), into=into, accept_superuser=True)
    done = restore(source, source=str(path), into=into)
    assert [warning for warning in done.warnings if "check the owners" in warning]
    with connect(source.to(into)) as database:
        assert database.value("SELECT count(*) FROM public.orders") == 4000


def test_a_dump_called_as_a_backup_is_proven_by_its_drill_and_compared_by_a_restore(
    source: ConnectionSettings, dest: Path, into: str
) -> None:
    path = dest / "small_20250101_020000.sql"
    path.write_bytes(run("pg_dump", source, "--clean", "--if-exists", "--no-owner", source.database))
    assert drill(source=str(path)).data["backup"]["verified"]["level"] == "checksum"
    restore(source, source=str(path), into=into)
    with connect(source.to(into)) as database:
        assert database.value("SELECT count(*) FROM public.users") == 500
    path.write_bytes(path.read_bytes().replace(b"user7@", b"user8@"))
    with pytest.raises(TitanError, match="SHA-256"):
        drill(source=str(path))


def wrong_file(source: ConnectionSettings, kind: str) -> bytes:
    """What is no dump, or not one, or not a whole one."""

    def dump(*options: str) -> bytes:
        return run("pg_dump", source, *options, source.database)

    text, custom, tar = (partial(dump, f"--format={form}") for form in ("plain", "custom", "tar"))
    makers: dict[str, Callable[[], bytes]] = {
        "in rows": lambda: text()[: text().index(b"user77@")],
        "between tables": lambda: text()[: text().index(b"\n\\.\n") + 4],
        "cluster": lambda: run("pg_dumpall", source)[:-100],
        "archive": lambda: custom()[:-20000],
        "compressed archive": lambda: compressed("zstd", custom())[:-2],
        "no dump": lambda: b"INSERT INTO t VALUES (1);\n",
        "two texts": lambda: b"".join(dump(f"--table={name}") for name in ("users", "orders")),
        "two archives": lambda: custom() * 2,
        "two packed archives": lambda: compressed("zstd", custom()) * 2,
        "compressed four times": lambda: reduce(lambda data, _n: compressed("gzip", data), range(4), text()),
        "cut within": lambda: compressed("gzip", compressed("gzip", text())[:-9]),
        "of PowerShell": lambda: b"\xff\xfe" + text().decode().encode("utf-16-le"),
        "globals": lambda: run("pg_dumpall", source, "--globals-only"),
        "cut tar": lambda: tar()[: tar().index(b"user77@")],
        "a tar without its end": lambda: tar()[:-1024],
        "two tars": lambda: tar() * 2,
        "links in a tar": lambda: with_links(tar()),
    }
    return makers[kind]()


def with_links(archive: bytes) -> bytes:
    """A tar archive of pg_dump whose rows are links to a file of this host: pg_restore takes them for empty."""
    made = io.BytesIO()
    with tarfile.open(fileobj=io.BytesIO(archive)) as old, tarfile.open(fileobj=made, mode="w") as new:
        for member in old:
            content = old.extractfile(member)
            if member.name.endswith(".dat"):
                member.type, member.linkname, member.size, content = tarfile.SYMTYPE, "/etc/passwd", 0, None
            new.addfile(member, content)
    return made.getvalue()


@pytest.mark.parametrize(
    "kind",
    ["in rows", "between tables", "cluster", "archive", "compressed archive", "no dump", "a fifo", "two texts", "two archives",
     "two packed archives", "two tars", "cut tar", "a tar without its end", "links in a tar", "globals", "of PowerShell",
     "compressed four times", "cut within"],
)  # fmt: skip
def test_what_is_cut_or_not_one_dump_is_refused(
    source: ConnectionSettings, workdir: Path, into: str, kind: str
) -> None:
    """psql takes the end of a file for the end of a COPY."""
    path = workdir / "cut"
    if kind == "a fifo":
        os.mkfifo(path)
    else:
        path.write_bytes(wrong_file(source, kind))
    with pytest.raises(
        TitanError,
        match="is cut|not a dump|regular file|is not a file|pg_restore failed|(zstd|gzip) failed|several dumps|not end with the file|"
        "UTF-16|no database|more than 3 times",
    ):
        restore(source, source=str(path), into=into, database=source.database if kind == "cluster" else None)
    with connect(source) as database:
        assert not database.value("SELECT EXISTS (SELECT FROM pg_database WHERE datname LIKE 'others_look%%')")


def test_a_check_or_the_live_database_may_speak_against_it(source: ConnectionSettings, workdir: Path) -> None:
    path, env_file = workdir / "dump", workdir / "live env"
    run("pg_dump", source, "--format=custom", f"--file={path}", source.database)
    env_file.write_text(f"DATABASE_URL=postgresql://{source.user}@127.0.0.1:{source.port}/{source.database}\n")
    env_file.chmod(0o600)
    assert drill(source=str(path), against=str(env_file)).data["contents"][0]["against"] == []
    with connect(source) as live:
        live.execute(
            "UPDATE public.users SET email = 'new' WHERE id <= 3; DELETE FROM public.orders WHERE id > 3990; CREATE TABLE public.more (id int)"
        )
    with pytest.raises(TitanError) as failed:
        drill(
            source=str(path),
            against=str(env_file),
            checks=["SELECT true", "SELECT false", "SELECT 1/0", "DROP TABLE users"],
        )
    said = failed.value.message
    for part in (
        "public.users has 3 row(s) in the dump only and 3 in the live database only",
        "public.orders has 10 row(s) in the dump only and 0",
        "public.more is in the live database only",
        "'SELECT false' returned false",
        "'SELECT 1/0' failed",
        "'DROP TABLE users' failed",
    ):
        assert part in said, said
    assert "'SELECT true'" not in said
