# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A private copy of the checkout with a converged demo: the documents' commands are executed there.

The documents speak of Titan's production host; a table turns its names and paths into the demo's. A command line that
stands in several documents is executed once. Of programs that a test cannot have (containers, a copy elsewhere) there are
stand-ins, which say what they were called with.
"""

from __future__ import annotations

import getpass
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import pytest
import yaml

from examples.demo import guides
from tests.integration.access.test_access import collections
from tests.integration.collection.test_site import copy_checkout, demo_call
from tests.integration.docs.blocks import Block

# Programs of the scenarios on real hosts, and of a copy in another building: its files are the demo's own backups.
STAND_INS = {
    ".venv-molecule/bin/molecule": 'echo "molecule $*"; echo "3 passed in 1 s"',
    ".stand-ins/rclone": 'test "$1 $2" = "copy offsite:titan" && cp .demo/backups/*.* "$3"',
    **{f".stand-ins/{name}": "exit 0" for name in ("docker", "dockerd", "mmdebstrap", "iptables")},
    # The real one for evidence; nothing that Molecule would make.
    ".stand-ins/ssh-keygen": 'case "$*" in *evidence*) exec /usr/bin/ssh-keygen "$@" ;; esac',
}


@dataclass
class Place:
    """Where blocks are executed."""

    root: Path
    env: dict[str, str]
    done: dict[str, str] = field(default_factory=dict)
    needs: tuple[str, ...] = ()

    @property
    def demo(self) -> Path:
        return self.root / ".demo"

    def translate(self, text: str) -> str:
        """The demo's names and paths in the places of production's."""
        table = {
            **guides.names(self.demo),
            "ansible-vault encrypt_string": f"ansible-vault encrypt_string --vault-password-file {self.root}/vault",
            "--ask-vault-pass": f"--vault-password-file {self.root}/vault",
            # The demo's server, and its superuser's way in.
            "access_port: 5433": (self.demo / "access").read_text() if "access_port" in text else "",
        }
        return guides.translated(text, table)

    def run(self, block: Block) -> None:
        """Execute the block.

        Raises:
            AssertionError: with the block's place and everything that was printed, when it does not end as it should.
        """
        text = self.translate(block.text)
        if block.mark in ("file", "added to"):
            target = self.root / self.translate(block.value)
            assert target.resolve().is_relative_to(self.root.resolve()), block.place
            target.parent.mkdir(parents=True, exist_ok=True)
            with target.open("a" if block.mark == "added to" else "w", encoding="utf-8") as file:
                file.write(text)
            return
        if block.language == "yaml":
            data = yaml.safe_load(text)
            if isinstance(data, dict):
                return  # variables: tests/unit/docs holds them against the roles' argument_specs
            command = ["ansible-playbook", "-l", "demo", self._playbook(data)]
        elif block.language == "sql":
            command = [".demo/psql", "-X", "-v", "ON_ERROR_STOP=1", "-f", self._file(text, ".sql")]
        else:
            command = ["sh", "-eu", "-c", guides.typed(self._not_yet_done(text, block.document))]
        done = subprocess.run(
            command,
            cwd=self.root,
            env={**self.env, **self._login()},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=300,
            check=False,
        )
        said = f"{block.place} ended with status {done.returncode}:\n{block.text}\n{done.stdout[-6000:]}"
        if block.mark == "fails":
            assert done.returncode != 0 and block.value in " ".join(done.stdout.split()), said
        else:
            assert done.returncode == 0, said

    def _login(self) -> dict[str, str]:
        """What psql needs, out of the env file as it is now: a guide may have rotated the password."""
        file = self.demo / "app" / ".env"
        if not file.exists():
            return {}
        url = urlsplit(file.read_text().split("'")[1])
        values = (url.hostname, url.port, url.username, unquote(url.password or ""), url.path.lstrip("/"))
        return dict(zip(("PGHOST", "PGPORT", "PGUSER", "PGPASSWORD", "PGDATABASE"), map(str, values)))

    def _not_yet_done(self, text: str, document: str) -> str:
        """The text without the plain command lines that another document has had executed."""
        left = []
        for line in text.splitlines():
            command = re.sub(r"\s+#.*", "", line).strip()
            plain = command.startswith(("ansible-playbook ", "titan-db ")) and not line.endswith("\\")
            if not plain or self.done.setdefault(command, document) == document:
                left.append(line)
        return "\n".join(left)

    def _file(self, text: str, suffix: str) -> str:
        handle, name = tempfile.mkstemp(suffix, dir=self.root)
        os.write(handle, text.encode())
        os.close(handle)
        return name

    def _playbook(self, data: list[dict[str, Any]]) -> str:
        """A file with the plays; bare tasks get a play around them with the demo's connection."""
        if not any("hosts" in item or "import_playbook" in item for item in data):
            defaults = {"group/titan.database.database": {"env_file": f"{self.demo}/app/.env"}}
            data = [{"hosts": "demo", "gather_facts": False, "module_defaults": defaults, "tasks": data}]
        return self._file(json.dumps(data), ".yml")


def _virtual_environment(root: Path) -> None:
    """A .venv that is this one, with stamps newer than the copied requirements, so that make installs nothing."""
    folder = root / ".venv"
    folder.mkdir()
    for name in ("bin", "lib", "include", "pyvenv.cfg"):
        if (Path(sys.prefix) / name).exists():
            (folder / name).symlink_to(Path(sys.prefix) / name)
    for name, text in STAND_INS.items():
        program = root / name
        program.parent.mkdir(parents=True, exist_ok=True)
        program.write_text(f"#!/bin/sh\n{text}\n")
        program.chmod(0o755)
    for name in (".venv/demo", ".venv/test", ".venv-molecule/molecule"):
        (root / f"{name}.stamp").touch()


def _superuser(demo: Path, env: dict[str, str]) -> None:
    """The variables of the role access, with a superuser of this user's name."""
    socket, port = (demo / "server").resolve() / "cluster" / "s", (demo / "port").read_text()
    user, psql = getpass.getuser(), [demo / "psql", "-U", "postgres", "-X", "-q"]
    subprocess.run([*psql, "-c", f'CREATE ROLE "{user}" SUPERUSER LOGIN'], env=env, check=True)
    values = {"port": port, "socket": str(socket), "superuser": user, "host": "127.0.0.1", "packages": []}
    (demo / "access").write_text("\n".join(f"access_{name}: {value}" for name, value in values.items()))


def _community_postgresql(root: Path) -> tuple[str, ...]:
    """Put the collection where ansible-galaxy would install it, if it is here; what is here."""
    try:
        found = Path(collections()) / "ansible_collections" / "community" / "postgresql"
    except pytest.skip.Exception:
        return ()
    target = root / "collections" / "ansible_collections" / "community" / "postgresql"
    target.parent.mkdir(exist_ok=True)
    target.symlink_to(found)
    return ("community.postgresql",)


@pytest.fixture(scope="module")
def place() -> Iterator[Place]:
    """The copy, after a first converge."""
    root = Path(tempfile.mkdtemp(prefix="titan-docs-"))
    root.chmod(0o755)
    copy_checkout(root)
    _virtual_environment(root)
    path = f"{root}/.stand-ins:{root}/.demo/bin:{root}/.venv/bin:{root}/.demo/programs:{os.environ['PATH']}"
    env = {**os.environ, "PATH": path, "HOME": str(root)}
    (root / "vault").write_text("the vault's password")
    converge = "ansible-playbook site.yml -l demo"
    try:
        demo_call(root, "cluster = demo.prepared_cluster(); demo.load_titan(cluster, '0.2'); demo.write_psql(cluster)")
        made = subprocess.run(converge.split(), cwd=root, env=env, capture_output=True, text=True, check=False)
        assert made.returncode == 0, made.stdout[-6000:] + made.stderr[-2000:]
        _superuser(root / ".demo", env)
        yield Place(root, env, {converge: "the beginning"}, _community_postgresql(root))
    finally:
        demo_call(root, "demo.clean()")
        shutil.rmtree(root, ignore_errors=True)
