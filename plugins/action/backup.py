# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The controller's side of the module titan.database.backup."""

from __future__ import annotations

from ansible_collections.titan.database.plugins.plugin_utils.by_command import EngineAction


class ActionModule(EngineAction):
    """See the documentation of the module titan.database.backup."""

    MODULE = "titan.database.backup"
