# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The file beside a dump with what belongs to the whole cluster: roles and tablespaces."""

from __future__ import annotations

import hashlib
import os
import subprocess
from collections.abc import Sequence

from ...errors import TitanError
from ...host.files import published
from ...postgres.client_environment import child_environment
from ...postgres.connection import ConnectionSettings
from ...postgres.programs import Programs
from ..programs.pipeline import Deadline, Program, chain


def dump_globals(
    settings: ConnectionSettings, programs: Programs, path: str, deadline: Deadline, recipients: Sequence[str] = ()
) -> tuple[str, str]:
    """Write the cluster's roles and tablespaces beside the dump, without the roles' passwords; encrypted when there are recipients.

    Returns:
        The file's SHA-256, and an empty string; or an empty string and why the role may not read them.
    """
    if not os.access(programs.path("pg_dumpall"), os.X_OK):
        return "", f"pg_dumpall is not in {programs.folder}"
    digest_so_far = hashlib.sha256()
    argv = [programs.path("pg_dumpall"), "--globals-only", "--no-role-passwords", "--no-password"]
    try:
        with child_environment(settings) as env, published(path, label="backup.globals") as stream:
            argv.append(f"--database={settings.database}" if _plain_word(settings.database) else "--database=postgres")
            encryption = Program(["age", *(f"--recipient={recipient}" for recipient in recipients)])
            with chain(
                [Program(argv, env), *([encryption] if recipients else [])], deadline, stdout=subprocess.PIPE
            ) as started:
                for piece in started.pieces():
                    digest_so_far.update(piece)
                    stream.write(piece)
    except TitanError as error:
        return "", error.message
    return digest_so_far.hexdigest(), ""


def _plain_word(text: str) -> bool:
    """Whether the program takes it for a name, not for a connection string."""
    return bool(text) and "=" not in text and "://" not in text
