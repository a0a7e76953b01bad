"""URLs against libpq: what libpq accepts is read as libpq reads it."""

from __future__ import annotations

import os
import random

import pytest
from ansible_collections.titan.database.plugins.module_utils._engine.errors import OptionError
from ansible_collections.titan.database.plugins.module_utils._engine.postgres.urls import settings_from_url

extensions = pytest.importorskip("psycopg2.extensions")
psycopg2 = pytest.importorskip("psycopg2")
# TITAN_DB_FUZZ=10000 for a longer run by hand.
URLS = int(os.environ.get("TITAN_DB_FUZZ", "500"))
WORDS = ("u", "app", "p%40s", "100%25", "ü", "%C3%BC", "a.b", "x_y", "P-1", "", "w!'", "a+b", "a=b", "~", "*")
HOSTS = ("h", "db.example.org", "127.0.0.1", "[::1]", "[2001:db8::1]", "%2Fvar%2Frun%2Fpostgresql", "", "a-b")
QUERIES = (
    "application_name=a@b",
    "sslmode=require",
    "application_name=x",
    "connect_timeout=5",
    "host=/tmp",
    "port=6000",
    "user=q",
    "password=p%20w",
    "dbname=n",
)


def random_url(source: random.Random) -> str:
    user = source.choice(("", source.choice(WORDS), f"{source.choice(WORDS)}:{source.choice(WORDS)}"))
    hosts = []
    for _host in range(source.choice((1, 1, 1, 2))):
        hosts.append(source.choice(HOSTS) + source.choice(("", ":5432", ":6543", ":")))
    path = source.choice(("", "/", f"/{source.choice(WORDS)}", f"/{source.choice(WORDS)}"))
    query = "&".join(source.sample(QUERIES, source.choice((0, 0, 1, 2))))
    return f"{source.choice(('postgresql', 'postgres'))}://{user}{'@' if user else ''}{','.join(hosts)}{path}{'?' if query else ''}{query}"


def test_what_libpq_accepts_is_read_as_libpq_reads_it() -> None:
    compared = 0
    for seed in range(URLS):
        url = random_url(random.Random(seed))
        try:
            judge = extensions.parse_dsn(url)
        except psycopg2.ProgrammingError:
            continue
        try:
            ours = settings_from_url(url).parameters()
        except OptionError:
            assert "?" in judge.get("user", "") + judge.get("password", ""), (
                url
            )  # a query without a host before it, which may hold a password
            continue
        if judge.get("host", "").count(",") != judge.get("port", "").count(",") and "," in judge.get("port", ""):
            continue  # libpq refuses that when it connects
        compared += 1
        judge.pop("application_name", None)
        if "," in judge.get("host", ""):
            ours.pop("target_session_attrs", None)
            ports = judge.get("port", "").split(",")
            judge["port"] = ",".join(port or "5432" for port in ports) if len(set(ports)) > 1 else ports[0]
        judge.setdefault("port", "5432")
        judge = {key: value for key, value in judge.items() if value}
        judge.setdefault("port", "5432")
        assert ours == judge, url
    assert compared > URLS // 2


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://owner:s3cret@word/x@127.0.0.1:21600/db1",
        "postgresql://u:s3cret/x@h/d",
        "postgresql://u:pw@s3cret@h/d",
        "postgresql://u:pw?@s3cret@h/d",
        "postgresql://u@s3cret:pw@h/d",
        "postgresql://@u:s3cret@h/d",
        "jdbc:postgresql://u:p@s3cret@h?sslmode=require",
        "postgresql://u:s3cret@h:99999/d",
        "postgresql://u:s3cret@h:port/d",
        "postgresql://u:s3cret@h/d#frag",
        "postgresql://h?user=u&password=s3cret@x",
        "postgresql://u:s3cret@h h/d",
        "postgresql://u:s3cret@h/d?sslmode=sometimes",
        "postgresql://u:s3cret@h/d?service=x",
        "postgresql:u:s3cret@h/d",
        "s3cret",
        "",
    ],
)
def test_what_has_two_readings_is_refused_without_its_value(url: str) -> None:
    with pytest.raises(OptionError) as caught:
        settings_from_url(url)
    assert "s3cret" not in caught.value.message
