"""The alerting rules by promtool: each fires, stays silent one step below, resolves, and does not hide a silence."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible_collections.titan.database.plugins.module_utils._engine.alerts.metrics import FAMILIES, job_samples, render
from ansible_collections.titan.database.plugins.module_utils._engine.environment.records import Record

RULES = Path(__file__).resolve().parents[3] / "monitoring" / "titan-db.rules.yml"
JOB = '{environment="production", instance="db1", job_name="backup"}'
ENVIRONMENT = '{environment="production", instance="db1"}'
CHECK = '{environment="production", instance="db1", check="bloat"}'

Series = dict[str, str]


def start(values: str) -> Series:
    return {f"titan_db_job_last_start_timestamp_seconds{JOB}": values}


# alert -> (series with a step of one minute, minutes at which it is silent, at which it fires, at which it is silent again)
CASES: dict[str, tuple[Series, list[int], list[int], list[int]]] = {
    "TitanDbJobFailed": ({f"titan_db_job_last_exit_status{JOB}": "0x9 1x9 0x9"}, [5], [12], [25]),
    "TitanDbJobMissed": (
        {**start("60x1502 90000x100"), f"titan_db_job_interval_seconds{JOB}": "86400x1700"},
        [1501], [1502], [1505],
    ),
    "TitanDbJobStuck": (
        {**start("0x200"), f"titan_db_job_running{JOB}": "1x80 0x100", f"titan_db_job_timeout_seconds{JOB}": "3600x200"},
        [70], [71], [81],
    ),
    "TitanDbMetricsVanished": (start("60x100 _x100 60x200"), [100, 130], [140, 200], [206]),
    "TitanDbBackupMissing": ({f"titan_db_backup_finished_timestamp_seconds{JOB}": "_x100 60x50"}, [59], [60], [105]),
    "TitanDbBackupOld": (
        {f"titan_db_backup_finished_timestamp_seconds{JOB}": "0x1560 93000x50", f"titan_db_job_interval_seconds{JOB}": "86400x1700"},
        [1555], [1556], [1570],
    ),
    "TitanDbBackupTooOld": (
        {f"titan_db_backup_finished_timestamp_seconds{JOB}": "0x2900 172800x50", f"titan_db_job_interval_seconds{JOB}": "86400x3000"},
        [2880], [2881], [2920],
    ),
    "TitanDbBackupUnverified": ({f"titan_db_backup_verified_level{JOB}": "1x1500 2x100"}, [1439], [1440], [1510]),
    "TitanDbBackupShrank": ({f"titan_db_backup_size_bytes{JOB}": "1000x3000 501x9 499x9 900x9"}, [3005], [3015], [3025]),
    "TitanDbRetentionBehind": ({f"titan_db_retention_complete{JOB}": "1x10 0x4500 1x10"}, [4380], [4395], [4520]),
    "TitanDbMigrationsPending": ({f"titan_db_migrations_pending{ENVIRONMENT}": "0x9 1x70 0x20"}, [9, 68], [71], [81]),
    "TitanDbMigrationEdited": (
        {f"titan_db_migration_checksum_mismatches{ENVIRONMENT}": "0x9 1x50 0x20"}, [9, 38], [41], [61],
    ),
    "TitanDbMigrationsUnknown": ({f"titan_db_migrations_pending{ENVIRONMENT}": "0x10 _x100 0x20"}, [10, 70], [77, 105], [116]),
    "TitanDbInvalidIndex": (
        {f"titan_db_indexes_invalid{ENVIRONMENT}": "0x9 2x400 0x50"}, [9, 368], [371], [415],
    ),
    "TitanDbCheckWarning": ({f"titan_db_check_status{CHECK}": "1x70 0x20"}, [59], [60], [75]),
    "TitanDbCheckCritical": ({f"titan_db_check_status{CHECK}": "1x20 2x30 0x20"}, [20, 35], [37], [60]),
    "TitanDbMessagesLost": ({f"titan_db_notification_failures_total{JOB}": "0x60 1x1600"}, [60], [65], [1600]),
}  # fmt: skip


def promtool() -> str:
    found = os.environ.get("PROMTOOL") or shutil.which("promtool")
    if not found:
        pytest.skip("promtool is not installed (Debian package prometheus)")
    return found


def rules() -> dict[str, dict[str, Any]]:
    groups = yaml.safe_load(RULES.read_text(encoding="utf-8"))["groups"]
    return {rule["alert"]: rule for group in groups for rule in group["rules"]}


def test_every_rule_has_a_case_a_severity_and_an_action() -> None:
    assert set(rules()) - set(CASES) == {"TitanDbWatchdog"}
    for rule in rules().values():
        assert rule["labels"]["severity"] in ("critical", "warning", "none")
        assert rule["alert"] == "TitanDbWatchdog" or rule["annotations"]["action"]


def test_the_rules_are_one_group_whose_rules_stand_for_themselves() -> None:
    (group,) = yaml.safe_load(RULES.read_text(encoding="utf-8"))["groups"]
    assert all("alert" in rule and "record" not in rule and "ALERTS" not in rule["expr"] for rule in group["rules"])
    if shutil.which("promtool"):
        subprocess.run(["promtool", "check", "rules", RULES], check=True, capture_output=True)


def test_rules_use_only_metrics_that_exist() -> None:
    import re

    used = set(re.findall(r"titan_db_\w+", " ".join(rule["expr"] for rule in rules().values())))
    assert used <= set(FAMILIES)


def test_every_rule_fires_and_resolves(tmp_path: Path) -> None:
    """Counting the firing alerts avoids repeating the annotations."""
    for alert, (series, silent, fires, resolved) in CASES.items():
        checks = [
            {"expr": f'count(ALERTS{{alertname="{alert}", alertstate="firing"}}) or vector(0)', "eval_time": f"{minute}m",
             "exp_samples": [{"labels": "{}", "value": value}]}
            for minutes, value in ((silent, 0), (fires, 1), (resolved, 0)) for minute in minutes
        ]  # fmt: skip
        inputs = [{"series": name, "values": values} for name, values in series.items()]
        test = {"name": alert, "interval": "1m", "input_series": inputs, "promql_expr_test": checks}
        check_rules(tmp_path, alert, test)
    watchdog = {"expr": 'count(ALERTS{alertname="TitanDbWatchdog", alertstate="firing"})', "eval_time": "5m"}
    always = {"interval": "1m", "promql_expr_test": [{**watchdog, "exp_samples": [{"labels": "{}", "value": 1}]}]}
    check_rules(tmp_path, "TitanDbWatchdog", always)


def check_rules(folder: Path, alert: str, test: dict[str, Any]) -> None:
    """Have promtool try one alert's rule, taken out of the file by itself: each rule stands for itself."""
    only = {"groups": [{"name": "titan-db", "rules": [rules()[alert]]}]}
    (folder / "rules.yml").write_text(yaml.safe_dump(only), encoding="utf-8")
    path = folder / "tests.yml"
    wanted = {"rule_files": ["rules.yml"], "evaluation_interval": "1m", "tests": [test]}
    path.write_text(yaml.safe_dump(wanted), encoding="utf-8")
    done = subprocess.run([promtool(), "test", "rules", str(path)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def first_minutes(values: str, count: int) -> str:
    """The series without what comes after so many minutes ("1x4" is 1 five times)."""
    kept: list[str] = []
    for part in values.split():
        value, _x, repeats = part.partition("x")
        kept += [value] * (int(repeats or 0) + 1)
    return " ".join(kept[:count])


def test_whatever_was_wrong_a_host_that_falls_silent_is_heard(tmp_path: Path) -> None:
    """While the alert fires, every series of the host ends: that must not pass for a repair."""
    for alert, (series, _silent, fires, _resolved) in CASES.items():
        last = fires[-1]
        left = {**start(f"60x{last}"), **series}
        check = {
            "expr": 'count(ALERTS{alertname="TitanDbMetricsVanished", alertstate="firing"}) or vector(0)',
            "eval_time": f"{last + 60}m",
            "exp_samples": [{"labels": "{}", "value": 1}],
        }
        inputs = [{"series": name, "values": first_minutes(values, last + 1)} for name, values in left.items()]
        test = {"name": alert, "interval": "1m", "input_series": inputs, "promql_expr_test": [check]}
        check_rules(tmp_path, "TitanDbMetricsVanished", test)


def test_the_metrics_text_is_clean_whatever_the_names() -> None:
    result = {"titan_db_backup_size_bytes": 5.5, "titan_db_backup_verified_level": 2.0, "unknown": 1.0}
    record = Record('b"a\\c\nk', last_start=1.5, runs_total=3, result=result)
    checks = [
        {"name": "bloat", "status": "warning", "value": 31.5},
        {"name": "backup_age", "status": "critical", "value": None},
        {"name": "invalid_indexes", "status": "ok", "value": 0},
        {"name": "migrations_pending", "status": "warning", "value": 2.0},
        {"name": "checksum_mismatches", "status": "ok", "value": 0.0},
        {"name": "database_size", "status": "ok", "value": 1.5},
        {"name": "connections", "status": "ok", "value": 42.5},
    ]
    text = render(job_samples("pro\nduction", record, True, 86400.0, 2, checks))
    assert text.endswith("\n")
    assert "unknown 1" not in text
    assert 'titan_db_migrations_pending{environment="pro\\nduction"} 2\n' in text
    assert 'titan_db_migration_checksum_mismatches{environment="pro\\nduction"} 0\n' in text
    assert 'titan_db_database_size_bytes{environment="pro\\nduction"} 1500000000\n' in text
    assert 'titan_db_connections_used_ratio{environment="pro\\nduction"} 0.425\n' in text
    assert "titan_db_info{" in text
    done = subprocess.run([promtool(), "check", "metrics"], input=text, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout + done.stderr) == (0, "")
