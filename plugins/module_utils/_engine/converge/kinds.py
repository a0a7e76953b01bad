# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What can be compared with a host: the operations of the modules, in check mode, and what else a converge looks after."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any, NamedTuple

from ..outcome import Call, Outcome
from ..text.options import Spec

_ENGINE = __package__.rpartition(".")[0]


class Kind(NamedTuple):
    """Where an operation and its options are, below the engine, and whether it needs the database.

    They are named, not imported: only what a request asks for is loaded. ``returns`` names what of the operation's data goes to the
    controller: what a play shows.
    """

    operation: tuple[str, str]
    options: tuple[str, str]
    connects: bool = False
    returns: tuple[str, ...] = ()

    def spec(self) -> Spec:
        found: Spec = _named(*self.options)
        return found

    def load(self) -> None:
        """Import what it needs, as the user who may read it."""
        _named(*self.operation)
        _named(*self.options)

    def run(self, call: Call) -> Outcome:
        operation: Callable[[Call], Outcome] = _named(*self.operation)
        return operation(call)


def _named(module: str, name: str) -> Any:
    return getattr(import_module(f"{_ENGINE}.{module}"), name)


KINDS = {
    "user": Kind(("converge.host", "user"), ("converge.options", "USER")),
    "packages": Kind(("converge.host", "packages"), ("converge.options", "PACKAGES")),
    "service": Kind(("converge.host", "service"), ("converge.options", "SERVICE")),
    "directory": Kind(("environment.directory", "directory"), ("environment.directory", "DIRECTORY")),
    "file": Kind(("environment.file", "file"), ("environment.file", "FILE")),
    "host_command": Kind(("converge.host", "host_command"), ("environment.host_command", "HOST_COMMAND")),
    "migration": Kind(("migrations.operation", "migration"), ("migrations.options", "MIGRATION"), True, ("status",)),
    "retention_policy": Kind(("retention.declaration", "retention_policy"), ("retention.options", "RETENTION_POLICY"), True, ("policies",)),
    "crontab": Kind(("crontab.operation", "crontab"), ("crontab.options", "CRONTAB"), returns=("next_runs",)),
    "tonight": Kind(("converge.tonight", "tonight"), ("converge.options", "TONIGHT")),
    "channels": Kind(("converge.tonight", "channels"), ("converge.options", "CHANNELS")),
    "backup_info": Kind(("backups.information", "backup_info"), ("backups.options", "BACKUP_INFO"), True, ("newest_verified",)),
}  # fmt: skip

# Those of a converge that the installed command does in the module's place; the rest is too small for it to be worth while.
BY_COMMAND = {
    "backup": Kind(("after_backup.operation", "backup"), ("after_backup.options", "BACKUP"), True),
    "migration_info": Kind(
        ("migrations.information", "migration_info"), ("migrations.options", "MIGRATION_INFO"), True
    ),
    **{name: KINDS[name] for name in ("backup_info", "crontab", "migration", "retention_policy")},
}
