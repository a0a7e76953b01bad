"""Roles say the same in argument_specs and defaults, and each has what a user looks for."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[3]
ROLES = sorted(path.name for path in (ROOT / "roles").iterdir())


def load(path: Path) -> dict:
    return yaml.safe_load(path.read_text(encoding="utf-8")) or {}


@pytest.mark.parametrize("role", ROLES)
def test_argument_specs_equal_the_defaults(role: str) -> None:
    options = load(ROOT / "roles" / role / "meta" / "argument_specs.yml")["argument_specs"]["main"]["options"]
    defaults = load(ROOT / "roles" / role / "defaults" / "main.yml")
    documented = {name: option.get("default") for name, option in options.items() if not option.get("required")}
    assert documented == defaults
    assert not [name for name, option in options.items() if option.get("required") and "default" in option]


@pytest.mark.parametrize("role", ROLES)
def test_every_variable_has_the_roles_prefix(role: str) -> None:
    names = load(ROOT / "roles" / role / "meta" / "argument_specs.yml")["argument_specs"]["main"]["options"]
    assert [name for name in names if not name.startswith(f"{role}_")] == []


@pytest.mark.parametrize("role", ROLES)
def test_a_role_has_a_readme_and_tags(role: str) -> None:
    assert f"titan.database.{role}" in (ROOT / "roles" / role / "README.md").read_text(encoding="utf-8")
    tasks = load(ROOT / "roles" / role / "tasks" / "main.yml")
    assert tasks
    assert all(role in task.get("tags", []) or "block" in task for task in tasks), "each task carries the role's tag"


def test_there_are_roles() -> None:
    assert {"host", "migrations", "retention", "backup", "crontab"} <= set(ROLES)


def test_the_jobs_configuration_has_a_place_by_default() -> None:
    text = (ROOT / "roles" / "crontab" / "defaults" / "main.yml").read_text(encoding="utf-8")
    assert yaml.safe_load(text)["crontab_config_path"] == "/etc/titan-db/{{ crontab_environment }}.json"


@pytest.mark.parametrize("role", ROLES)
def test_each_role_names_its_platforms(role: str) -> None:
    info = yaml.safe_load((ROOT / "roles" / role / "meta" / "main.yml").read_text(encoding="utf-8"))["galaxy_info"]
    spec = yaml.safe_load((ROOT / "roles" / role / "meta" / "argument_specs.yml").read_text(encoding="utf-8"))
    assert (
        info["description"] == spec["argument_specs"]["main"]["short_description"] and len(info["description"]) <= 255
    )
    assert [platform["name"] for platform in info["platforms"]] == ["Debian"]
    required = yaml.safe_load((ROOT / "meta" / "runtime.yml").read_text(encoding="utf-8"))["requires_ansible"]
    assert required == f">={info['min_ansible_version']}.0"
