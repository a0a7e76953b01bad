#!/usr/bin/python
# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The index of the pages of all environments."""

from __future__ import annotations

DOCUMENTATION = r"""
module: report_index
short_description: Write the page of all environments
version_added: "0.2.0"
description:
  - Writes C(index.html) into a directory that M(titan.database.report_info) has put pages and data into. Every host is one row, the worst first.
  - Run it on the controller, once, after all hosts were asked. A host that could not be asked keeps what it told last, and the page says since when.
  - The page needs no server and asks for nothing outside itself. Browsers that run its script can sort and filter it; it can be read without.
extends_documentation_fragment:
  - titan.database.attributes
attributes:
  check_mode:
    support: full
  diff_mode:
    support: none
  idempotent:
    support: none
    details: The page says when it was made, so it is written at each call.
seealso:
  - module: titan.database.report_info
options:
  site:
    description:
      - Directory B(on the controller) that the site is written to. It is created if it does not exist.
    type: path
    required: true
  asked:
    description:
      - The hosts that were asked, each with the reason why that failed, or an empty text if it did not.
    type: dict
    required: true
  inventory:
    description:
      - All hosts of the inventory. What the site keeps of a host that is not among them is removed.
      - If not given, nothing is removed.
    type: list
    elements: str
author:
  - titan.database contributors (@titan-database)
"""

EXAMPLES = r"""
- name: Write the page of all environments
  titan.database.report_index:
    site: /srv/www/databases
    asked:
      db1.example.com: ""
      db2.example.com: "Failed to connect to the host via ssh: No route to host"
    inventory: "{{ groups['all'] }}"
  delegate_to: localhost
  run_once: true
  become: false
"""

RETURN = r"""
path:
  description: The file of the page.
  returned: success
  type: str
  sample: /srv/www/databases/index.html
states:
  description: The state of each host on the page; V(ok), V(warning), V(unknown) or V(critical).
  returned: success
  type: dict
  sample:
    db1.example.com: ok
removed:
  description: Hosts that are no longer in the inventory, and whose pages are removed.
  returned: success
  type: list
  elements: str
  sample: [db0.example.com]
summary:
  description: One sentence for people.
  returned: success
  type: str
  sample: "1 unknown, 1 ok; the page is /srv/www/databases/index.html"
"""

from ansible_collections.titan.database.plugins.module_utils._engine.fleet import options, site
from ansible_collections.titan.database.plugins.module_utils._host_module import run_host_module


def main() -> None:
    run_host_module(site.report_index, options.REPORT_INDEX)


if __name__ == "__main__":
    main()
