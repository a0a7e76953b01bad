# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The playbook report on two databases and a host that is not there, and its page in a real browser."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from ansible_collections.titan.database.plugins.module_utils._engine.postgres.cluster import Cluster

from tests.browser import CHROMIUM, asked, browse
from tests.conftest import ROOT, drop_database, make_database

PLAYBOOK = Path(sys.executable).parent / "ansible-playbook"


class Site:
    """An inventory of three hosts, and the directory of the pages."""

    def __init__(self, folder: Path, databases: dict[str, Any]) -> None:
        self.folder, self.site = folder, folder / "a site"
        hosts: dict[str, Any] = {"gone": {"ansible_host": "127.0.0.1", "ansible_port": 9, "ansible_connection": "ssh"}}
        for name, settings in databases.items():
            (folder / name).mkdir(mode=0o700)
            config = folder / name / "config.json"
            content = {"environment": name, "state_dir": str(folder / name / "state")}
            config.write_text(json.dumps({**content, "jobs": {"backup": {"dest": str(folder / name)}}}))
            hosts[name] = {
                "ansible_connection": "local",
                "crontab_config_path": str(config),
                "titan_login_host": settings.host,
                "titan_login_port": settings.port,
                "titan_login_user": settings.user,
                "titan_login_password": settings.password,
                "titan_login_db": settings.database,
            }
        hosts["one"]["report_rpo"] = "26h"
        variables = {"titan_become": False, "ansible_python_interpreter": sys.executable, "titan_environment": "test"}
        (folder / "hosts.json").write_text(json.dumps({"fleet": {"hosts": hosts, "vars": variables}}))

    def report(self) -> str:
        """What the playbook says; the site's name is typed as one does who stands beside it."""
        command = [PLAYBOOK, "-i", self.folder / "hosts.json", ROOT / "playbooks" / "report.yml", "-l", "fleet"]
        command += ["-e", json.dumps({"report_site": self.site.name})]
        env = {
            **os.environ,
            "ANSIBLE_TIMEOUT": "5",
            "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"),
            "PWD": str(self.folder),
        }
        done = subprocess.run(command, cwd=self.folder, env=env, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def rows(self) -> dict[str, list[str]]:
        root = ElementTree.fromstring((self.site / "index.html").read_text(encoding="utf-8"))
        found = [["".join(cell.itertext()) for cell in row] for row in root.findall(".//tbody/tr")]
        return {row[1]: row for row in found}


@pytest.fixture(scope="module")
def site(server: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    databases = {name: make_database(server) for name in ("one", "two")}
    made = Site(tmp_path_factory.mktemp("fleet"), databases)
    made.report()
    yield made
    for each in databases.values():
        drop_database(server, each.database)


def test_each_host_is_a_row_and_one_that_is_silent_keeps_what_it_told(site: Site) -> None:
    rows = site.rows()
    assert set(rows) == {"one", "two", "gone"}
    assert (
        rows["one"][0] == "critical"
        and "recovery_point: no sound backup is known, and the target is 26 h" in rows["one"][-1]
    )
    assert rows["gone"][0] == "unknown"
    assert "onnect" in rows["gone"][-1] or "sent to remote host" in rows["gone"][-1], "as soon as ssh has ended"
    assert ElementTree.fromstring((site.site / "two.html").read_text(encoding="utf-8")).tag == "html"
    assert not (site.site / "gone.html").exists()
    hosts = json.loads((site.folder / "hosts.json").read_text())
    hosts["fleet"]["hosts"]["two"]["titan_login_port"] = 9  # the database is away
    hosts["fleet"]["hosts"]["one"] |= {"ansible_connection": "ssh", "ansible_port": 9, "ansible_host": "127.0.0.1"}
    del hosts["fleet"]["hosts"]["gone"]
    (site.folder / "hosts.json").write_text(json.dumps(hosts))
    assert "no longer in the inventory, and removed: gone" in site.report()
    later = site.rows()
    assert set(later) == {"one", "two"} and not (site.site / "data" / "gone.json").exists()
    assert later["one"][0] == "unknown" and "no sound backup is known" in later["one"][-1], "what it told last"
    assert later["two"][0] == "critical" and "its page is of" in later["two"][-2] and "connection" in later["two"][-1]


@pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed (Debian package chromium)")
def test_a_browser_sorts_and_filters_and_asks_nobody(site: Site, tmp_path: Path) -> None:
    def shown(fragment: str) -> list[str]:
        done = browse(tmp_path, site.site / "index.html", "--dump-dom", fragment=fragment)
        assert "CONSOLE" not in done.stderr and asked(tmp_path) == []
        body = done.stdout.partition("<tbody>")[2].partition("</tbody>")[0]
        return [
            row.partition("</a>")[0].rpartition(">")[2] for row in body.split("<tr")[1:] if 'hidden=""' not in row[:12]
        ]

    assert sorted(shown("")) == ["one", "two"]
    assert shown("#sort=2") == ["one", "two"] and shown("#sort=-2") == ["two", "one"]
    assert shown("#filter=two%20connection") == ["two"]
