# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which environment a host belongs to, by its groups and by its variables, and whether they say the same."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

# Groups with these names are environments, whatever their hosts' variables say.
USUAL = frozenset(
    (
        "production", "prod", "live", "staging", "stage", "preproduction", "preprod",
        "development", "devel", "dev", "testing", "test", "qa", "uat", "demo",
    )
)  # fmt: skip
_NO_ENVIRONMENT = ("all", "ungrouped")


def named(patterns: Sequence[str]) -> list[str]:
    """Those patterns of a limit, and of its files (``@path``), that are not blank.

    Raises:
        OSError: a file cannot be read; Ansible has said that before.
    """
    found: list[str] = []
    for pattern in patterns:
        found += Path(pattern[1:]).read_text("utf-8", "replace").splitlines() if pattern.startswith("@") else [pattern]
    return [pattern for pattern in found if pattern.strip(" \t:!&~")]


def conflict(
    hosts: Sequence[str], groups: Mapping[str, Sequence[str]], declared: Callable[[str], str], limit: str = ""
) -> str:
    """Why these hosts must not be acted on together with this inventory, as one sentence, or an empty string.

    Args:
        hosts: The hosts that would be acted on.
        groups: The inventory's groups with the names of their hosts.
        declared: The environment that a host's variables name, or an empty string.
        limit: The limit that was given, for the message.
    """
    for host in hosts:
        own = [name for name in sorted(groups) if name not in _NO_ENVIRONMENT and host in groups[name]]
        named = declared(host)
        found = [name for name in own if _is_environment(name, groups[name], declared)]
        if len(found) > 1:
            return (
                f"Host {host} is in the groups of the environments {' and '.join(found)}, so variables of one would act on the other. "
                "Give the machine one name for each environment in the inventory, with the same ansible_host "
                "(docs/bootstrap.md, Two environments on one machine)."
            )
        if found and named and found[0] != named:
            return (
                f"Host {host}, limited by -l {limit}, is in the group of the environment {found[0]}, but its variables name the "
                f"environment {named} (titan_environment). Correct the variables of the group {found[0]}."
            )
    return ""


def _is_environment(group: str, members: Sequence[str], declared: Callable[[str], str]) -> bool:
    return group in USUAL or any(declared(member) == group for member in members)
