# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Run the files on an empty database in a throw-away cluster, and note which objects each of them makes, changes or drops."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from collections.abc import Set as AbstractSet
from contextlib import contextmanager, suppress
from typing import Callable, NamedTuple

from ...errors import DatabaseError, TitanError
from ...postgres.cluster import THROW_AWAY, Cluster
from ...postgres.connection import ConnectionSettings
from ...postgres.database import Database, connect, sql
from ...postgres.locks import sign_of_life
from ...postgres.programs import SERVER, find_programs
from ...postgres.sandboxed import drill_server
from ...postgres.throw_away import SERVER_USERS, default_directory, locked_directory
from ..files.migration import Migration
from ..files.script import Script
from ..history.inventory import read_hashes
from ..session.send import send
from .missing_objects import made_extensions, made_missing

_SETTINGS = """
SELECT pg_catalog.split_part(setting, '=', 1) AS name, pg_catalog.substr(setting, pg_catalog.strpos(setting, '=') + 1) AS value
  FROM pg_catalog.pg_db_role_setting s
  LEFT JOIN pg_catalog.pg_database d ON d.oid = s.setdatabase LEFT JOIN pg_catalog.pg_roles r ON r.oid = s.setrole
 CROSS JOIN pg_catalog.unnest(s.setconfig) AS setting
 WHERE (s.setdatabase = 0 OR d.datname = pg_catalog.current_database()) AND (s.setrole = 0 OR r.rolname = session_user)
 ORDER BY s.setrole <> 0, s.setdatabase <> 0
"""
_OF_THE_SERVER = (
    "search_path", "default_tablespace", "temp_tablespaces", "session_preload_libraries", "local_preload_libraries", "role",
    "session_authorization", "default_transaction_read_only",
)  # fmt: skip
_BOOTSTRAP = "titan_replay_bootstrap"
_ATTEMPTS = 30  # how many missing roles, schemas and extensions are made for one file


class Effect(NamedTuple):
    """What one file does to an empty database with the files before it.

    Attributes:
        before, after: The hash of each object that it touches (see inventory.py); None where it is not there.
        error: Why it fails there; empty if it does not.
    """

    migration: Migration
    before: dict[str, str | None]
    after: dict[str, str | None]
    error: str


class Replay(NamedTuple):
    """The files' effects, and the database in which they have run, until the block that made it ends."""

    effects: tuple[Effect, ...]
    database: Database


@contextmanager
def replayed(
    live: Database,
    scripts: Sequence[tuple[Migration, Script]],
    pending: AbstractSet[str],
    programs: str | None,
    say: Callable[[str], None],
    warn: Callable[[str], None],
) -> Iterator[Replay]:
    """Run all files in a throw-away cluster of the live server's major version.

    Its server is in a sandbox. Where the host can make none, the files run as a role that is no superuser: whoever writes them is
    none on the live server, and would start programs here.

    Args:
        live: Names the roles, schemas, extensions and settings that the files may take for granted.
        scripts: Every file up to the last one of interest, in order.
        pending: The keys of those whose effect is wanted.
        programs: The directory of the server programs; None to look for them.
        warn: Takes the sentence that there is no sandbox on this host.

    Raises:
        TitanError: no server programs of that version, or no cluster; says why.
    """
    folder = find_programs(programs, live.major, SERVER).folder
    with locked_directory(default_directory(), "replay", "path", SERVER_USERS) as made:
        cluster, why = drill_server(folder, made)
        if why:
            warn(
                f"The server of the replay runs as an ordinary program, because this host cannot create a sandbox ({why}): "
                "the files run in it as a role that is no superuser."
            )
        try:
            settings = _ready(cluster, live, contained=not why)
            with (
                connect(settings, "replay", fixed_settings=False) as database,
                connect(settings, "replay", fixed_settings=False) as reader,
            ):
                yield Replay(tuple(_run_all(live, database, reader, scripts, pending, say)), reader)
        finally:
            cluster.remove()


def _ready(cluster: Cluster, live: Database, contained: bool) -> ConnectionSettings:
    """Start the server; the settings of a connection to the database that the files run in."""
    user = _user(live)
    if contained:
        _start(cluster, live, user)
        return _make_database(cluster, live, user)
    _start(cluster, live, _BOOTSTRAP)
    made = _make_database(cluster, live, _BOOTSTRAP)
    with connect(made, "replay") as admin:
        admin.execute(sql.SQL("CREATE ROLE {} LOGIN CREATEROLE BYPASSRLS").format(sql.Identifier(user)))
        for statement in ("ALTER DATABASE {} OWNER TO {}", "GRANT CREATE ON DATABASE {} TO {}"):
            admin.execute(sql.SQL(statement).format(sql.Identifier(made.database), sql.Identifier(user)))
        made_extensions(live, admin, set())
    return made._replace(user=user)


def _start(cluster: Cluster, live: Database, superuser: str) -> None:
    with sign_of_life(live):  # it holds the lock of migrations, and would be ended in silence
        cluster.create(superuser=superuser, limit=120)
    libraries = ""
    with suppress(DatabaseError):  # the setting is shown to few
        libraries = str(live.value("SELECT pg_catalog.current_setting('shared_preload_libraries', true)") or "")
    settings = [*THROW_AWAY, "max_prepared_transactions=2"]
    try:
        cluster.start([*settings, f"shared_preload_libraries={libraries}"])
    except TitanError:
        if not libraries:
            raise
        cluster.start(settings)


def _user(live: Database) -> str:
    """The name of the role that the files run as: the live session's, so that owners compare equal."""
    user = str(live.value("SELECT session_user"))
    return "postgres" if user.startswith("pg_") else user


def _make_database(cluster: Cluster, live: Database, superuser: str) -> ConnectionSettings:
    """A database of the live one's name and settings, since files may name or need both."""
    name, path = str(live.value("SELECT pg_catalog.current_database()")), _search_path(live)
    maintenance = cluster.settings("postgres", superuser)
    with connect(maintenance, "replay") as admin:
        if name not in ("postgres", "template0", "template1"):
            admin.execute(sql.SQL("CREATE DATABASE {} TEMPLATE template0").format(sql.Identifier(name)))
        target = name if name not in ("template0", "template1") else "postgres"
        if path:  # the live database's owner has written it: it is a value, and never a part of a statement
            admin.execute("SELECT set_config('search_path', %s, false)", (path,))
            admin.execute(sql.SQL("ALTER DATABASE {} SET search_path FROM CURRENT").format(sql.Identifier(target)))
            admin.execute("SET search_path = pg_catalog")
        for setting, value in _settings(live):
            with suppress(DatabaseError):  # of an extension that is not here
                statement = "ALTER DATABASE {} SET {} = {}"
                admin.execute(sql.SQL(statement).format(*map(sql.Identifier, (target, setting)), sql.Literal(value)))
    return maintenance.to(target)


def _settings(live: Database) -> list[tuple[str, str]]:
    """What ALTER DATABASE and ALTER ROLE have set for the live session, the stronger ones last; not what is a matter of its server."""
    return [(row["name"], row["value"]) for row in live.rows(_SETTINGS) if row["name"] not in _OF_THE_SERVER]


def _make_path(live: Database, database: Database) -> set[str]:
    """Make the schemas of the search_path that the live database has: the files may take them for granted, and would fill the next one."""
    query = "SELECT s::text AS name FROM pg_catalog.unnest(pg_catalog.current_schemas(false)) AS s"
    here = {row["name"] for row in database.rows("SELECT nspname::text AS name FROM pg_catalog.pg_namespace")}
    missing = [row["name"] for row in live.rows(query) if row["name"] not in here]
    for name in missing:
        database.execute(sql.SQL("CREATE SCHEMA {}").format(sql.Identifier(name)))
    return {f"schema {name}" for name in missing}


def _search_path(live: Database) -> str:
    query = "SELECT reset_val FROM pg_catalog.pg_settings WHERE name = 'search_path'"
    path = str(live.value(query) or "")
    return "" if path in ("", '"$user", public') else path


def _run_all(
    live: Database,
    database: Database,
    reader: Database,
    scripts: Sequence[tuple[Migration, Script]],
    pending: AbstractSet[str],
    say: Callable[[str], None],
) -> Iterator[Effect]:
    made = _make_path(live, database)
    before: dict[str, str] | None = None
    for migration, script in scripts:
        live.value("SELECT 1")
        wanted = migration.key in pending
        if wanted and before is None:
            before = read_hashes(reader)
        error = _run_with_help(live, database, script, made)
        if error:
            say(f"replay: {error}")
        if not wanted:
            before = None
            continue
        now = read_hashes(reader)
        then = before or {}
        names = [name for name in {*then, *now} if then.get(name) != now.get(name) and name not in made]
        yield Effect(
            migration, {name: then.get(name) for name in names}, {name: now.get(name) for name in names}, error
        )
        before = now


def _run_with_help(live: Database, database: Database, script: Script, made: set[str]) -> str:
    """Run a file; make what it takes for granted (roles, schemas, extensions of the live database) when it is found missing.

    Returns:
        Why it fails all the same; empty if it does not.
    """
    error: DatabaseError | None = None
    for _attempt in range(_ATTEMPTS):
        try:
            with sign_of_life(live):
                _run(database, script)
        except DatabaseError as found:
            error = found
            _reset(database)
            if not made_missing(live, database, error, made):
                break
        else:
            _reset(database)
            return ""
    return f"{script.file} fails on an empty database: {error.message if error else ''}"


def _reset(database: Database) -> None:
    database.execute("ROLLBACK")
    database.execute("RESET SESSION AUTHORIZATION")
    database.execute("DISCARD ALL")


def _run(database: Database, script: Script) -> None:
    """Run a file: in one transaction where it can be, else in its steps; by statement, as psql does, if that fails."""
    if not script.whole:
        for step in script.steps:
            if step.transaction:
                database.execute(f"BEGIN; {step.opening}")
            send(database, step.sql)
            if step.transaction:
                database.execute("COMMIT")
        return
    if not script.statements:
        return  # comments only: a placeholder, or the part that is for another server
    try:
        database.execute("BEGIN")
        send(database, script.text)
        database.execute("COMMIT")
    except DatabaseError:
        database.execute("ROLLBACK")
        raise
