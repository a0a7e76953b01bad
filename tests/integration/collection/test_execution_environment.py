# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The Execution Environment's definition, as far as it goes without a container registry: the build context, the command
that puts the collection into the image, and what is read from the collection there. No image is built here."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests.integration.collection.test_site import ROOT, copy_checkout

BIN = Path(sys.executable).parent


def tool(name: str) -> str:
    """A program of this Python environment (requirements/test.txt has both)."""
    if not (BIN / name).exists():
        pytest.skip(f"{name} is not installed here")
    return str(BIN / name)


def run(*command: str, cwd: Path) -> str:
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def context(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What ansible-builder makes of the definition in a copy of the checkout."""
    builder = tool("ansible-builder")
    copy = tmp_path_factory.mktemp("checkout")
    copy_checkout(copy)
    run(str(BIN / "ansible-galaxy"), "collection", "build", cwd=copy)
    run(builder, "create", "--output-filename", "Containerfile", cwd=copy)
    return copy / "context"


def test_the_context_has_what_the_definition_names(context: Path) -> None:
    containerfile = (context / "Containerfile").read_text(encoding="utf-8")
    assert 'ARG PYCMD="/usr/local/bin/python3"' in containerfile, "where the base image has its Python"
    wanted = yaml.safe_load((ROOT / "requirements.yml").read_text(encoding="utf-8"))
    assert yaml.safe_load((context / "_build" / "requirements.yml").read_text(encoding="utf-8")) == wanted
    pinned = (ROOT / "requirements" / "demo.txt").read_text(encoding="utf-8").splitlines()
    (driver,) = [line for line in pinned if line.startswith("psycopg2-binary==")]
    (core,) = [line.partition(";")[0] for line in pinned if line.startswith("ansible-core==") and ">=" in line]
    assert driver in (context / "_build" / "requirements.txt").read_text(encoding="utf-8").splitlines()
    assert core in containerfile


def test_the_collection_is_installed_and_found_in_it(context: Path, tmp_path: Path) -> None:
    lines = (context / "Containerfile").read_text(encoding="utf-8").splitlines()
    (line,) = [line for line in lines if line.startswith("RUN ansible-galaxy") and "titan-database" in line]
    assert lines.index(line) < lines.index("# Builder build stage")
    command = (
        line.removeprefix("RUN ").replace("/build/", f"{context}/_build/").replace("/usr/share/ansible", str(tmp_path))
    )
    run("sh", "-c", command.replace("ansible-galaxy", shlex.quote(str(BIN / "ansible-galaxy")), 1), cwd=tmp_path)
    assert (tmp_path / "collections/ansible_collections/titan/database/MANIFEST.json").exists()
    # The builder stage's question: which packages do the collections of the image want?
    found = yaml.safe_load(run(tool("ansible-builder"), "introspect", str(tmp_path / "collections"), cwd=tmp_path))
    assert "titan.database" in str(found["system"]) and "openssh-client" in str(found["system"])


def test_bindep_reads_the_packages(context: Path) -> None:
    """On this system: silent with all of them present, or naming what is missing and nothing else."""
    bindep = tool("bindep")
    if not shutil.which("dpkg-query"):
        pytest.skip("no Debian packages here")
    done = subprocess.run(
        [bindep, "-b", "-f", str(context / "_build" / "bindep.txt")], capture_output=True, text=True, check=False
    )
    assert done.returncode in (0, 1) and set(done.stdout.split()) <= {"openssh-client"}, done.stdout + done.stderr
    listed = run(bindep, "--list_all", "newline", "-f", str(context / "_build" / "bindep.txt"), cwd=context)
    assert set(re.findall(r"\S+", listed)) == {"openssh-client"}
