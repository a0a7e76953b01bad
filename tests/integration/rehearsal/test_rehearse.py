"""What a rehearsal says of statements, limits, the way back and its record; judged by pg_locks' documented modes and by what is in the files."""

from __future__ import annotations

import json
import os
import signal
import socket
import stat
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from ansible_collections.titan.database.plugins.module_utils._engine.backups.copy.reach import require_harmless
from ansible_collections.titan.database.plugins.module_utils._engine.errors import OptionError, TitanError
from ansible_collections.titan.database.plugins.module_utils._engine.postgres.connection import ConnectionSettings
from ansible_collections.titan.database.plugins.module_utils._engine.postgres.throw_away import (
    remove_what_dead_runs_left,
)
from ansible_collections.titan.database.plugins.module_utils._engine.rehearsal.remembered import from_json

from tests.steps import killed_at

from .conftest import Run, Shop, Watched

Row = dict[str, Any]


@contextmanager
def recording(settings: ConnectionSettings) -> Iterator[tuple[ConnectionSettings, list[list[str]]]]:
    """The server through a proxy, and the types of the messages that each client sends it after the startup packet."""
    listener = socket.create_server(("127.0.0.1", 0))
    seen: list[list[str]] = []

    def forward(source: socket.socket, target: socket.socket, keep: bytearray | None = None) -> None:
        with suppress(OSError):
            while data := source.recv(65536):
                if keep is not None:
                    keep += data
                target.sendall(data)
        with suppress(OSError):
            target.shutdown(socket.SHUT_WR)

    def serve() -> None:
        with suppress(OSError):
            while True:
                client, _address = listener.accept()
                server, sent = socket.create_connection((settings.host, settings.port)), bytearray()
                back = threading.Thread(target=forward, args=(server, client), daemon=True)
                back.start()
                forward(client, server, sent)
                back.join(5)
                at, types = int.from_bytes(sent[:4], "big"), []
                while at < len(sent):
                    types.append(chr(sent[at]))
                    at += 1 + int.from_bytes(sent[at + 1 : at + 5], "big")
                seen.append(types)

    threading.Thread(target=serve, daemon=True).start()
    plain = (*settings.options, ("sslmode", "disable"), ("gssencmode", "disable"))
    yield settings._replace(port=listener.getsockname()[1], options=plain), seen
    listener.close()


def locks(statement: Row) -> set[tuple[str, str]]:
    return {(lock["mode"], lock["relation"]) for lock in statement["locks"]}


def test_each_statement_tells_what_production_will_feel(run: Run, shop: Shop, workdir: Path) -> None:
    record, options = str(workdir / "state" / "rehearsal.json"), {"plain_index_max_rows": 100_000}
    files = {
        "1_a.sql": "ALTER TABLE orders ADD note text DEFAULT 'x';\n"
        "ALTER TABLE orders ALTER price TYPE bigint;\nSELECT pg_sleep(0.4);\n"
        "UPDATE orders SET code = code WHERE id <= 1000;\n",
        "1_a.down.sql": "ALTER TABLE orders ALTER price TYPE int;\nALTER TABLE orders DROP note;\n",
        "2_b.sql": "CREATE INDEX CONCURRENTLY orders_code ON orders (code);\n",
        "2_b.down.sql": "DROP INDEX orders_code;\n",
        "3_c.sql": "ALTER TABLE users ADD CONSTRAINT has_mail CHECK (email LIKE '%@%');\nCREATE TABLE fresh (a int);\n"
        "LOCK TABLE fresh;\n",
        "3_c.down.sql": "DROP TABLE fresh;\nALTER TABLE users DROP CONSTRAINT has_mail;\n",
    }
    with recording(shop[0]) as (through, messages):
        outcome = run(files, settings=through, record=record, **options)
    assert messages == [["X"]], "production saw one connection that asked nothing"
    first, retyped, slept, updated, index, check, table, _locked = outcome.data["statements"][:8]
    assert ("ACCESS EXCLUSIVE", "public.orders") in locks(first) and not first["rewritten"]
    held = next(lock for lock in first["locks"] if lock["mode"] == "ACCESS EXCLUSIVE")
    assert held["seconds"] >= 0.4, "held until the transaction's end, over the sleep"
    forward = [each for each in outcome.data["statements"] if each["action"] == "apply"]
    assert outcome.data["seconds"] >= sum(each["seconds"] for each in forward) - 0.01, "rounded"
    assert [item["relation"] for item in retyped["rewritten"]] == ["public.orders"] and retyped["needs"] > 100_000
    assert retyped["locks"] == [] and slept["locks"] == [], "what the transaction held before is told of once"
    assert updated["changed"] == [{"relation": "public.orders", "rows": 1000}]
    assert locks(index) <= {("SHARE UPDATE EXCLUSIVE", "public.orders")}, (
        "a build of milliseconds may be over before it is seen"
    )
    assert [item["relation"] for item in index["built"]] == ["public.orders_code"] and index["built"][0]["bytes"] > 8192
    assert check["scanned"] == [{"relation": "public.users", "rows": 500}]
    assert not table["locks"] and not _locked["locks"], "nobody waits for a table that was not there"
    assert outcome.data["rolled_back"] and outcome.data["differences"] == []
    report = outcome.data["report"]
    assert "ACCESS EXCLUSIVE on public.orders for " in report and "readers and writers wait" in report
    assert "rewrites public.orders (" in report and "Rolled back, and run again" in report
    assert "secret" not in report and report.endswith("Passed.")

    # The record is of exactly these files, with these options, on a young backup.
    assert run(files, record=record, state="checked", **options).data["passed"]
    assert stat.S_IMODE(os.stat(record).st_mode) == 0o600
    without = {name: text for name, text in files.items() if name != "3_c.down.sql"}
    for other in ({**files, "2_b.sql": "SELECT 2;"}, without, {**files, "4_d.sql": "SELECT 1;"}):
        with pytest.raises(TitanError, match="Other files were rehearsed"):
            run(other, record=record, state="checked", **options)
    with pytest.raises(TitanError, match="other options"):
        run(files, record=record, state="checked", **options, lock_timeout=1)
    with pytest.raises(TitanError, match="backup_within is 0s"):
        run(files, record=record, state="checked", backup_within="0s", **options)


def test_limits_and_a_wrong_way_back_make_it_fail_and_the_record_says_so(run: Run, workdir: Path) -> None:
    record = str(workdir / "state" / "rehearsal.json")
    files = {
        "1_a.sql": "ALTER TABLE orders ADD note text;\nSELECT pg_sleep(0.3);\n",
        "1_a.down.sql": "ALTER TABLE orders DROP note;\nCREATE INDEX left_over ON orders (id);\n",
    }
    config, remembered = workdir / "jobs.json", workdir / "kept" / "rehearsed.json"
    config.write_text(json.dumps({"environment": "production", "state_dir": str(workdir / "kept")}))
    options = {"plain_index_max_rows": 100_000, "record": record, "job_config": str(config)}
    with pytest.raises(TitanError, match="not rehearsed yet"):
        run(files, state="checked", **options)
    with pytest.raises(TitanError) as caught:
        run(files, max_block="200ms", max_duration="100ms", max_disk="1B", **options)
    problems = caught.value.message
    assert problems.startswith("The rehearsal did not pass. ") and "Not passed: " in caught.value.details["report"]
    assert "ACCESS EXCLUSIVE on public.orders" in problems and "max_block is 200 ms" in problems
    assert "max_duration is 100 ms" in problems and "max_disk is 1 B" in problems
    assert "After the rollback, INDEX public.left_over is new" in problems
    kept = from_json(json.loads(remembered.read_text()))
    assert kept and not kept.passed and "1 migration in " in kept.summary and len(kept.problems) == 5
    (where, felt), *_others = kept.waits
    assert where == "1_a.sql:1" and felt.startswith("ACCESS EXCLUSIVE on public.orders for ")
    with pytest.raises(TitanError, match="did not pass.*left_over is new"):
        run(files, state="checked", **options)


def test_a_killed_rehearsal_goes_with_the_next_run(run: Run, workdir: Path) -> None:
    files = {"1_a.sql": "CREATE TABLE fresh (a int);", "1_a.down.sql": "DROP TABLE fresh;"}
    assert killed_at("rehearsal.back", lambda: run(files)) == -signal.SIGKILL
    assert list((workdir / "d").iterdir()), "the killed one could not clean up"
    remove_what_dead_runs_left([str(workdir / "d")])
    assert not list((workdir / "d").iterdir())


@pytest.mark.parametrize(
    ("option", "value"), [("max_block", "soon"), ("max_disk", "much"), ("max_duration", "1 fortnight"), ("path", None)]
)
def test_a_wrong_option_is_named_before_anything_is_restored(run: Run, option: str, value: str | None) -> None:
    with pytest.raises(OptionError, match=option):
        run({}, **{"files": None, "path": "/nowhere", option: value})


def test_without_a_sandbox_nothing_runs_beside_an_extension_that_reaches_others(watched: Watched) -> None:
    """Through postgres_fdw an ordinary role reaches other servers; without such an extension it reaches nobody."""
    copy: Any = SimpleNamespace(superuser=watched.settings)
    require_harmless(copy, False, "a migration")
    watched.database.execute("CREATE EXTENSION postgres_fdw SCHEMA public")
    with pytest.raises(TitanError, match="postgres_fdw"):
        require_harmless(copy, False, "a migration")
    require_harmless(copy, True, "a migration")
