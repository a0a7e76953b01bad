# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""site.yml against twenty hosts with ten forks: three converges are timed (all to do, nothing, one file), every host ends complete."""

from __future__ import annotations

import json
import time

from conftest import ROOT, Environment, hosts_of, machine, playbook, recap

HOSTS = hosts_of("production")


def converge(*more: str) -> dict[str, object]:
    begun = time.monotonic()
    done = playbook("site.yml", "-l", "production", "--forks", "10", *more)
    seconds = round(time.monotonic() - begun, 1)
    tasks = recap(done, "ok")
    return {
        "seconds": seconds,
        "seconds per host": round(seconds / len(HOSTS), 2),
        "tasks per host": sorted(set(tasks.values())),
        "changed": recap(done),
    }


def test_twenty_hosts():
    assert len(HOSTS) == 20
    first, second = converge(), converge()
    assert all(first["changed"].values()) and second["changed"] == dict.fromkeys(HOSTS, 0)
    for name in HOSTS:
        environment = Environment(machine(name), "production")
        history = environment.sql("SELECT version FROM titan_ops.migration_history ORDER BY id")
        assert [row[0] for row in history] == ["0010", "0011"], name
        assert environment.json("list")["newest_verified"], name
        assert environment.line("backup")
    third = converge("-e", "retention_max_fraction=0.37")
    assert third["changed"] == dict.fromkeys(HOSTS, 1)
    figures = {"hosts": len(HOSTS), "first": first, "second": second, "third": third}
    target = ROOT / ".cache" / "molecule" / "fleet.json"
    target.write_text(json.dumps(figures, indent=2), encoding="utf-8")
