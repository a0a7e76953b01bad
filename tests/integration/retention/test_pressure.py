"""What slows a clean-up down: sessions that wait for it, batches that take too long, a standby that falls behind. And what
keeps dead rows: slots and standbys, on a real primary with a real standby."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Callable

import psycopg2
import pytest
from ansible_collections.titan.database.plugins.module_utils._engine.postgres.cluster import Cluster, unprivileged_user
from ansible_collections.titan.database.plugins.module_utils._engine.postgres.connection import ConnectionSettings
from ansible_collections.titan.database.plugins.module_utils._engine.postgres.database import connect
from ansible_collections.titan.database.plugins.module_utils._engine.retention.deletion import throttle

from tests.conftest import drop_database, embedded_programs, free_port, login, make_database, start_server


def fill(settings: ConnectionSettings, call_module: Any, rows: int = 3000) -> None:
    with connect(settings, fixed_settings=False) as database:
        database.execute("CREATE TABLE public.logs (id int PRIMARY KEY, at timestamptz, n int)")
        database.execute(
            f"INSERT INTO public.logs SELECT i, now() - interval '9 days', 0 FROM generate_series(1, {rows}) i"
        )
    call_module("retention_policy", policies=[{"table": "logs", "column": "at", "keep": "1 day"}], **login(settings))


def trigger(settings: ConnectionSettings, body: str) -> None:
    """Run the body whenever a row is deleted."""
    with connect(settings, fixed_settings=False) as database:
        database.execute(
            f"CREATE FUNCTION public.slow() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN {body} RETURN old; END $$"
        )
        database.execute("CREATE TRIGGER slow BEFORE DELETE ON public.logs FOR EACH ROW EXECUTE FUNCTION public.slow()")


def eventually(what: Callable[[], Any], seconds: float = 60) -> Any:
    deadline = time.monotonic() + seconds
    while not (found := what()):
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.05)
    return found


def test_a_session_that_waits_for_a_batch_is_seen(settings: Any, call_module: Any, freely: Any) -> None:
    """The batch deletes row 10 and stays open at row 50 until somebody waits for row 10."""
    fill(settings, call_module)
    trigger(
        settings,
        "IF old.id = 50 THEN FOR i IN 1..600 LOOP EXIT WHEN EXISTS (SELECT FROM pg_locks WHERE NOT granted "
        "AND locktype = 'transactionid'); PERFORM pg_sleep(0.05); END LOOP; END IF;",
    )
    stop = threading.Event()

    def update() -> None:
        connection = psycopg2.connect(**settings.parameters())
        connection.autocommit = True
        with connection.cursor() as cursor:
            while not stop.is_set():
                cursor.execute("SELECT FROM logs WHERE id = 10 FOR UPDATE")
                time.sleep(0.005)
        connection.close()

    client = threading.Thread(target=update)
    client.start()
    result = call_module("cleanup", **{**freely, "batch_target_ms": 60_000}, **login(settings))
    stop.set()
    client.join()
    one = result["results"][0]
    assert one["deleted"] == 3000 and one["waited_for"] >= 1, result


def test_nobody_waits_and_nobody_is_seen(settings: Any, call_module: Any, freely: Any) -> None:
    fill(settings, call_module)
    other = psycopg2.connect(**settings.parameters())  # waits for somebody else
    holder = psycopg2.connect(**settings.parameters())
    holder.cursor().execute("SELECT pg_advisory_lock(1)")
    waiting = threading.Thread(target=lambda: other.cursor().execute("SELECT pg_advisory_lock(1)"))
    waiting.start()
    with connect(settings) as database:
        eventually(lambda: database.value("SELECT EXISTS (SELECT FROM pg_locks WHERE NOT granted)"))
    one = call_module("cleanup", **freely, **login(settings))["results"][0]
    holder.close()
    waiting.join()
    other.close()
    assert one["deleted"] == 3000 and one["waited_for"] == 0


@pytest.mark.parametrize("walk", ["tid_sweep", "keyset"])
def test_a_batch_that_takes_too_long_is_cancelled_and_repeated_smaller(
    settings: Any, call_module: Any, freely: Any, walk: str
) -> None:
    """A thousand rows at 2 ms each would hold their locks for 2 s; with a target of 20 ms none of the kind happens."""
    fill(settings, call_module, 1200)
    trigger(settings, "PERFORM pg_sleep(0.002);")
    if walk == "keyset":
        with connect(settings, fixed_settings=False) as database:
            database.execute("CREATE INDEX ON public.logs (at)")
            database.execute("UPDATE public.logs SET at = at - id * interval '1 second'")
            database.execute("INSERT INTO public.logs SELECT i, now(), 0 FROM generate_series(5000, 15000) i")
            database.execute("ANALYZE public.logs")
    one = call_module("cleanup", **{**freely, "batch_target_ms": 20}, **login(settings))["results"][0]
    assert one["strategy"] == walk and one["deleted"] == 1200 and one["left"] == 0
    assert one["cut_short"] >= 1 and one["longest_ms"] < 1500, one


@dataclass(frozen=True)
class Pair:
    primary: Cluster
    standby: Cluster


@pytest.fixture(scope="module")
def pair(tmp_path_factory: Any) -> Iterator[Pair]:
    """A primary that writes for logical decoding, and a standby that streams from it through a slot."""
    import tempfile

    primary = start_server(embedded_programs(), "wal_level=logical", "max_wal_senders=4", "autovacuum=off")
    folder = Path(tempfile.mkdtemp(prefix="tt-standby-"))
    standby = Cluster(primary.programs, str(folder / "s"), port=free_port(), listen=True)
    owner = unprivileged_user()
    for made in (folder, Path(standby.folder), Path(standby.socket)):
        made.mkdir(exist_ok=True)
        if owner:
            os.chown(made, owner.pw_uid, owner.pw_gid)
    try:
        reach = ["-h", "127.0.0.1", "-p", str(primary.port), "-U", "postgres"]
        standby.run_program("pg_basebackup", *reach, "-R", "-c", "fast", "-X", "stream", "-C", "-S", "standby_slot")
        source = f"primary_conninfo=host=127.0.0.1 port={primary.port} user=postgres application_name=near"
        standby.start([source, "primary_slot_name=standby_slot", "hot_standby_feedback=on", "max_connections=200",
                       "max_wal_senders=4", "wal_receiver_status_interval=1", "fsync=off"])  # fmt: skip
        with connect(primary.settings()) as database:
            eventually(lambda: database.value("SELECT count(*) FROM pg_stat_replication WHERE state = 'streaming'"))
        yield Pair(primary, standby)
    finally:
        standby.remove()
        primary.remove()
        folder.rmdir()


@pytest.fixture
def on_primary(pair: Pair) -> Iterator[ConnectionSettings]:
    made = make_database(pair.primary)
    yield made
    drop_database(pair.primary, made.database)


def test_a_standby_that_stands_still_ends_the_run_and_the_next_one_finishes(
    pair: Pair, on_primary: Any, call_module: Any, freely: Any, monkeypatch: Any
) -> None:
    fill(on_primary, call_module, 60_000)
    monkeypatch.setattr(throttle, "PATIENCE", 0.3)
    monkeypatch.setattr(throttle, "EVERY", 0.0)
    options = {**freely, "max_replica_lag_mb": 1}
    with connect(pair.standby.settings()) as standby, connect(on_primary) as database:
        behind = "SELECT coalesce(max(pg_current_wal_insert_lsn() - replay_lsn), 1 << 30) FROM pg_stat_replication"
        eventually(lambda: int(database.value(behind)) < 1 << 19)
        standby.execute("SELECT pg_wal_replay_pause()")
        try:
            first = call_module("cleanup", **options, **login(on_primary))
        finally:
            standby.execute("SELECT pg_wal_replay_resume()")
        part = first["results"][0]
        assert not first.get("failed") and first["state"] == "partial" and "a standby is" in part["ended_by"], first
        assert 0 < part["deleted"] < 60_000 and part["left"] == 60_000 - part["deleted"]
        eventually(lambda: int(database.value(behind)) < 1 << 19)
    second = call_module("cleanup", **{**options, "max_replica_lag_mb": 256}, **login(on_primary))
    assert second["state"] == "done" and second["results"][0]["deleted"] == part["left"]


def test_a_slot_that_holds_the_rows_is_named_and_one_that_does_not_is_not(
    pair: Pair, on_primary: Any, call_module: Any, freely: Any
) -> None:
    """A standby's reader holds the primary's rows through its slot. A logical slot holds rows of the catalogs only."""
    fill(on_primary, call_module)
    with connect(pair.primary.settings(on_primary.database)) as database:
        database.execute("SELECT pg_create_logical_replication_slot('decoding', 'test_decoding')")
        at_standby = pair.standby.settings(on_primary.database)
        where = database.value("SELECT pg_current_wal_insert_lsn()::text")
        with connect(pair.standby.settings()) as standby:
            eventually(lambda: standby.value("SELECT pg_last_wal_replay_lsn() >= %s::pg_lsn", (where,)))
        reader = psycopg2.connect(**at_standby.parameters())
        reader.set_session(isolation_level="REPEATABLE READ")
        reader.cursor().execute("SELECT count(*) FROM logs")
        database.execute("SELECT pg_current_xact_id()")
        held = "SELECT xmin IS NOT NULL FROM pg_replication_slots WHERE slot_name = 'standby_slot'"
        eventually(lambda: database.value(held))
        try:
            vacuumed = call_module("cleanup", **freely, **login(on_primary))["vacuumed"][0]
        finally:
            reader.close()
        names = " ".join(vacuumed["held_by"])
        assert vacuumed["dead_rows_kept"] == 3000 and "replication slot standby_slot (active)" in names, vacuumed
        assert "decoding" not in names
        with connect(pair.standby.settings()) as standby:
            standby.execute("ALTER SYSTEM SET hot_standby_feedback = off")
            standby.execute("SELECT pg_reload_conf()")
            try:
                eventually(lambda: not database.value(held))
                database.execute(
                    "INSERT INTO public.logs SELECT i, now() - interval '9 days' FROM generate_series(1, 500) i"
                )
                alone = call_module("cleanup", **freely, **login(on_primary))["vacuumed"][0]
            finally:
                standby.execute("ALTER SYSTEM RESET hot_standby_feedback")
                standby.execute("SELECT pg_reload_conf()")
        assert alone["dead_rows_kept"] == 0 and alone["held_by"] == []
        assert database.value("SELECT catalog_xmin IS NOT NULL FROM pg_replication_slots WHERE slot_name = 'decoding'")
        database.execute("SELECT pg_drop_replication_slot('decoding')")
