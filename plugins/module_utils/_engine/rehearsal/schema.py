# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The copy's schema, as pg_dump writes it, and what is otherwise in another one."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping

from ..backups.content.objects import objects_from
from ..backups.programs.pipeline import Deadline, chain
from ..backups.proof.dump_restored import dumping
from ..postgres.connection import ConnectionSettings
from ..postgres.programs import Programs

Objects = Mapping[str, str]


def read_schema(settings: ConnectionSettings, programs: Programs, deadline: Deadline) -> Objects:
    """The hash of each object by "KIND schema.name", without the history's own schema.

    Raises:
        TitanError: pg_dump failed.
    """
    with (
        dumping(settings, programs, "--schema-only", "--exclude-schema=titan_ops") as program,
        chain([program], deadline, stdout=subprocess.PIPE) as started,
    ):
        return objects_from(started)


def schema_differences(before: Objects, after: Objects) -> list[str]:
    """What is otherwise in after: objects that are missing, new, or changed."""
    said = [f"{key} is missing" for key in sorted(before.keys() - after.keys())]
    said += [f"{key} is new" for key in sorted(after.keys() - before.keys())]
    return said + [f"{key} is changed" for key in sorted(before) if key in after and before[key] != after[key]]
