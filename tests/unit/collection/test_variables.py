# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A misspelt variable is found with the nearest name; whatever is somebody's own, or known, is not."""

from __future__ import annotations

import random
import re

import pytest
import yaml
from ansible_collections.titan.database.plugins.plugin_utils.variables import known_names, misspelt

from tests.conftest import ROOT

ROLES, KNOWN = known_names(ROOT)


@pytest.mark.parametrize(
    ("given", "nearest"),
    [
        ("backup_verfy", "backup_verify"),
        ("backup_keeep", "backup_keep"),
        ("retention_max_fracton", "retention_max_fraction"),
        ("crontab_jbos", "crontab_jobs"),
        ("host_directorys", "host_directories"),
        ("migrations_pathes", "migrations_path"),
        ("alerts_notfy", "alerts_notify"),
        ("access_role", "access_roles"),
        ("server_hab", "server_hba"),
        ("host_evn", "host_env"),
        ("reindex_max_runtim", "reindex_max_runtime"),
    ],
)
def test_a_misspelt_one_is_found_with_the_nearest_name(given: str, nearest: str) -> None:
    assert misspelt([given], ROLES, KNOWN) == [(given, nearest)]


@pytest.mark.parametrize(
    "own",
    [
        "backup_server",
        "host_vars_files",
        "hostname",
        "backup",
        "host_",
        "titan_user",
        "ansible_user",
        "crontab",
        "access_token",
    ],
)
def test_what_is_somebodys_own_is_left_alone(own: str) -> None:
    assert misspelt([own], ROLES, KNOWN) == []


def test_no_variable_of_ours_is_misspelt() -> None:
    given = set(KNOWN)
    for path in (*ROOT.glob("inventories/**/*.yml"), *ROOT.glob("molecule/**/*.yml"), *ROOT.glob("docs/*.md")):
        given.update(re.findall(r"^[ -]*([a-z]+_\w+):", path.read_text(encoding="utf-8"), re.M))
    assert misspelt(given, ROLES, KNOWN) == []


def test_every_variable_of_a_role_is_known_and_each_with_a_letter_less_is_found() -> None:
    names = {
        name
        for path in ROOT.glob("roles/*/meta/argument_specs.yml")
        for name in yaml.safe_load(path.read_text(encoding="utf-8"))["argument_specs"]["main"]["options"]
    }
    assert len(names) > 100 and names <= KNOWN
    source = random.Random(7)
    for name in sorted(names):
        prefix, _other, rest = name.partition("_")
        at = source.randrange(len(rest))
        shorter = f"{prefix}_{rest[:at]}{rest[at + 1 :]}"
        if len(rest) > 4 and shorter not in KNOWN:
            assert misspelt([shorter], ROLES, KNOWN), shorter
