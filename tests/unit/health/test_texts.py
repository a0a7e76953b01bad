"""The commands of a report can be typed as they are."""

from __future__ import annotations

import pytest
from ansible_collections.titan.database.plugins.module_utils._engine.health.checks.definition import Check
from ansible_collections.titan.database.plugins.module_utils._engine.health.report.texts import as_typed

CONFIG = "/etc/titan-db/p.json"
COMMAND = "/usr/local/bin/titan-db"


@pytest.mark.parametrize(
    ("fix", "typed"),
    [
        ("titan-db list", f"{COMMAND} list --config {CONFIG}"),
        ("df -h /x; titan-db stats shows what grew", f"df -h /x; {COMMAND} stats --config {CONFIG} shows what grew"),
        ("titan-db backup (or titan-db drill)", f"{COMMAND} backup --config {CONFIG} (or {COMMAND} drill --config {CONFIG})"),
        *(
            (complete, complete)
            for complete in (
                f"titan-db health --config {CONFIG}",
                f"{COMMAND} health --config {CONFIG}",
                "titan-db cron p backup --check",
                "titan-db why p backup",
                f"{COMMAND} cron p backup --check",
                "'/opt/my own/titan-db' cron p backup --check",
            )
        ),
    ],
)  # fmt: skip
def test_a_command_is_completed_once(fix: str, typed: str) -> None:
    (check,) = as_typed([Check("x", 1, 1.0, "m", fix)], COMMAND, CONFIG)
    assert check.fix == typed
