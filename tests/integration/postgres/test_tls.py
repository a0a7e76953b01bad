"""A server that demands TLS, certificates and more: what a URL or variable says reaches psycopg2 and PostgreSQL's programs alike."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import psycopg2.extensions
import pytest
from ansible_collections.titan.database.plugins.module_utils._engine.backups.programs.pipeline import (
    Deadline,
    Program,
    output_of,
)
from ansible_collections.titan.database.plugins.module_utils._engine.errors import DatabaseError, TitanError
from ansible_collections.titan.database.plugins.module_utils._engine.health.checks.server import UNENCRYPTED
from ansible_collections.titan.database.plugins.module_utils._engine.postgres.client_environment import (
    child_environment,
)
from ansible_collections.titan.database.plugins.module_utils._engine.postgres.connection import ConnectionSettings
from ansible_collections.titan.database.plugins.module_utils._engine.postgres.database import connect
from ansible_collections.titan.database.plugins.module_utils._engine.postgres.urls import settings_from_url
from ansible_collections.titan.database.plugins.module_utils._engine.postgres.variables import settings_from_variables

from tests.conftest import Cluster, start_server

PROGRAMS = "/usr/lib/postgresql/15/bin"
HBA = """
local all postgres trust
hostssl all postgres 127.0.0.1/32 trust
hostssl all titan 127.0.0.1/32 cert
hostssl all scram 127.0.0.1/32 scram-sha-256
hostssl all plain 127.0.0.1/32 password
"""


def openssl(*words: object) -> None:
    subprocess.run(["openssl", *map(str, words)], check=True, capture_output=True)


def certificate(folder: Path, name: str, common_name: str) -> None:
    """NAME.key and NAME.crt, signed by ca."""
    key, request, made = (folder / f"{name}.{end}" for end in ("key", "csr", "crt"))
    kind = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    if name == "ca":
        openssl("req", "-x509", *kind, "-keyout", key, "-out", made, "-days", 2, "-subj", f"/CN={common_name}")
        return
    openssl("req", *kind, "-keyout", key, "-out", request, "-subj", f"/CN={common_name}")
    names = folder / f"{name}.ext"
    names.write_text(f"subjectAltName=DNS:{common_name}\n")
    signer = ["-CA", folder / "ca.crt", "-CAkey", folder / "ca.key", "-CAcreateserial", "-extfile", names]
    openssl("x509", "-req", "-in", request, "-out", made, "-days", 2, *signer)
    key.chmod(0o600)


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("keys of tls")
    for name, common_name in (("ca", "ca"), ("server", "localhost"), ("client", "titan"), ("other", "other")):
        certificate(folder, name, common_name)
    return folder


@pytest.fixture(scope="module")
def tls(server15: Cluster, keys: Path) -> Iterator[Cluster]:
    cluster = start_server(PROGRAMS)
    with connect(cluster.settings()) as admin:
        for statement in (
            "CREATE ROLE titan LOGIN SUPERUSER",
            "CREATE ROLE scram LOGIN SUPERUSER PASSWORD 'p w'",
            "CREATE ROLE plain LOGIN PASSWORD 'p w'",
            "CREATE DATABASE app",
            "CREATE DATABASE frozen",
            "ALTER DATABASE frozen SET default_transaction_read_only = on",
        ):
            admin.execute(statement)
    for name, place in (("server.key", "server.key"), ("server.crt", "server.crt"), ("ca.crt", "root.crt")):
        made = Path(cluster.data, place)
        made.write_bytes((keys / name).read_bytes())
        made.chmod(0o600)
        if cluster.owner:
            os.chown(made, cluster.owner.pw_uid, cluster.owner.pw_gid)
    Path(cluster.data, "pg_hba.conf").write_text(HBA)
    with connect(cluster.settings()) as admin:
        admin.execute("ALTER SYSTEM SET ssl = on")
        admin.execute("ALTER SYSTEM SET ssl_ca_file = 'root.crt'")
        admin.execute("SELECT pg_reload_conf()")
    yield cluster
    cluster.remove()


def ask(settings: ConnectionSettings, query: str = "SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()") -> str:
    """The answer, the same of psycopg2 and of psql; pg_dump and pg_restore connect, too."""
    with connect(settings) as database:
        ours = database.value(query)
    with child_environment(settings) as env:
        psql = [f"{PROGRAMS}/psql", "-XAtw", "-c", query]
        theirs = subprocess.run(psql, env=env, capture_output=True, text=True, check=False)
        assert theirs.returncode == 0, theirs.stderr
        dump = subprocess.run([f"{PROGRAMS}/pg_dump", "-w", "-Fc"], env=env, capture_output=True, check=False)
        assert dump.returncode == 0, dump.stderr
        restore = [f"{PROGRAMS}/pg_restore", "-w", "-d", f"dbname={settings.database}"]
        loaded = subprocess.run(restore, env=env, input=dump.stdout, capture_output=True, check=False)
        assert loaded.returncode == 0, loaded.stderr
        assert "p w" not in str([item for name, item in env.items()])
    shown = {True: "t", False: "f"}.get(ours, str(ours))
    assert theirs.stdout.strip() == shown
    return shown


def refused(settings: ConnectionSettings) -> str:
    """Both refuse; what psql says."""
    with pytest.raises(DatabaseError):
        connect(settings)
    with child_environment(settings) as env:
        done = subprocess.run(
            [f"{PROGRAMS}/psql", "-XAtwc", "SELECT 1"], env=env, capture_output=True, text=True, check=False
        )
    assert done.returncode, done.stdout
    return done.stderr


def test_certificates_of_both_sides(tls: Cluster, keys: Path) -> None:
    query = f"sslmode=verify-full&sslrootcert={keys}/ca.crt"
    url = f"postgresql://titan@localhost:{tls.port}/app?{query}"
    assert ask(settings_from_url(f"{url}&sslcert={keys}/client.crt&sslkey={keys}/client.key")) == "t"
    refused(settings_from_url(f"{url}&sslcert={keys}/other.crt&sslkey={keys}/other.key"))
    refused(settings_from_url(url))
    with_variables = {
        "DATABASE_URL": f"postgresql://titan@localhost:{tls.port}/app",
        "PGSSLMODE": "verify-full",
        "PGSSLROOTCERT": f"{keys}/ca.crt",
        "PGSSLCERT": f"{keys}/client.crt",
        "PGSSLKEY": f"{keys}/client.key",
    }
    assert ask(settings_from_variables(with_variables, "x")) == "t"
    # the name on the certificate is localhost
    wrong = f"postgresql://titan@127.0.0.1:{tls.port}/app?{query}&sslcert={keys}/client.crt&sslkey={keys}/client.key"
    assert "does not match" in refused(settings_from_url(wrong))
    assert ask(settings_from_url(wrong.replace("verify-full", "verify-ca"))) == "t"


def test_a_key_with_a_password_and_protocol_versions(tls: Cluster, keys: Path) -> None:
    openssl("ec", "-in", keys / "client.key", "-out", keys / "locked.key", "-aes256", "-passout", "pass:k e;y")
    (keys / "locked.key").chmod(0o600)
    url = f"postgresql://titan@localhost:{tls.port}/app?sslmode=verify-full&sslrootcert={keys}/ca.crt&sslcert={keys}/client.crt"
    locked = f"{url}&sslkey={keys}/locked.key&ssl_min_protocol_version=TLSv1.3"
    assert ask(settings_from_url(f"{locked}&sslpassword=k%20e%3By")) == "t"
    with pytest.raises(DatabaseError) as error:
        connect(settings_from_url(f"{locked}&sslpassword=wrong-secret"))
    assert "wrong-secret" not in error.value.message
    assert refused(settings_from_url(f"{url}&sslkey={keys}/client.key&ssl_max_protocol_version=TLSv1.1"))


def test_channel_binding_and_the_way_of_authentication(tls: Cluster) -> None:
    for user, fits in (("scram", True), ("plain", False)):
        url = f"postgresql://{user}:p%20w@localhost:{tls.port}/app?sslmode=require&channel_binding=require"
        assert ask(settings_from_url(url)) == "t" if fits else refused(settings_from_url(url))
    url = f"postgresql://scram:p%20w@localhost:{tls.port}/app?sslmode=require"
    assert ask(settings_from_url(url)) == "t"
    assert (
        ask(settings_from_url(f"{url}&sslcert=/dev/null/none")) == "t"
    )  # as for root, with the env file of another user
    assert refused(settings_from_url(url.replace("require", "disable")))


def test_what_an_older_libpq_would_ignore_is_refused(tls: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    """A variable of a later release; without it, a password would go in clear to whoever asks for it."""
    url = f"postgresql://scram:p%20w@localhost:{tls.port}/app?sslmode=require"
    for settings, variable in ((settings_from_url(f"{url}&require_auth=none"), ""), (settings_from_url(url), "none")):
        monkeypatch.setenv("PGREQUIREAUTH", variable)
        later = r"The libpq of PostgreSQL's programs does not know .*require_auth \(of release 16\)|authentication method requirement"
        with pytest.raises(TitanError, match=later), child_environment(settings) as env:
            output_of(Program([f"{PROGRAMS}/psql", "-XAtwc", "SELECT 1"], env), Deadline(10))
        with monkeypatch.context() as older:
            older.setattr(psycopg2.extensions, "libpq_version", lambda: 150020)
            with pytest.raises(DatabaseError, match="psycopg2 does not know .*require_auth"):
                connect(settings)


def test_session_attributes_and_options(tls: Cluster) -> None:
    url = f"postgresql://scram:p%20w@localhost:{tls.port}/frozen?sslmode=require"
    assert ask(settings_from_url(f"{url}&target_session_attrs=any")) == "t"
    assert refused(settings_from_url(f"{url}&target_session_attrs=read-write"))
    options = "&options=-c%20default_transaction_read_only%3Doff%20-c%20app.word%3Da%5C%20b"
    url += f"&target_session_attrs=read-write{options}"
    assert ask(settings_from_url(url), "SELECT current_setting('app.word')") == "a b"


def test_health_tells_of_a_connection_that_a_network_can_read(tls: Cluster, server15: Cluster) -> None:
    elsewhere = UNENCRYPTED.query.replace("inet_client_addr()", "inet '192.0.2.1'")
    with connect(server15.settings()) as plain, connect(tls.settings()) as encrypted:
        assert not plain.rows(UNENCRYPTED.query)
        assert [row["value"] for row in plain.rows(elsewhere)] == [1]
        assert encrypted.value("SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()")
        assert not encrypted.rows(elsewhere)
