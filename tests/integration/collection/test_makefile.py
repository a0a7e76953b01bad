# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The Makefile's own recipes in checkouts with awkward paths: every tool is a stand-in that tells where and how it was called."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import ROOT

PATHS = ["a clone", 'it\'s 100% "odd" $HOME; `x` & (y)']
COPIED = ["Makefile", "requirements", "tests/venv.sh", "tests/sanity.sh", "molecule"]
TOOLS = ("python", "ruff", "mypy", "yamllint", "ansible-lint", "antsibull-docs", "antsibull-changelog", "molecule")
# What each target has to call, in this order; "python" is the interpreter of .venv, "the python" the one that makes it.
CALLS = {
    "demo": ["python examples/demo/demo.py run"],
    "demo-picture": ["python examples/demo/demo.py run", "python examples/demo/picture.py"],
    "pictures": ["python examples/demo/picture.py", "python -m tools.pictures.make"],
    "options": ["python -m tools.options"],
    "picture": ["python -m tools.picture"],
    "dashboard": ["python -m tools.monitoring"],
    "demo-stop": ["python examples/demo/demo.py stop"],
    "demo-clean": ["python examples/demo/demo.py clean"],
    "unit": ["python -m pytest -n 4 --dist loadfile --no-loadscope-reorder --durations=10 -m not slow"],
    "test-slow": ["python -m pytest -n 4 --dist loadfile --no-loadscope-reorder --durations=10 -m slow"],
    "lint": [
        "ruff check .",
        "ruff format --check -q .",
        "mypy plugins/module_utils/_engine",
        "yamllint -s .",
        "ansible-lint",
    ],
    "docs-lint": ["antsibull-docs lint-collection-docs", "antsibull-changelog lint"],
    "reference": ["antsibull-docs collection --use-current --dest-dir build/reference titan.database"],
    "site": ["python -m tools.site.build build/site"],
    "sanity": ["ansible-galaxy collection install", "ansible-test sanity --local"],
    "molecule": ["molecule test -s default --destroy always"],
    "clean": ["python examples/demo/demo.py clean"],
}
CALLS["test"] = [*CALLS["lint"], *CALLS["docs-lint"], *CALLS["unit"]]
NOTE = 'printf "%s|%s|%s|%s\\n" "${0##*/} $*" "$PWD" "$(command -v ruff)" "$ANSIBLE_COLLECTIONS_PATH" >>"$CALLS"\n'
MORE = {
    "molecule": "echo '3 passed in 1 s'",
    "ansible-galaxy": 'mkdir -p "$5/ansible_collections/titan/database"',
    "ansible-test": "for n in $(seq 25); do echo 'Running sanity test'; done",
    "antsibull-docs": 'test "$1" = collection && touch build/reference/a.rst || true',
}


def program(path: Path, name: str) -> None:
    path.mkdir(parents=True, exist_ok=True)
    (path / name).write_text(f"#!/bin/sh\n{NOTE}{MORE.get(name, 'exit 0')}\n")
    (path / name).chmod(0o755)


class Checkout:
    """A copy of what make needs, with stand-ins for all that it calls."""

    def __init__(self, root: Path) -> None:
        self.root = root
        for name in COPIED:
            source, target = ROOT / name, root / name
            target.parent.mkdir(parents=True, exist_ok=True)
            if source.is_dir():
                shutil.copytree(source, target, symlinks=True)
            else:
                shutil.copy2(source, target)
        for name in TOOLS:
            program(root / ".venv" / "bin", name)
        program(root / ".venv-molecule" / "bin", "molecule")
        program(root / ".venv-site" / "bin", "python")
        for name in ("docker", "dockerd", "mmdebstrap", "iptables", "ssh-keygen"):
            program(root / "stand-ins", name)
        for name in ("ansible-galaxy", "ansible-test"):
            program(root / "a cache" / "core-9.9" / "bin", name)
        for name in (".venv/demo", ".venv/test", ".venv-molecule/molecule", ".venv-site/site"):
            (root / f"{name}.stamp").touch()
        (root / ".demo").mkdir()

    def make(self, *arguments: str) -> list[str]:
        """Run make; return the calls of stand-ins, each of which was made from here."""
        calls = self.root / "calls"
        calls.write_text("")
        version = ".".join(map(str, os.sys.version_info[:2]))  # type: ignore[attr-defined]
        env = {
            **os.environ,
            "PATH": f"{self.root}/stand-ins:{os.environ['PATH']}",
            "CALLS": str(calls),
            "TITAN_TEST_CACHE": str(self.root / "a cache"),
            "TITAN_SANITY": f"9.9:{version}",
        }
        for name in ("MAKEFLAGS", "MAKEOVERRIDES", "MAKELEVEL", "WORKERS"):  # of the make that may run these tests
            env.pop(name, None)
        done = subprocess.run(
            ["make", *arguments], cwd=self.root, env=env, capture_output=True, text=True, timeout=120, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
        self.noted = [line.split("|") for line in calls.read_text().splitlines()]
        return [call for call, *_where in self.noted]


@pytest.fixture(params=PATHS)
def checkout(request: pytest.FixtureRequest, workdir: Path) -> Iterator[Checkout]:
    yield Checkout(workdir / request.param)


def targets() -> set[str]:
    return set(re.findall(r"^([a-z-]+):.*?## ", (ROOT / "Makefile").read_text(), re.M))


def test_every_target_is_tried_here() -> None:
    assert targets() == {*CALLS, "help"}


@pytest.mark.skipif(not shutil.which("make"), reason="make is not installed")
@pytest.mark.parametrize("target", CALLS)
def test_a_recipe_in_an_awkward_path(checkout: Checkout, target: str) -> None:
    said = checkout.make(target, "SCENARIOS=default")
    for wanted in CALLS[target]:
        assert [call for call in said if call.startswith(wanted)], said
    ours = [noted for noted in checkout.noted if noted[0].startswith(("ansible-lint", "antsibull"))]
    for _call, where, ruff, _collections in ours:
        assert where == str(checkout.root)
        assert ruff == f"{checkout.root}/.venv/bin/ruff"
    for call, _where, _ruff, collections in ours:
        assert not call.startswith("antsibull-docs") or collections == f"{checkout.root}/collections"


@pytest.mark.skipif(not shutil.which("make"), reason="make is not installed")
def test_the_environment_is_made_by_the_interpreter_that_was_asked_for(checkout: Checkout) -> None:
    shutil.rmtree(checkout.root / ".venv")
    program(checkout.root / "some where", "a python")
    (checkout.root / "some where" / "a python").write_text(
        f'#!/bin/sh\n{NOTE}mkdir -p "$3/bin"\ncp "$0" "$3/bin/python"\n'
    )
    said = checkout.make(".venv/test.stamp", f"PYTHON={checkout.root}/some where/a python".replace("$", "$$"))
    assert said[0] == "a python -m venv .venv"
    assert said[1].startswith("python -m pip install") and said[1].endswith("-r requirements/test.txt")
    assert (checkout.root / ".venv" / "test.stamp").exists()


@pytest.mark.skipif(not shutil.which("make"), reason="make is not installed")
def test_help_names_every_target(checkout: Checkout) -> None:
    done = subprocess.run(["make"], cwd=checkout.root, capture_output=True, text=True, check=True)
    assert set(re.findall(r"^  make ([a-z-]+)", done.stdout, re.M)) == targets()
