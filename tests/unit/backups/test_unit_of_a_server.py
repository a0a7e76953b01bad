# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What root stops and starts by systemd is named in a record that another user may write."""

from __future__ import annotations

import os
import pwd

import pytest
from ansible_collections.titan.database.plugins.module_utils._engine.backups.place.control import why_not_its_unit

ME = pwd.getpwuid(os.geteuid()).pw_name


@pytest.mark.parametrize(
    "unit",
    [
        "-Hx",
        "--host=x.service",
        "--root=/home/x",
        "poweroff.target",
        "/home/x/own.service",
        "a b.service",
        "x.service\n",
        "",
        "../x.service",
    ],
)
def test_what_is_no_service_is_refused_unasked(unit: str) -> None:
    def asked(_unit: str) -> str:
        raise AssertionError("nobody is asked")

    assert why_not_its_unit(unit, (), os.geteuid(), asked) == "is not a service"


def test_a_service_of_another_user_is_refused() -> None:
    found = {
        "own.service": ME,
        "by-number.service": str(os.geteuid()),
        "other.service": "somebody",
        "roots.service": "",
    }
    said = {unit: why_not_its_unit(unit, (), os.geteuid(), found.__getitem__) for unit in found}
    assert said["own.service"] == said["by-number.service"] == ""
    assert said["other.service"] == f"runs as somebody, not as {ME}"
    assert "runs as root" in why_not_its_unit("roots.service", (), 4_000_000, found.__getitem__)


def test_debians_template_counts_for_the_cluster_that_it_names_only() -> None:
    unit, cluster = "postgresql@1-no-such.service", ("1", "no-such")
    assert "Debian does not know" in why_not_its_unit(unit, cluster, os.geteuid(), lambda _unit: ME)
    assert "runs as" in why_not_its_unit("cron.service", cluster, os.geteuid(), lambda _unit: "somebody")
