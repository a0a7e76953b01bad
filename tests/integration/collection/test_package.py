# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The collection as it is handed out: built, installed elsewhere without the network, and what it depends on."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.integration.collection.test_site import ROOT, copy_checkout

BIN = Path(sys.executable).parent


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory of collections that holds this one and no other, from the built archive."""
    copy = tmp_path_factory.mktemp("checkout")
    copy_checkout(copy)
    folder = tmp_path_factory.mktemp("elsewhere")

    def galaxy(*words: str) -> None:
        command = [BIN / "ansible-galaxy", "collection", *words]
        done = subprocess.run(
            command, cwd=folder, env=_environment(folder), capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr

    galaxy("build", str(copy), "--output-path", str(folder))
    (archive,) = folder.glob("titan-database-*.tar.gz")
    galaxy("install", str(archive), "--no-deps", "--offline", "-p", str(folder / "collections"))
    return folder


def _environment(folder: Path) -> dict[str, str]:
    """Nothing of this checkout: no ansible.cfg, no link, and a home of its own."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith("ANSIBLE_")}
    places = str(folder / "collections")
    return {
        **kept,
        "HOME": str(folder),
        "ANSIBLE_COLLECTIONS_PATH": places,
        "ANSIBLE_COLLECTIONS_SCAN_SYS_PATH": "false",
    }


def ansible(folder: Path, program: str, *words: str) -> subprocess.CompletedProcess[str]:
    command = [BIN / program, *words]
    # Python's own files in the collection would count as changes of it.
    env = {**_environment(folder), "PYTHONDONTWRITEBYTECODE": "1"}
    return subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, check=False)


def test_it_depends_on_one_collection_and_says_so_everywhere(installed: Path) -> None:
    manifest = json.loads(
        (installed / "collections/ansible_collections/titan/database/MANIFEST.json").read_text(encoding="utf-8")
    )
    declared = manifest["collection_info"]["dependencies"]
    required = yaml.safe_load((ROOT / "requirements.yml").read_text(encoding="utf-8"))["collections"]
    assert declared == {item["name"]: item["version"] for item in required} == {"community.postgresql": ">=4.0.0"}


def test_only_the_roles_of_the_bootstrap_use_it() -> None:
    users = {
        path.relative_to(ROOT).parts[:2]
        for folder in ("playbooks", "roles", "plugins", "inventories", "examples")
        for path in (ROOT / folder).rglob("*.yml")
        if any(_foreign_actions(yaml.safe_load(path.read_text(encoding="utf-8"))))
    }
    assert users == {("roles", "access"), ("roles", "server")}


def _foreign_actions(data: Any) -> list[str]:
    """Full names of modules and roles, in tasks however deeply nested, that neither Ansible nor this collection brings."""
    if isinstance(data, list):
        return [name for item in data for name in _foreign_actions(item)]
    if not isinstance(data, dict):
        return []
    names = [key for key in data if isinstance(key, str) and re.fullmatch(r"[a-z_]+(\.[a-z_]+){2,}", key)]
    own = ("ansible.builtin.", "titan.database.")
    return [name for name in names if not name.startswith(own)] + _foreign_actions(list(data.values()))


def test_everything_is_in_it_and_nothing_of_a_workshop(installed: Path) -> None:
    root = installed / "collections/ansible_collections/titan/database"
    shipped = {path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file()}
    for folder in ("plugins/modules", "playbooks", "roles", "docs"):
        ours = {path.relative_to(ROOT).as_posix() for path in (ROOT / folder).rglob("*") if path.is_file()}
        assert {name for name in ours if "__pycache__" not in name} <= shipped, folder
    assert not [
        name for name in shipped if re.match(r"(\.venv|\.demo|\.git/|\.cache|molecule|inventories|build)", name)
    ]


def test_it_works_where_no_other_collection_is(installed: Path) -> None:
    listed = ansible(installed, "ansible-doc", "-l", "titan.database")
    assert listed.returncode == 0, listed.stderr
    modules = {path.stem for path in (ROOT / "plugins" / "modules").glob("*.py")}
    assert set(re.findall(r"^titan\.database\.(\w+)", listed.stdout, flags=re.M)) == modules
    (installed / "hosts").write_text("[production]\nbox ansible_connection=local\n")
    for path in sorted((ROOT / "playbooks").glob("*.yml")):
        name = f"titan.database.{path.stem}"
        done = ansible(installed, "ansible-playbook", "-i", "hosts", "-l", "production", "--syntax-check", name)
        said = done.stdout + done.stderr
        if path.stem != "bootstrap":
            assert done.returncode == 0, said
        elif done.returncode:
            assert "community.postgresql" in said
    verified = ansible(installed, "ansible-galaxy", "collection", "verify", "titan.database", "--offline")
    assert verified.returncode == 0, verified.stdout + verified.stderr
