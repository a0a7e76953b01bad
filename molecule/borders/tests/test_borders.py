# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The table of docs/security.md on a host: root, the jobs' user (ubuntu), a database's owner and a stranger (mallory)."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import time
from collections.abc import Iterator
from typing import Any

import pytest
from conftest import INVENTORY, ROOT, Environment, machine, playbook, wait_until, without_sandbox

NAME = "titan-borders"
ENV = Environment(machine(NAME), "production")
HOST = ENV.host
SECRET = "CANARY-of-root"
LAB = "/srv/borders"  # what is root's, and where a deed would leave its trace
HOME = "/home/ubuntu"
ENV_FILE = f"{HOME}/Titan/.env"
PROTECTED = ("protected_symlinks", "protected_hardlinks", "protected_fifos", "protected_regular")
OWNER = "postgresql://keeper:k@127.0.0.1:5433/owned"
SUPERUSER = "postgresql:///{}?host=/run/postgresql&port=5433"
# The same owner for modules.
KEEPER = {
    "login_host": "127.0.0.1",
    "login_port": 5433,
    "login_user": "keeper",
    "login_password": "k",
    "login_db": "owned",
}

# The code of the database's owner: it tells who runs it, and takes what that one may do on the live server.
DEED = f"""
CREATE FUNCTION public.deed(v int) RETURNS int LANGUAGE plpgsql AS $f$
BEGIN
  IF (SELECT rolsuper FROM pg_catalog.pg_roles WHERE rolname = current_user) THEN
    IF current_setting('port') = '5433' THEN
      EXECUTE 'ALTER ROLE keeper SUPERUSER';
    END IF;
    EXECUTE $x$ COPY (SELECT 1) TO PROGRAM 'id >{LAB}/open/deed; psql -X -p 5433 -d postgres -c "ALTER ROLE keeper SUPERUSER"' $x$;
  END IF;
  RETURN v;
END $f$;
CREATE FUNCTION public.f(v int) RETURNS int LANGUAGE plpgsql IMMUTABLE AS 'BEGIN RETURN public.deed(v); END';
"""
OWNED = f"""{DEED}
CREATE TABLE public.t (id int PRIMARY KEY, v int CHECK (public.deed(v) >= 0), at timestamptz DEFAULT '2020-01-01');
INSERT INTO public.t (id, v) SELECT n, n FROM generate_series(1, 50) n;
CREATE INDEX t_f ON public.t ((id + public.f(1)));
CREATE STATISTICS public.t_s ON (v + public.f(1)), id FROM public.t;
"""


def run(user: str, script: str, expect: int | None = 0, seconds: int = 300) -> Any:
    """A script of a user's, with that exit status (-1: any but 0), which ends in time: whoever waits for a named pipe fails."""
    done = HOST.run("cd / && timeout %s runuser -u %s -- sh -c %s", str(seconds), user, script)
    assert done.rc != 124, f"{script} waits"
    assert expect is None or (done.rc == expect if expect >= 0 else done.rc > 0), (
        f"{script}: {done.rc}\n{done.stdout}{done.stderr}"
    )
    assert SECRET not in done.stdout + done.stderr, script
    return done


def titan_db(user: str, *words: str, url: str = "", expect: int | None = 0) -> str:
    """What titan-db says to the user."""
    line = shlex.join(["titan-db", *words])
    done = run(user, f"DATABASE_URL={shlex.quote(url)} {line}" if url else line, expect)
    return str(done.stdout + done.stderr)


def fails_without_sandbox(*words: str) -> str:
    """What titan-db says to the jobs' user before it fails."""
    done = without_sandbox(HOST, "ubuntu", *words)
    assert done.rc > 0, (words, done.rc, done.stdout, done.stderr)
    return str(done.stdout + done.stderr)


def result_of(user: str, *words: str) -> dict[str, Any]:
    """What it says with --json; warnings are on the other stream."""
    return dict(json.loads(run(user, shlex.join(["titan-db", *words, "--json"])).stdout))


def sql(text: str, database: str = "postgres", url: str = "") -> str:
    """As the server's superuser, or by a URL as that role."""
    if url:
        done = HOST.run("psql -X -A -t -v ON_ERROR_STOP=1 -d %s -c %s", url, text)
    else:
        done = HOST.run(
            "cd / && runuser -u postgres -- psql -X -A -t -v ON_ERROR_STOP=1 -p 5433 -d %s -c %s", database, text
        )
    assert done.rc == 0, done.stderr
    return str(done.stdout.strip())


def module(name: str, become: bool = True, **options: Any) -> dict[str, Any]:
    """What a module says that root runs on the host, as a task would."""
    command = ["ansible", NAME, "-i", INVENTORY, "-m", f"titan.database.{name}", "-a", json.dumps(options)]
    done = subprocess.run(
        [*command, *(["-b"] if become else [])], cwd=ROOT, capture_output=True, text=True, check=False,
        env={**os.environ, "ANSIBLE_LOAD_CALLBACK_PLUGINS": "1", "ANSIBLE_STDOUT_CALLBACK": "ansible.posix.json"},
    )  # fmt: skip
    assert SECRET not in done.stdout + done.stderr
    return dict(json.loads(done.stdout[done.stdout.index("{") :])["plays"][0]["tasks"][0]["hosts"][NAME])


def untouched() -> None:
    """Nobody has become more than he was, and what is root's is as it was."""
    assert sql("SELECT rolsuper FROM pg_roles WHERE rolname = 'keeper'") == "f"
    assert HOST.run("ls -A %s/open", LAB).stdout == ""
    assert HOST.run("cat %s/secret; stat -c '%%a %%U %%G' %s/secret %s/dir; ls -A %s/dir", *[LAB] * 4).stdout.split("\n") == [
        SECRET, "600 root root", "755 root root", "",
    ]  # fmt: skip


@pytest.fixture(scope="module", autouse=True)
def lab() -> Iterator[None]:
    run(
        "root",
        f"""
id mallory >/dev/null 2>&1 || useradd -m mallory
install -d -m 0755 {LAB} {LAB}/dir && install -d -m 0777 {LAB}/open
umask 077; echo {SECRET} >{LAB}/secret
cp -p {ENV_FILE} {LAB}/env
""",
    )
    sql("CREATE ROLE keeper LOGIN PASSWORD 'k'")
    sql("CREATE DATABASE owned OWNER keeper")
    sql(OWNED, url=OWNER)
    run("ubuntu", f"umask 077; mkdir -p {HOME}/b; echo 'DATABASE_URL={OWNER}' >{HOME}/owned.env")
    yield
    untouched()


@pytest.fixture(params=["off", "on"])
def kernel(request) -> Iterator[str]:
    """The kernel's own protection of links and pipes in directories like /tmp, off and on, where the container may set it."""
    before = {name: HOST.run("cat /proc/sys/fs/%s", name).stdout.strip() for name in PROTECTED}
    wanted = {name: {"off": "0", "on": "1"}[request.param] for name in PROTECTED}
    if before != wanted:
        HOST.run("mount -o remount,rw /proc/sys")
        for name, value in wanted.items():
            HOST.run(f"echo {value} >/proc/sys/fs/{name}")
    now = {name: HOST.run("cat /proc/sys/fs/%s", name).stdout.strip() for name in PROTECTED}
    try:
        if now != wanted:
            pytest.skip(f"the container may not set fs.protected_*: they are {now}")
        yield request.param
    finally:
        for name, value in before.items():
            HOST.run(f"echo {value} >/proc/sys/fs/{name}")


KINDS = {
    "a named pipe": "mkfifo {0}",
    "a symbolic link": f"ln -s {LAB}/secret {{0}}",
    "a socket": "python3 -c 'import socket; socket.socket(socket.AF_UNIX).bind(\"{0}\")'",
}
BY_ROOT = {"a device": "mknod {0} c 1 3", "hard link": f"ln {LAB}/secret {{0}}"}


def test_root_is_misled_by_nothing_in_the_place_of_a_file(kernel):
    try:
        for kind, how in {**KINDS, **BY_ROOT}.items():
            run("root", f"rm -f {ENV_FILE}")
            run("ubuntu" if kind in KINDS else "root", how.format(ENV_FILE))
            said = titan_db("root", "stats", "--config", ENV.config, "--by-hand", expect=1)
            assert kind in said, (kind, said)
    finally:
        run("root", f"rm -f {ENV_FILE}; cp -p {LAB}/env {ENV_FILE}")
    untouched()


def test_the_shell_gets_what_was_read_and_is_the_owners():
    """First open: what the reader accepts. Second open: anything."""
    deed = f"id >{LAB}/open/env"
    HOST.run("systemctl stop cron")  # a line of that user's would read the file, as he may
    try:
        pipe = f"rm {ENV_FILE}; mkfifo {ENV_FILE}; (echo 'A=$(true)'; sleep 0.3; echo 'A=1; {deed}') >{ENV_FILE} &"
        HOST.run("runuser -u ubuntu -- timeout 5 sh -c %s", pipe)
        assert "a named pipe" in titan_db("root", "stats", "--config", ENV.config, "--by-hand", expect=1)
        untouched()
        run("ubuntu", f"rm {ENV_FILE}; umask 077; cp {HOME}/owned.env {ENV_FILE}; echo 'B=$({deed})' >>{ENV_FILE}")
        titan_db("root", "stats", "--config", ENV.config, "--by-hand", expect=None)
        assert HOST.run("cat %s/open/env", LAB).stdout.startswith(
            "uid=1000(ubuntu) gid=1000(ubuntu) groups=1000(ubuntu)\n"
        )
    finally:
        run("root", f"rm -f {ENV_FILE} {LAB}/open/env; cp -p {LAB}/env {ENV_FILE}; systemctl start cron")


def test_the_server_of_another_users_env_file_gets_no_password_of_roots():
    """Root's passfile would open it; that user chooses what listens there."""
    run("ubuntu", f"umask 077; echo 'DATABASE_URL={OWNER.replace(':k@', '@')}' >{HOME}/no.env")
    run("root", "umask 077; echo '*:*:*:*:k' >/root/.pgpass")
    try:
        for words in (("stats",), ("backup", "--dest", LAB, "--name", "p")):
            assert "no password" in titan_db("root", *words, "--env-file", f"{HOME}/no.env", expect=1), words
        run("ubuntu", f"umask 077; echo '*:*:*:*:k' >{HOME}/.pgpass")
        titan_db("root", "stats", "--env-file", f"{HOME}/no.env")
    finally:
        run("root", f"rm -f /root/.pgpass {HOME}/.pgpass {HOME}/no.env")


def test_root_works_as_the_owner_and_reads_no_linked_member(kernel):
    dest = f"{HOME}/b/{kernel}"
    words = (
        "backup",
        "--dest",
        dest,
        "--name",
        "w1",
        "--format",
        "directory",
        "--verify",
        "checksum",
        "--env-file",
        f"{HOME}/owned.env",
    )
    run("ubuntu", f"mkdir -m 0700 {dest}")
    made = result_of("root", *words)["backup"]["path"]
    assert set(HOST.run("find %s -printf '%%u %%m\\n'", dest).stdout.split("\n")) - {""} <= {"ubuntu 700", "ubuntu 600"}
    run("ubuntu", f"cd {made}; for f in [0-9]*.dat.gz; do rm $f; ln -s {LAB}/secret ${{f%.gz}}; done")
    said = titan_db("root", "drill", "--dest", dest, "--name", "w1", expect=1)
    assert "symbolic link" in said or "not a regular file" in said, said
    run("ubuntu", f"rm {made}.json; mkfifo {made}.json")
    said = titan_db("root", "drill", "--dest", dest, "--name", "w1", expect=1)
    assert "pipe" in said or "not a regular file" in said or "symbolic link" in said, said
    run("ubuntu", f"rm -rf {dest}")
    untouched()


def test_the_records_and_the_log_are_files_of_the_jobs_user(kernel):
    state = "/var/lib/titan-db/production"
    run("root", f"cp -a {state} {state}.kept; mv {HOME}/logs {HOME}/logs.kept")
    try:
        run("ubuntu", f"ln -s {LAB}/dir {HOME}/logs")
        for name in ("runs.jsonl", "backup.json", "migrations.json"):
            for how in (f"ln -s {LAB}/secret", "mkfifo"):
                run("ubuntu", f"rm -f {state}/{name}; {how} {state}/{name}")
                titan_db("root", "note", "production", "backup", "1", expect=None)
    finally:
        run("root", f"rm -rf {state} {HOME}/logs; mv {state}.kept {state}; mv {HOME}/logs.kept {HOME}/logs")
    untouched()


def test_migration_files_of_another_user_lead_to_nothing_of_roots():
    run("ubuntu", f"mkdir {HOME}/m; mkfifo {HOME}/m/0001_a.sql; ln -s {LAB}/secret {HOME}/m/0002_b.sql")
    words = (
        "rehearse",
        "--path",
        f"{HOME}/m",
        "--dest",
        f"{HOME}/b",
        "--env-file",
        f"{HOME}/owned.env",
        "--name",
        "w1",
    )
    assert "is not a regular file" in titan_db("root", *words, expect=1)
    run("ubuntu", f"rm {HOME}/m/0001_a.sql")
    said = titan_db("root", *words, expect=1)  # as that user, who may not read it
    assert "symbolic link" in said or "Permission denied" in said, said
    run("ubuntu", f"rm -r {HOME}/m")


def test_modules_hand_over_and_write_nothing_that_a_link_names():
    run("ubuntu", f"ln -s {LAB}/dir {HOME}/link; ln -s {LAB}/secret {HOME}/l.env; mkfifo {HOME}/p.env")
    for name, options in (
        ("directory", {"path": f"{HOME}/link", "owner": "ubuntu"}),
        ("directory", {"path": f"{HOME}/link/deeper", "owner": "ubuntu"}),
        ("file", {"path": f"{HOME}/l.env", "content": "A=1", "owner": "ubuntu"}),
        ("file", {"path": f"{HOME}/p.env", "content": "A=1", "owner": "ubuntu"}),
    ):
        result = module(name, **options)
        assert result.get("failed") and re.search("symbolic link|named pipe", result["msg"]), (options, result)
    run("ubuntu", f"rm {HOME}/link {HOME}/l.env {HOME}/p.env")
    untouched()


@pytest.fixture(scope="module")
def dump() -> str:
    """A dump of the owner's database, by the owner; its proof runs as the jobs' user."""
    run("ubuntu", f"mkdir -m 0700 {HOME}/b/dumps")
    words = ("backup", "--dest", f"{HOME}/b/dumps", "--name", "o", "--env-file", f"{HOME}/owned.env")
    done = result_of("ubuntu", *words)
    assert done["backup"]["verified"]["level"] == "restored", done
    untouched()
    return str(done["backup"]["path"])


def test_a_drill_runs_the_owners_code_with_no_rights(dump):
    verified = result_of("root", "drill", "--source", dump)
    said = json.dumps(verified)
    assert re.search(r'"sandbox": "(namespaces|user (titan-drill|nobody))"', said), said
    untouched()
    verified = result_of("ubuntu", "drill", "--source", dump)
    assert '"sandbox": "' in json.dumps(verified)
    untouched()


@pytest.fixture(scope="module")
def dump_of_postgres(dump) -> str:
    """The same dump, where the server's own user finds it."""
    run(
        "root",
        f"install -d -o postgres -m 0700 {LAB}/pg {LAB}/pg/b; install -o postgres -m 0600 {dump} {dump}.json {LAB}/pg/",
    )
    return f"{LAB}/pg/{dump.rsplit('/', 1)[1]}"


def test_a_superuser_restores_with_the_rights_of_none(dump_of_postgres):
    words = ("restore", "--source", dump_of_postgres, "--into", "owned_copy")
    assert "1 tables, 50 rows" in titan_db("postgres", *words, url=SUPERUSER.format("owned"))
    untouched()
    assert sql("SELECT tableowner FROM pg_tables WHERE tablename = 't'", "owned_copy") == "keeper"
    sql("DROP DATABASE owned_copy")


FOREIGN = """--
-- PostgreSQL database dump
--
SET standard_conforming_strings = on;
CREATE TABLE public.a (id int);
{}
--
-- PostgreSQL database dump complete
--
"""
COMMANDS = (
    f"\\! id >{LAB}/open/bang",
    f'\\connect "{OWNER}"\nCREATE TABLE public.written_into_live (id int);',
    f"COPY public.a FROM PROGRAM 'id >{LAB}/open/program; echo 1';",
    f"\\copy public.a to '{LAB}/open/copy'",
    f"SELECT $$COPY public.a TO PROGRAM 'id >{LAB}/open/gexec'$$ \\gexec",
    "CREATE EXTENSION dblink; SELECT public.dblink_exec('host=127.0.0.1 port=5433 user=keeper password=k dbname=owned', "
    "'CREATE TABLE public.written_into_live (id int)');",
)


def test_a_dump_of_others_stays_in():
    run("ubuntu", f"mkdir -m 0700 {HOME}/b/foreign")
    for number, command in enumerate(COMMANDS):
        path = f"{HOME}/b/foreign/f{number}.sql"
        run("ubuntu", f"umask 077; cat >{path} <<'END'\n{FOREIGN.format(command)}\nEND")
        said = titan_db("root" if number % 2 else "ubuntu", "drill", "--source", path, expect=None)
        assert "is not a dump" not in said, said
    untouched()
    assert sql("SELECT to_regclass('public.written_into_live') IS NULL", "owned") == "t"


def test_without_a_sandbox_nothing_reaches_other_servers(dump):
    """Neither the code of a dump of others, nor a query of production, nor a migration, beside an extension for that."""
    said = fails_without_sandbox("drill", "--source", f"{HOME}/b/foreign/f{len(COMMANDS) - 1}.sql")
    assert "dblink" in said and "says nothing about the backup" in said, said
    sql("CREATE EXTENSION dblink SCHEMA public", "owned")
    run("ubuntu", f"mkdir {HOME}/q; echo 'SELECT id FROM public.t' >{HOME}/q/0001_a.sql")
    kept = ("--dest", f"{HOME}/b/dumps", "--name", "reach")
    try:
        words = ("backup", *kept, "--verify", "checksum", "--env-file", f"{HOME}/owned.env")
        result_of("ubuntu", *words)
        for words in (
            ("measure", *kept, "--queries", f"{HOME}/q/0001_a.sql", "--rounds", "7"),
            ("rehearse", *kept, "--path", f"{HOME}/q", "--env-file", f"{HOME}/owned.env"),
        ):
            said = fails_without_sandbox(*words)
            assert "dblink" in said and "without-sandbox" in said, said
    finally:
        sql("DROP EXTENSION dblink", "owned")
        run("ubuntu", f"rm -r {HOME}/q")
    untouched()
    assert sql("SELECT to_regclass('public.written_into_live') IS NULL", "owned") == "t"


def test_what_a_drills_user_puts_in_its_servers_place_leads_root_nowhere(dump):
    """A process of that user exchanges what root makes for the server, all the time that it does so."""
    exchange = f"""
rm -rf /var/tmp/titan-drill-abc; mkdir -p /var/tmp/titan-drill-abc/data
ln -s {LAB}/dir /var/tmp/titan-drill-abc/data/pg_tblspc; touch -d '1 hour ago' /var/tmp/titan-drill-abc
while :; do
  for made in /var/tmp/titan-drill-*/; do
    for name in data s socket lock log; do mv $made$name ${{made}}moved; ln -s {LAB}/dir $made$name; done
  done
done >/dev/null 2>&1"""
    HOST.run(
        "cd / && (timeout 20 runuser -u nobody -- sh -c %s & echo $! >/run/exchange.pid) >/dev/null 2>&1", exchange
    )
    try:
        titan_db("root", "drill", "--source", dump, expect=None)
    finally:
        HOST.run("kill $(cat /run/exchange.pid); pkill -u nobody; rm -rf /var/tmp/titan-drill-*")
    untouched()
    titan_db("root", "drill", "--source", dump)


def test_what_would_give_a_dump_of_others_rights_later_is_refused():
    run(
        "postgres",
        f"""umask 077; mkdir -p /var/lib/postgresql/f; cat >/var/lib/postgresql/f/s.sql <<'END'
{FOREIGN.format("CREATE FUNCTION public.s() RETURNS int LANGUAGE sql SECURITY DEFINER AS 'SELECT 1'; ALTER FUNCTION public.s() OWNER TO postgres;")}
END""",
    )
    words = ("restore", "--source", "/var/lib/postgresql/f/s.sql", "--into", "owned_later")
    said = titan_db("postgres", *words, url=SUPERUSER.format("postgres"), expect=-1)
    assert "the rights of a superuser who owns function s" in said, said
    assert sql("SELECT count(*) FROM pg_database WHERE datname = 'owned_later'") == "0"


def test_an_extension_that_others_can_write_is_made_by_no_superuser():
    folder = "/usr/share/postgresql/15/extension"
    run(
        "root",
        f"""
echo "default_version = '1.0'" >{folder}/evil.control
cat >{folder}/evil--1.0.sql <<'END'
DO $$ BEGIN IF current_setting('port') <> '5433' OR current_user = 'keeper' THEN
  COPY (SELECT 1) TO PROGRAM 'id >{LAB}/open/extension'; END IF; END $$;
END
""",
    )
    sql("CREATE EXTENSION evil", "owned")
    run("root", f"chown ubuntu {folder}/evil*")
    try:
        words = ("backup", "--dest", f"{HOME}/b/dumps", "--name", "evil", "--env-file", f"{HOME}/owned.env")
        for user in ("ubuntu", "root"):
            said = titan_db(user, *words, expect=None)
            assert "evil" in said, said
            untouched()
    finally:
        sql("DROP EXTENSION evil", "owned")
        run("root", f"rm {folder}/evil*")


@pytest.mark.parametrize("user", ["ubuntu", "root"])
def test_what_a_killed_run_left_is_ended_by_the_next_word(dump, user):
    HOST.run(
        "sh -c %s",
        f"cd / && (runuser -u ubuntu -- titan-db drill --source {dump} >/dev/null 2>&1 & echo $! >/tmp/drill.pid)",
    )
    here = "ls -d /var/tmp/titan-drill-*/data/postmaster.pid 2>/dev/null"
    wait_until(lambda: HOST.run(here).stdout, 60, "a drill's server")
    HOST.run("pkill -KILL -u ubuntu -f 'titan-db drill'")
    titan_db(user, "list", "--dest", {"ubuntu": f"{HOME}/b/dumps", "root": LAB}[user], expect=None)
    wait_until(lambda: not HOST.run("ls -d /var/tmp/titan-drill-* 2>/dev/null").stdout, 20, "an empty /var/tmp")


def test_rows_are_in_no_message():
    canary = "CANARY-of-a-row"
    sql("CREATE TABLE public.c (id int PRIMARY KEY, mail text, until timestamptz, CHECK (until > now()))", url=OWNER)
    sql(f"INSERT INTO public.c VALUES (1, '{canary}', now() + interval '1 second')", url=OWNER)
    time.sleep(0.5)
    wait_until(lambda: sql("SELECT until < now() FROM public.c", url=OWNER) == "t", 10, "a row that its check refuses")
    words = ("backup", "--dest", f"{HOME}/b/dumps", "--name", "c", "--env-file", f"{HOME}/owned.env")
    said = titan_db("ubuntu", *words, expect=None)
    assert canary not in said and "check" in said, said
    assert (
        HOST.run(
            "grep -rl %s %s/b --include=*.json --include=*.log /var/lib/titan-db /var/log/titan* %s/logs",
            canary,
            HOME,
            HOME,
        ).stdout
        == ""
    )
    sql("DROP TABLE public.c", url=OWNER)


def test_a_superuser_runs_none_of_the_owners_code(dump_of_postgres):
    for words in (
        ("backup", "--dest", f"{LAB}/pg/b", "--name", "s", "--verify", "checksum"),
        ("health",),
        ("stats",),
        ("cleanup",),
        ("reindex",),
        ("rescue", "--source", dump_of_postgres, "--tables", "public.t"),
    ):
        said = titan_db("postgres", *words, url=SUPERUSER.format("owned"), expect=None)
        assert words[0] not in ("cleanup", "rescue") or "superuser" in said, said
        untouched()


def test_migrations_and_their_replay_run_with_the_rights_of_no_superuser():
    deed = f"COPY (SELECT 1) TO PROGRAM 'id >{LAB}/open/replay'"
    content = f"DO $$ BEGIN EXECUTE $x${deed}$x$; EXCEPTION WHEN OTHERS THEN NULL; END $$;"
    files = [{"name": "0001_a.sql", "content": content}]
    path = f"public;copy/**/public.t/**/from/**/program/**/'id>{LAB}/open/path'"
    sql(
        f"SELECT set_config('search_path', $x${path}$x$, false); ALTER DATABASE owned SET search_path FROM CURRENT",
        url=OWNER,
    )
    assert "baseline" in module("migration", files=files, state="baselined", **KEEPER)
    sql("ALTER DATABASE owned RESET search_path")
    untouched()
    sql("CREATE ROLE boss SUPERUSER LOGIN PASSWORD 'k'")
    result = module("migration", files=files, **{**KEEPER, "login_user": "boss"})
    sql("DROP ROLE boss")
    assert result.get("failed") and "superuser" in result["msg"], result
    untouched()


# What the database's owner may put in front of pg_catalog for everybody who connects.
IN_THE_WAY = "; ".join(
    (
        "CREATE SCHEMA evil; GRANT USAGE ON SCHEMA evil TO PUBLIC; CREATE TABLE evil.ran (who text)",
        *(
            f"CREATE FUNCTION evil.same({kind}, {kind}) RETURNS bool LANGUAGE plpgsql AS "
            "$f$ BEGIN INSERT INTO evil.ran VALUES (CURRENT_USER); RETURN $1 OPERATOR(pg_catalog.=) $2; END $f$; "
            f"CREATE OPERATOR evil.= (LEFTARG = {kind}, RIGHTARG = {kind}, FUNCTION = evil.same)"
            for kind in ("name", "text", "oid", '"char"')
        ),
        "ALTER DATABASE owned SET search_path = evil, pg_catalog, public",
    )
)


def test_the_role_access_runs_nothing_that_the_owner_put_in_the_way():
    roles = [
        {"name": "keeper", "kind": "owner", "password": "k"},
        {"name": "watcher", "kind": "monitor", "password": "k"},
    ]
    given = {"access_database": "owned", "access_port": 5433, "access_roles": roles, "access_packages": []}
    sql(IN_THE_WAY, url=OWNER)
    try:
        command = [
            "ansible",
            NAME,
            "-i",
            INVENTORY,
            "-m",
            "include_role",
            "-a",
            "name=titan.database.access",
            "-e",
            json.dumps(given),
        ]
        done = subprocess.run([*command, "-b"], cwd=ROOT, capture_output=True, text=True, check=False)
        assert "FAILED" not in done.stdout and sql("SELECT count(*) FROM pg_roles WHERE rolname = 'watcher'") == "1", (
            done.stdout
        )
        assert sql("SELECT count(*) FROM evil.ran", url=OWNER) == "0"
        sql("SELECT count(*) FROM pg_class WHERE relname = current_database()", url=OWNER)  # what this waits for
        assert sql("SELECT count(*) > 0 FROM evil.ran", url=OWNER) == "t"
    finally:
        sql("ALTER DATABASE owned RESET search_path; DROP SCHEMA evil CASCADE", url=OWNER)
    untouched()


def test_stored_policies_count_from_the_inventory_only():
    change = "UPDATE titan_ops.retention_policy SET {} WHERE name = (SELECT min(name) FROM titan_ops.retention_policy)"
    before = ENV.counts()
    for what in (f"archive = '{HOME}/.ssh'", "filter_sql = 'true'"):
        ENV.sql("CREATE TABLE titan_ops.kept AS TABLE titan_ops.retention_policy")
        try:
            ENV.sql(change.format(what))
            done = ENV.titan_db("cleanup", "--by-hand", expect=None)
            assert done.rc and "inventory" in done.stdout + done.stderr, done.stdout + done.stderr
        finally:
            ENV.sql(
                "DELETE FROM titan_ops.retention_policy; INSERT INTO titan_ops.retention_policy TABLE titan_ops.kept; DROP TABLE titan_ops.kept"
            )
    assert ENV.counts() == before
    assert HOST.run("ls %s/.ssh", HOME).stdout.split() == ["authorized_keys"]


def test_code_of_others_is_named_before_rows_go():
    """A role that may delete only: what its DELETE would run belongs to the owner."""
    sql("CREATE ROLE sweeper LOGIN PASSWORD 'k'")
    policies = [{"table": "public.t", "column": "at", "keep": "60 days"}]
    assert not module("retention_policy", policies=policies, **KEEPER).get("failed")
    sql(
        "CREATE FUNCTION public.on_delete() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM public.deed(1); RETURN old; END'; "
        "CREATE TRIGGER goes BEFORE DELETE ON public.t FOR EACH ROW EXECUTE FUNCTION public.on_delete(); "
        "GRANT SELECT, DELETE ON public.t TO sweeper; GRANT USAGE ON SCHEMA titan_ops TO sweeper; "
        "GRANT SELECT ON ALL TABLES IN SCHEMA titan_ops TO sweeper; GRANT CONNECT ON DATABASE owned TO sweeper",
        url=OWNER,
    )
    try:
        words = ("cleanup", "--check", "--require-backup-within", "off", "--max-fraction", "1")
        said = titan_db("ubuntu", *words, url=OWNER.replace("keeper", "sweeper"), expect=None)
        for what in (
            "code of other roles",
            "trigger goes (public.on_delete of keeper",
            "index public.t_f (public.f of keeper",
        ):
            assert what in said, (what, said)
        assert sql("SELECT count(*) FROM public.t", url=OWNER) == "50"
    finally:
        sql("DROP TRIGGER goes ON public.t; DROP SCHEMA titan_ops CASCADE; DROP OWNED BY sweeper", "owned")
        sql("DROP ROLE sweeper")
    untouched()


def test_the_controller_keeps_nothing_of_a_host_that_could_do_harm(tmp_path):
    """The jobs' user writes what the host tells of itself: markup, other shapes, links to what is root's."""
    state = "/var/lib/titan-db/production"
    run("root", f"cp -a {state} {state}.kept")
    ask = ("titan.database.report", "-l", NAME, "-e", f"report_site={tmp_path}/site")
    markup = "<script>alert(1)</script>"
    try:
        run(
            "ubuntu",
            f"""cd {state}; sed -i 's|"job": "[a-z]*"|"job": "{markup}"|' runs.jsonl
echo '{{"job": "{markup}", "status": "{markup}", "started_at": 1e999, "message": ["{markup}"]}}' >>runs.jsonl
rm -rf report.html report-samples.json archived.json; ln -s {LAB}/secret report.html; mkfifo report-samples.json
echo '{{"hours": "{markup}"}}' >archived.json""",
        )
        playbook(*ask)
        pages = [path for path in (tmp_path / "site").rglob("*") if path.is_file()]
        assert {path.suffix for path in pages} == {".html", ".json"}
        for page in pages:
            text = page.read_text()
            assert SECRET not in text and (page.suffix == ".json" or markup not in text), page
    finally:
        run("root", f"rm -rf {state}; mv {state}.kept {state}")
    untouched()


def test_tls_reaches_every_program():
    """The server's certificate is nobody's: who asks for its authority gets no connection, from whatever program."""
    url = OWNER + "?sslmode=verify-full&sslrootcert=/etc/ssl/certs/ssl-cert-snakeoil.pem"
    for words in (("stats",), ("backup", "--dest", f"{HOME}/b/dumps", "--name", "tls")):
        said = titan_db("ubuntu", *words, url=url, expect=-1)
        assert "certificate" in said or "SSL" in said, said
    said = titan_db("ubuntu", "stats", url=f"{OWNER}?sslmod=require", expect=-1)
    assert "sslmod" in said and "libpq does not know it" in said, said
    said = titan_db("ubuntu", "stats", url="postgresql://keeper:secret@word/x@127.0.0.1:5433/owned", expect=-1)
    assert "secret" not in said and "word/x" not in said, said


def test_a_stranger_reads_nothing_and_what_he_could_read_is_put_right():
    for path in (f"{HOME}/b/dumps", f"{HOME}/backups/database", ENV_FILE, "/var/lib/titan-db/production/runs.jsonl"):
        assert run("mallory", f"cat {path} || ls -A {path}/", expect=None).stdout == "", path
    assert run("mallory", "grep -i -E 'password|://[^/]*:' /etc/titan-db/*.json", expect=1).stdout == ""
    run("ubuntu", f"cp {HOME}/owned.env {HOME}/open.env; chmod 0644 {HOME}/open.env")
    said = titan_db("ubuntu", "stats", "--env-file", f"{HOME}/open.env", expect=None)
    assert "every user" in said or "chmod" in said, said
    said = titan_db("mallory", "drill", "--dest", f"{HOME}/b/dumps", "--name", "o", expect=-1)
    assert SECRET not in said
