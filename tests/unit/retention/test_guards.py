"""The guard on backups with entries made by hand: what a backup of a whole cluster must say, and what it need not."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from ansible_collections.titan.database.plugins.module_utils._engine.backups.catalog.entry import PHYSICAL, Entry
from ansible_collections.titan.database.plugins.module_utils._engine.errors import TitanError
from ansible_collections.titan.database.plugins.module_utils._engine.retention.plan import guards

from tests.manifests import manifest_of

NOW = datetime(2026, 11, 22, 3, tzinfo=timezone.utc)
TABLES = {("public", "logs"), ("public", "audit_logs")}
WHOLE = Entry(
    path="/backups/app_20261122_020000F", name="app", database="app", system_identifier="42", started=NOW - timedelta(hours=1),
    finished=NOW, size=9, sha256="", format=PHYSICAL, verified_level="restored", verified_at=NOW, problem="",
    manifest=None, record={"tables": []},
)  # fmt: skip


class Server:
    """Answers what the guard asks the server."""

    def value(self, query: str) -> str:
        return "42" if "system_identifier" in query else "app"


@pytest.fixture
def trusted(monkeypatch: Any) -> Any:
    """Call the guard on a catalog of these entries; the newest one's bytes have the given problem now."""

    def ask(*entries: Entry, damage: str = "", level: str = "restored") -> str:
        monkeypatch.setattr(guards, "read_catalog", lambda dest, name: list(entries))
        monkeypatch.setattr(guards, "read_entry", lambda path, verify: replace(entries[0], problem=damage))
        return guards.trusted_backup(Server(), "/backups", "app", timedelta(hours=26), level, TABLES, NOW)  # type: ignore[arg-type]

    return ask


@pytest.mark.parametrize("record", [WHOLE.record, None])
def test_a_backup_of_the_cluster_has_every_table_without_listing_it(trusted: Any, record: Any) -> None:
    assert trusted(replace(WHOLE, record=record)) == WHOLE.path


def test_a_dump_has_the_tables_that_it_lists_and_no_others(trusted: Any) -> None:
    listed = [(schema, name, 5) for schema, name in sorted(TABLES)]
    dump = replace(WHOLE, format="custom")
    assert trusted(replace(dump, manifest=manifest_of(*listed))) == WHOLE.path
    with pytest.raises(TitanError, match=r"does not have public\.logs: /backups"):
        trusted(replace(dump, manifest=manifest_of(*(one for one in listed if one[1] == "audit_logs"))))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"started": NOW - timedelta(hours=27)}, "27.0 hours old, more than the 26.0 hours"),
        ({"started": NOW + timedelta(hours=1)}, "no verified backup"),
        ({"database": "another"}, "no verified backup"),
        ({"system_identifier": "43"}, "no verified backup"),
        ({"verified_level": "checksum"}, "none of them proven"),
        ({"problem": "pgBackRest reports an error in it"}, "none of them proven"),
    ],
)
def test_in_all_else_it_is_a_backup_like_any(trusted: Any, changes: dict[str, Any], words: str) -> None:
    with pytest.raises(TitanError, match=words):
        trusted(replace(WHOLE, **changes))


def test_it_is_read_again_before_it_is_trusted(trusted: Any) -> None:
    with pytest.raises(TitanError, match="is damaged since: /backups/app_20261122_020000F: a file is missing"):
        trusted(WHOLE, damage="a file is missing")


def test_an_older_proof_counts_where_the_newest_has_none(trusted: Any) -> None:
    older = replace(WHOLE, path="/backups/older", started=NOW - timedelta(hours=20))
    assert trusted(replace(WHOLE, verified_level="none"), older) == "/backups/older"
    assert trusted(replace(WHOLE, verified_level="checksum"), older, level="checksum") == WHOLE.path
