"""titan-db cleanup: the same as the module, from the configuration file that cron's line names."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from ansible_collections.titan.database.plugins.module_utils._engine import cli

from tests.conftest import login


def test_the_command_says_and_does_what_the_module_does(
    titan: Any, call_module: Any, titan_rules: Any, freely: Any, tmp_path: Path, capsys: Any
) -> None:
    call_module("retention_policy", policies=titan_rules, **login(titan))
    planned = call_module("cleanup", check_mode=True, **freely, **login(titan))
    config = tmp_path / "config.json"
    connection = login(titan)
    config.write_text(
        json.dumps({"connection": connection, "jobs": {"cleanup": {**freely, "backup_dest": "/nowhere"}}})
    )

    assert cli.main(["cleanup", "--config", str(config), "--check", "--json"]) == 0
    checked = json.loads(capsys.readouterr().out)
    both = zip(checked["results"], planned["results"], strict=True)
    assert all(0 <= one["due"] - before["due"] <= 1 for one, before in both)  # a row may fall due in between

    assert cli.main(["cleanup", "--config", str(config), "--max-fraction", "0.1"]) == 1
    assert "--max-fraction 0.1" in capsys.readouterr().err

    assert cli.main(["cleanup", "--config", str(config), "--tables", "public.audit_logs,user_sessions"]) == 0
    said = capsys.readouterr().out
    # One row more where a second passes between the making of the data and this.
    assert re.search(r"audit logs: (38,75\d) of \1 due \(tid_sweep, done\)", said) and "notifications" not in said

    assert cli.main(["cleanup", "--config", str(config), "--json"]) == 0
    done = json.loads(capsys.readouterr().out)
    assert done["changed"] and {one["table"]: one["deleted"] for one in done["results"]}["public.audit_logs"] <= 1
    assert cli.main(["cleanup", "--config", str(config)]) == 0


def test_usage_errors_have_status_2(titan: Any, tmp_path: Path, capsys: Any) -> None:
    config = tmp_path / "config.json"
    config.write_text(json.dumps({"connection": login(titan), "jobs": {"cleanup": {"max_runtime": "soon"}}}))
    assert cli.main(["cleanup", "--config", str(config)]) == 2
    assert "--max-runtime" in capsys.readouterr().err
