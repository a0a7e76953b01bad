"""What was changed by hand: each kind of change is named by migration_info and by a baseline, and what is no change by hand is not."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from typing import Any

import psycopg2
import pytest
from ansible_collections.titan.database.plugins.module_utils._engine.migrations import information, operation, options
from ansible_collections.titan.database.plugins.module_utils._engine.migrations.history import drift
from ansible_collections.titan.database.plugins.module_utils._engine.outcome import Call, Outcome
from ansible_collections.titan.database.plugins.module_utils._engine.postgres.cluster import Cluster
from ansible_collections.titan.database.plugins.module_utils._engine.postgres.connection import ConnectionSettings
from ansible_collections.titan.database.plugins.module_utils._engine.postgres.database import connect
from ansible_collections.titan.database.plugins.module_utils._engine.text.arguments import complete

from tests.conftest import drop_database, make_database
from tests.drill_programs import drill_programs
from tests.integration.migrations.drift_kinds import KINDS

# A restored database has no invalid index, and the triggers of its foreign keys work.
NOT_IN_A_DUMP = ("index_invalid", "fk_trigger_off", "db_setting", "comment_database")
PARTED = """
CREATE TABLE ref (id int PRIMARY KEY) PARTITION BY RANGE (id);
CREATE TABLE ref1 PARTITION OF ref FOR VALUES FROM (0) TO (10);
CREATE TABLE parted (id int PRIMARY KEY REFERENCES ref, a text DEFAULT 'x', "B c" int CHECK ("B c" > 0)) PARTITION BY RANGE (id);
CREATE INDEX parted_a ON parted (a);
CREATE TABLE parted1 PARTITION OF parted FOR VALUES FROM (0) TO (10);
CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
CREATE TRIGGER f AFTER INSERT ON parted FOR EACH ROW EXECUTE FUNCTION f();
CREATE PUBLICATION published FOR TABLE parted;
CREATE MATERIALIZED VIEW seen AS SELECT id FROM parted; CREATE UNIQUE INDEX ON seen (id);
CREATE TABLE plain (id int PRIMARY KEY, state varchar(10) CHECK (state IN ('new', 'sent')));
GRANT SELECT ON plain TO titan_drift_other;
"""
MAINTAINED = """
CREATE TABLE parted2 PARTITION OF parted FOR VALUES FROM (10) TO (20); COMMENT ON TABLE parted2 IS 'x'; CREATE INDEX ON parted2 ("B c");
CREATE TABLE "Parted 3" (LIKE parted INCLUDING ALL); GRANT SELECT ON "Parted 3" TO public;
ALTER TABLE parted ATTACH PARTITION "Parted 3" FOR VALUES FROM (20) TO (30);
DROP TABLE parted1; CREATE TABLE ref2 PARTITION OF ref FOR VALUES FROM (10) TO (20);
VACUUM FULL plain; ANALYZE; REINDEX TABLE plain; REFRESH MATERIALIZED VIEW seen; INSERT INTO plain VALUES (1, 'new'); CHECKPOINT;
GRANT SELECT, INSERT ON plain TO titan_drift_super; REVOKE CREATE ON SCHEMA public FROM public; GRANT USAGE ON SCHEMA public TO titan_drift_other;
ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO titan_drift_other; ALTER DATABASE {database} SET work_mem = '7MB';
GRANT CONNECT ON DATABASE {database} TO titan_drift_other; CREATE ROLE titan_drift_new IN ROLE titan_drift_other
"""


class Place:
    """A database of its own, since the changes leave more behind than schemas."""

    def __init__(self, settings: ConnectionSettings) -> None:
        self.settings = settings
        connection = psycopg2.connect(**settings.parameters())
        connection.autocommit = True
        self.cursor = connection.cursor()
        self.cursor.execute("SET allow_in_place_tablespaces = on")

    def run(self, text: str, **given: Any) -> Outcome:
        files = {"files": [{"name": "1_x.sql", "content": text}], "accept_superuser": True, **given}
        return operation.migration(Call(complete(files, options.MIGRATION), self.settings, "state" in given))

    def drift(self, text: str) -> list[str]:
        given = complete({"files": [{"name": "1_x.sql", "content": text}]}, options.MIGRATION_INFO)
        data = information.migration_info(Call(given, self.settings)).data
        assert data["drift_known"]
        return [item["object"] for item in data["drift"]]

    def baseline(self, text: str) -> str:
        """What does not agree with the file, and what no file makes."""
        given = {"history": "second", "state": "baselined", "programs": drill_programs()}
        outcome = self.run(text, **given)
        extra = [
            warning
            for warning in outcome.warnings
            if "that no migration makes" in warning or "another order" in warning
        ]
        return "\n".join([*outcome.data["baseline"][0]["missing"], *extra])

    def execute(self, text: str) -> None:
        for statement in [text] if "$$" in text else text.split("; "):
            self.cursor.execute(statement)

    def close(self) -> None:
        self.cursor.connection.close()


@pytest.fixture
def place(server: Cluster, tablespace: str) -> Iterator[Place]:
    made = Place(make_database(server))
    made.execute("CREATE ROLE titan_drift_other; CREATE ROLE titan_drift_super SUPERUSER")
    yield made
    made.close()
    drop_database(server, made.settings.database)
    with connect(server.settings()) as database:
        database.execute(
            "DROP ROLE IF EXISTS titan_drift_new; DROP ROLE titan_drift_other; DROP ROLE titan_drift_super"
        )


def restored(server: Cluster, source: Place) -> ConnectionSettings:
    target = make_database(server)
    where = ["-h", "127.0.0.1", "-p", str(target.port), "-U", str(target.user)]
    dumped = subprocess.run(
        [f"{server.programs}/pg_dump", *where, source.settings.database], check=True, capture_output=True
    )
    psql = [f"{server.programs}/psql", "-X", "-q", *where, "-d", target.database, "-v", "ON_ERROR_STOP=1"]
    subprocess.run(psql, check=True, input=dumped.stdout, stdout=subprocess.DEVNULL)
    return target


def test_each_kind_of_change_is_named_and_a_restored_database_has_none(
    place: Place, server: Cluster, tablespace: str
) -> None:
    text = ";\n".join(make for make, _change, _word in KINDS.values() if make)
    place.run(text)
    assert place.drift(text) == [] and place.baseline(text) == ""
    for name, (_make, change, _word) in KINDS.items():
        if name not in NOT_IN_A_DUMP:
            place.execute(change.replace("{space}", tablespace))
    named = place.drift(text)
    place.run("SELECT", files=[{"name": "1_x.sql", "content": text}, {"name": "2_x.sql", "content": "SELECT"}])
    copy = Place(restored(server, place))
    try:  # what belongs to the database itself is in no dump without --create
        assert [name for name in copy.drift(text) if not name.endswith(" the database")] == []
    finally:
        copy.close()
        drop_database(server, copy.settings.database)
    for name in NOT_IN_A_DUMP:
        place.execute(KINDS[name][1])
    named = "\n".join([*named, *place.drift(text)])
    said = place.baseline(text)
    assert [name for name, (_make, _change, word) in KINDS.items() if word not in named] == []
    assert [name for name, (_make, _change, word) in KINDS.items() if word not in said] == []


def test_maintenance_and_what_others_decide_is_no_drift(place: Place) -> None:
    place.run(PARTED)
    place.execute(MAINTAINED.strip().replace(";\n", "; ").format(database=place.settings.database))
    assert place.drift(PARTED) == []
    place.execute(
        "REVOKE SELECT ON plain FROM titan_drift_other; GRANT SELECT ON plain TO public; ALTER TABLE parted DETACH PARTITION parted2"
    )
    place.execute("ALTER TABLE plain ADD x int; DROP TABLE parted2; CREATE TABLE another ()")
    assert place.drift(PARTED) == [
        "column public.plain.x", "privilege SELECT on public.plain to public",
        "privilege SELECT on public.plain to titan_drift_other", "table public.another",
    ]  # fmt: skip


def test_the_fingerprint_of_an_older_version_is_compared_as_far_as_it_goes(place: Place) -> None:
    text = "CREATE TABLE a (x int); COMMENT ON TABLE a IS 'x'; CREATE EXTENSION citext"
    place.run(text)
    with connect(place.settings) as database:
        objects = dict(database.value("SELECT objects FROM titan_ops.migration_fingerprint"))
        old = {
            "": "2",
            "extension citext": "of another form",
            **{name: objects[name] for name in ("table public.a", "column public.a.x")},
        }
        old["schema public"] = objects["schema public"]
        database.execute("UPDATE titan_ops.migration_fingerprint SET objects = %s", (drift.json.dumps(old),))
        assert place.drift(text) == []
        database.execute("COMMENT ON TABLE public.a IS 'y'; ALTER TABLE public.a ADD y int")
        assert place.drift(text) == ["column public.a.y"]
        database.execute('UPDATE titan_ops.migration_fingerprint SET objects = objects || \'{"": "3 on 17"}\'')
        assert drift.drift(database, "") is None
