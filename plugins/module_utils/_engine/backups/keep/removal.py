# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Removing the backups that a plan lets go."""

from __future__ import annotations

import os
import shutil

from ...host.files import sync_directory
from ...steps import step
from ..catalog.read import files_of
from .plan import KeepPlan


def remove_backups(plan: KeepPlan) -> list[str]:
    """Remove what the plan says; return the paths of the dumps that are gone."""
    removed = []
    for entry in plan.remove:
        step("backup.remove")
        for path in files_of(entry):
            if os.path.isdir(path) and not os.path.islink(path):
                shutil.rmtree(path)
            else:
                os.unlink(path)
        sync_directory(os.path.dirname(entry.path))
        if not os.path.lexists(entry.path):
            removed.append(entry.path)
    return removed
