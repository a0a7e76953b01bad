"""What the shipped inventories schedule."""

from __future__ import annotations

from datetime import datetime, timezone
from pathlib import Path

import pytest
import yaml
from ansible_collections.titan.database.plugins.module_utils._engine.crontab.calendar import longest_interval
from ansible_collections.titan.database.plugins.module_utils._engine.environment.config import environment_from_config

ROOT = Path(__file__).resolve().parents[3]


@pytest.mark.parametrize("name", ["production", "staging"])
def test_each_environment_looks_at_itself_every_quarter_of_an_hour(name: str) -> None:
    variables = yaml.safe_load((ROOT / "inventories" / name / "group_vars" / f"{name}.yml").read_text())
    schedule = {job["name"]: job for job in variables["crontab_jobs"]}
    environment = environment_from_config({"environment": name, "schedule": schedule}, "")
    assert environment
    now = datetime(2026, 11, 22, tzinfo=timezone.utc)
    plan = environment.jobs["health"]
    assert longest_interval(plan.expression, now, timezone.utc, plan.weekday) == 900
    minutes = {job: set(plan.expression.minutes) for job, plan in environment.jobs.items() if plan.expression}
    assert all(minutes["health"].isdisjoint(taken) for job, taken in minutes.items() if job != "health")
    assert variables["migrations_record"] == "{{ titan_state }}/migrations.json"
    assert variables["crontab_state_dir"] == "{{ titan_state }}", "where health looks for the record"
