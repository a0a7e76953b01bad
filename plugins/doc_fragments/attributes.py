# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Descriptions of the attributes; each module states its own support."""

from __future__ import annotations


class ModuleDocFragment:
    """Extended by modules with C(titan.database.attributes)."""

    DOCUMENTATION = r"""
options: {}
attributes:
  check_mode:
    description: Can run in C(check_mode) and return the result that a real run would have, writing nothing at all.
  diff_mode:
    description: Returns what has changed, or would change in check mode, when in diff mode.
  idempotent:
    description: Reports C(changed) exactly when something was done; a second run does nothing.
"""

    ACTION_GROUP = r"""
options: {}
attributes:
  action_group:
    description: Use C(group/titan.database.database) in C(module_defaults) to give connection options once.
    support: full
    membership:
      - titan.database.database
"""
