# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a killed run has left, with somebody's rows in it, goes with the next run of any subcommand, whatever becomes of that."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from ansible_collections.titan.database.plugins.module_utils._engine.cli import main
from ansible_collections.titan.database.plugins.module_utils._engine.command_line import COMMANDS

ARGUMENTS = {
    "note": ["{config}", "cleanup", "1"],
    "why": ["{config}", "cleanup"],
    "notify-test": ["{config}"],
    "cron": ["{config}", "cleanup"],
}


@pytest.mark.parametrize("word", [*COMMANDS, *ARGUMENTS])
def test_any_subcommand_removes_it(word: str, tmp_path: Path) -> None:
    drills, state = tmp_path / "drills", tmp_path / "state"
    left = drills / "titan-drill-dead"
    left.mkdir(parents=True)
    state.mkdir(mode=0o700)
    (left / "lock").touch()
    (left / "rows").write_text("of somebody")
    config, env_file = tmp_path / "t.json", tmp_path / ".env"
    env_file.write_text("DATABASE_URL=postgresql://nobody@127.0.0.1:1/nothing\n")
    env_file.chmod(0o600)
    text = {
        "environment": "t",
        "env_file": str(env_file),
        "state_dir": str(state),
        "schedule": {"cleanup": {"schedule": "15 2 * * *"}},
        "jobs": {"backup": {"dest": str(tmp_path), "drill_dir": str(drills)}, "cleanup": {}},
    }
    config.write_text(json.dumps(text))
    given = ARGUMENTS.get(word, ["--config", "{config}"])
    main([word, *(each.format(config=config) for each in given)])
    assert not left.exists()
