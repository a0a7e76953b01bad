# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The hosts line of the collection's playbooks: without a limit there are no hosts."""

from __future__ import annotations

DOCUMENTATION = r"""
name: limited_hosts
author: titan.database contributors (@titan-database)
version_added: 0.2.0
short_description: Hosts of a play that acts only with a limit
description:
  - For the C(hosts) line of a play. Returns the given patterns if a limit was given (C(-l)), and nothing otherwise, so that
    the play matches no hosts. No option that selects tasks (C(--tags), C(--skip-tags), C(--start-at-task)) changes that.
  - Fails if the limit names nothing (a blank, or C(@file) of a file without a name), which Ansible takes for no limit at all.
  - Needs a play before it in the same run to see the variables of hosts; without one it knows the usual names of groups only.
  - Fails if one of the hosts is in the groups of two environments, or if its group and its variables name different
    environments (C(titan_environment), or else C(crontab_environment)). A group is an environment if the variables of one of
    its hosts name it, or if it has a usual name such as C(production) or C(staging).
options:
  _terms:
    description: Patterns of hosts, as in the C(hosts) line of a play.
    type: list
    elements: str
    required: true
"""

EXAMPLES = r"""
- name: Act on the environment that -l names
  hosts: "{{ query('titan.database.limited_hosts', 'all') }}"
  gather_facts: false
  tasks:
    - name: Show what is pending
      titan.database.migration_info:
        path: migrations
"""

RETURN = r"""
_raw:
  description: The patterns, or an empty list without a limit.
  type: list
  elements: str
"""

from typing import Any

from ansible.errors import AnsibleError
from ansible.inventory.manager import InventoryManager, split_host_pattern
from ansible.plugins.lookup import LookupBase
from ansible_collections.titan.database.plugins.plugin_utils.environments import conflict, named


class LookupModule(LookupBase):
    """See DOCUMENTATION."""

    def run(self, terms: list[Any], variables: dict[str, Any] | None = None, **kwargs: Any) -> list[Any]:
        given = variables or {}
        limit = given.get("ansible_limit")
        if not limit:
            return []
        if not named(split_host_pattern(str(limit))):
            raise AnsibleError(
                f"The limit -l {str(limit)!r} names no host, which Ansible takes for no limit at all, so nothing was done. Add -l ENVIRONMENT, "
                "or name a host in that file."
            )
        groups = {str(name): [str(host) for host in hosts] for name, hosts in given["groups"].items()}
        problem = conflict(
            self._limited(terms, str(limit), groups), groups, _Declared(given.get("hostvars", {})), str(limit)
        )
        if problem:
            raise AnsibleError(problem)
        return list(terms)

    def _limited(self, terms: list[Any], limit: str, groups: dict[str, list[str]]) -> list[str]:
        """Names of the hosts that match the patterns and the limit."""
        inventory = InventoryManager(self._loader, parse=False)
        for group, hosts in groups.items():
            inventory.add_group(group)
            for host in hosts:
                inventory.add_host(host, group=group)
        inventory.subset(limit)
        return [host.name for host in inventory.get_hosts(pattern=terms)]


class _Declared:
    """The environment that a host's variables name; an empty string if they name none, or before the run's first play."""

    def __init__(self, hostvars: Any) -> None:
        self._hostvars = hostvars
        self._known: dict[str, str] = {}

    def __call__(self, host: str) -> str:
        if host not in self._known:
            try:
                own = self._hostvars[host]
                self._known[host] = str(own.get("titan_environment") or own.get("crontab_environment") or "")
            except Exception:  # noqa: BLE001 - a variable that cannot be computed yet names nothing
                self._known[host] = ""
        return self._known[host]
