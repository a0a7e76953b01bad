# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Read the migration files on the controller and send their texts along with the module: one round trip."""

from __future__ import annotations

from typing import Any

from ansible.errors import AnsibleError
from ansible.utils.display import Display
from ansible_collections.titan.database.plugins.module_utils._engine.errors import TitanError
from ansible_collections.titan.database.plugins.module_utils._engine.migrations.files.directory import (
    read_directory,
    unseen_warning,
)
from ansible_collections.titan.database.plugins.module_utils._engine.migrations.files.naming import NAMINGS, parse_files
from ansible_collections.titan.database.plugins.plugin_utils.by_command import CommandAction
from ansible_collections.titan.database.plugins.plugin_utils.live_progress import progress_file, shown

display = Display()


class FilesAction(CommandAction):
    """Reads a directory of migrations as the option files has them; bad names and duplicate versions never reach the host."""

    def files(self, path: str, naming: str) -> list[dict[str, str]]:
        """The files' names and texts; what is not seen in the directory is warned of.

        Raises:
            TitanError: a file's name, or the directory, cannot be used.
        """
        try:
            found = self._find_needle("files", path)
        except AnsibleError:
            found = path  # the reader says what is wrong with it
        if naming not in NAMINGS:
            return []  # the module says what is allowed
        files = read_directory(found, naming)
        parse_files(files, naming)
        for warning in unseen_warning(found, naming):
            display.warning(warning)
        return files


class MigrationAction(FilesAction):
    """Turns the option path into the option files."""

    PROGRESS = False

    def settled(self, arguments: dict[str, Any], task_vars: dict[str, Any]) -> dict[str, Any] | None:
        """What the module would return, if it is known without it that there is nothing to do."""
        return None

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        result = super().run(tmp, task_vars)
        arguments = dict(self._task.args)
        try:
            if arguments.get("path") and arguments.get("files") is None:
                arguments["files"] = self.files(str(arguments["path"]), str(arguments.get("naming") or "plain"))
        except TitanError as error:
            result.update(failed=True, msg=error.message, **error.details)
            return result
        found = self.settled(arguments, task_vars or {})
        if found is not None:
            result.update(found)
            return result
        path = (
            "" if self._task.check_mode or arguments.get("progress_file") or not self.PROGRESS else progress_file(self)
        )
        if path:
            arguments["progress_file"] = path
        with shown(self, str((task_vars or {}).get("inventory_hostname", "")), path):
            result.update(self.done(arguments, task_vars or {}))
        given = result.get("invocation", {}).get("module_args", {})
        given.pop("files", None)
        if path:
            given.pop("progress_file", None)
        return result
