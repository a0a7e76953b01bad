# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The variables of a host that are nearly called like one of the collection's roles."""

from __future__ import annotations

DOCUMENTATION = r"""
name: misspelt_variables
author: titan.database contributors (@titan-database)
version_added: 0.2.0
short_description: Variables that resemble one of a role of this collection
description:
  - Returns a sentence for each variable of the host whose name starts with the name of a role of this collection and is close to
    a variable of that role without being one, such as C(backup_verfy). Such a variable has no effect.
  - Other variables with such a prefix are yours, and are not returned.
options: {}
"""

EXAMPLES = r"""
- name: Refuse misspelt variables
  ansible.builtin.assert:
    that: query('titan.database.misspelt_variables') | length == 0
    fail_msg: "{{ query('titan.database.misspelt_variables') | join(' ') }}"
"""

RETURN = r"""
_raw:
  description: Sentences, each with the name and the nearest one.
  type: list
  elements: str
"""

from pathlib import Path
from typing import Any

from ansible.plugins.lookup import LookupBase
from ansible_collections.titan.database.plugins.plugin_utils.variables import known_names, misspelt

COLLECTION = Path(__file__).resolve().parents[2]


class LookupModule(LookupBase):
    """See DOCUMENTATION."""

    def run(self, terms: list[Any], variables: dict[str, Any] | None = None, **kwargs: Any) -> list[str]:
        roles, known = known_names(COLLECTION)
        return [
            f"{name} is no variable of {_whose(name.partition('_')[0])}; did you mean {nearest}?"
            for name, nearest in misspelt(map(str, variables or {}), roles, known)
        ]


def _whose(prefix: str) -> str:
    return f"the role {prefix}" if (COLLECTION / "roles" / prefix).is_dir() else "this collection"
