"""An option stands in one place: what is committed follows from it, and a new one reaches everything by itself."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from ansible_collections.titan.database.plugins.module_utils._engine.backups.options import BACKUP
from ansible_collections.titan.database.plugins.module_utils._engine.text.options import argument_spec, option, plain

from tests.unit.collection.trees import copy_of_the_tree
from tools import options as made

ROOT = Path(__file__).resolve().parents[3]


@pytest.mark.parametrize("path", sorted(made.texts()), ids=lambda path: str(path.relative_to(ROOT)))
def test_what_is_committed_is_current(path: Path) -> None:
    assert path.read_text(encoding="utf-8") == made.texts()[path], "run: make options"


def test_every_module_with_options_is_made() -> None:
    modules = {path.stem for path in (ROOT / "plugins" / "modules").glob("*.py")}
    assert modules == {call.module for call in made.CALLS if call.module}


def test_yaml_reads_what_was_declared() -> None:
    text = (ROOT / "plugins" / "modules" / "backup.py").read_text(encoding="utf-8")
    documented = yaml.safe_load(text.split('DOCUMENTATION = r"""', 1)[1].split('"""', 1)[0])["options"]
    assert list(documented) == list(BACKUP)
    for name, each in BACKUP.items():
        assert documented[name]["description"] == list(each.description)
        assert documented[name].get("default") == each.default
    assert argument_spec(BACKUP)["keep"]["options"]["days"] == {"type": "int"}


def contents(tree: Path) -> dict[Path, bytes]:
    return {
        path.relative_to(tree): path.read_bytes()
        for path in tree.rglob("*")
        if path.is_file() and path.suffix != ".pyc"
    }


def test_a_new_option_of_backup_is_written_by_hand_in_two_files(tmp_path: Path) -> None:
    tree = copy_of_the_tree(tmp_path)
    engine = tree / "plugins" / "module_utils" / "_engine"
    before = contents(tree)
    declared = engine / "backups" / "declared" / "backup.py"
    text = declared.read_text(encoding="utf-8")
    new = '    "colour": option(\n        "str", "Colour of the backup.", choices=("red", "blue"), default="red", variable="backup_colour"\n    ),\n'
    at = text.index('    "dest": option(')
    declared.write_text(text[:at] + new + text[at:], encoding="utf-8")
    used = engine / "backups" / "operation.py"
    used.write_text(used.read_text(encoding="utf-8") + "\n# call.options['colour'] is used here\n", encoding="utf-8")
    by_hand = {path for path, content in contents(tree).items() if before.get(path) != content}
    assert len(by_hand) == 2, by_hand

    env = {"PATH": os.environ["PATH"], "PYTHONDONTWRITEBYTECODE": "1", "COLUMNS": "200"}
    done = subprocess.run(
        [sys.executable, "-m", "tools.options"], cwd=tree, env=env, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    role = tree / "roles" / "backup"
    specs = yaml.safe_load((role / "meta" / "argument_specs.yml").read_text())["argument_specs"]["main"]["options"]
    assert specs["backup_colour"]["choices"] == ["red", "blue"]
    assert yaml.safe_load((role / "defaults" / "main.yml").read_text())["backup_colour"] == "red"
    filled = yaml.safe_load((role / "vars" / "main.yml").read_text())
    assert filled["backup_job_options"]["backup"]["colour"] == "{{ backup_colour }}"
    assert filled["backup_module_options"]["backup"]["colour"] == "{{ backup_colour }}"
    assert (
        "  colour:\n    description:\n      - Colour of the backup.\n"
        in (tree / "plugins/modules/backup.py").read_text()
    )
    code = (
        "from ansible_collections.titan.database.plugins.module_utils._engine import cli\n"
        "cli.main(['backup', '--help'])"
    )
    help_ = subprocess.run(
        [sys.executable, "-c", code], cwd=tree, text=True, check=False, capture_output=True, env={**env, "PYTHONPATH": "collections"}
    )  # fmt: skip
    assert re.search(r"--colour \{red,blue\}\s+Colour of the backup. \(default: red\)", help_.stdout), (
        help_.stdout + help_.stderr
    )


def test_defaults_stand_nowhere_else() -> None:
    """The default of max_shrink is in its declaration, and in what is made from it."""
    text = json.dumps(BACKUP["max_shrink"].default)
    engine = ROOT / "plugins" / "module_utils" / "_engine"
    places = [
        path.relative_to(engine).as_posix()
        for path in engine.rglob("*.py")
        if re.search(rf"max_shrink\W.{{0,40}}\b{re.escape(text)}\b", path.read_text(encoding="utf-8"), re.S)
        and "option(" not in path.read_text(encoding="utf-8")
    ]
    assert places == []


def test_text_for_a_terminal_has_no_markup() -> None:
    shown = plain(
        "O(keep.days) days, V(0) for none; see M(titan.database.backup) and C(pg_dump --x (a\\)). O(type=auto), E(PATH)."
    )
    assert shown == "--keep.days days, 0 for none; see titan.database.backup and pg_dump --x (a). --type=auto, PATH."
    assert option("list", "x", variable="v").variable_default == []
