# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Removing the backups that a plan lets go."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable

from ...host.files import sync_directory
from ...steps import step
from ..catalog.manifest_file import manifest_path
from ..catalog.read import files_of
from .plan import KeepPlan

_AT_ONCE = 100


def remove_backups(plan: KeepPlan) -> list[str]:
    """Remove what the plan says; return the paths of the dumps that are gone.

    No dump is ever there without its manifest, whatever a crash leaves: the manifests of some go when the disk has it that
    their dumps are gone. One of its own for each would take most of the time.
    """
    removed = []
    for first in range(0, len(plan.remove), _AT_ONCE):
        some = plan.remove[first : first + _AT_ONCE]
        manifests = []
        for entry in some:
            step("backup.remove")
            *dumps, manifest = files_of(entry) or [""]
            if manifest != manifest_path(entry.path):
                dumps, manifest = [*dumps, manifest], ""
            manifests.append(manifest)
            _unlink(dumps)
        folders = {os.path.dirname(entry.path) for entry in some}
        _sync(folders)
        step("backup.remove_manifests")
        _unlink(manifests)
        _sync(folders)
        removed += [entry.path for entry in some if not os.path.lexists(entry.path)]
    return removed


def _unlink(paths: Iterable[str]) -> None:
    for path in filter(None, paths):
        if os.path.isdir(path) and not os.path.islink(path):
            shutil.rmtree(path)
        else:
            os.unlink(path)


def _sync(folders: Iterable[str]) -> None:
    for folder in folders:
        sync_directory(folder)
