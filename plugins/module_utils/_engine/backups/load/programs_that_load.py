# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""psql and pg_restore, as they load into a database: what they are started with."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import Any

from ...postgres.client_environment import child_environment
from ...postgres.connection import ConnectionSettings
from ...postgres.database import connect
from ...postgres.programs import Programs
from ..content.fingerprint import load_settings
from ..programs.pipeline import Deadline, Program, chain
from .by_role import Write
from .restricted import can_restrict, restriction


@contextmanager
def loading_environment(target: ConnectionSettings) -> Iterator[dict[str, str]]:
    """The environment of a program that loads into the target."""
    with child_environment(target) as env:
        with connect(target, "restore") as database:
            settings = load_settings(database)
        yield {**env, **settings}


@contextmanager
def psql_session(
    programs: Programs,
    deadline: Deadline,
    identity: Mapping[str, Any],
    target: ConnectionSettings,
    whole: bool = True,
) -> Iterator[Write]:
    """A psql that takes SQL, and no commands where it knows how to refuse them; in one transaction if it is whole.

    Args:
        programs: psql.
        deadline: When it must be done.
        identity: Keywords for subprocess: who runs it.
        target: Where it loads into.
        whole: All or nothing.
    """
    with ExitStack() as stack:
        env = stack.enter_context(loading_environment(target))
        psql = Program(_psql(programs, whole), env, identity)
        started = stack.enter_context(chain([psql], deadline, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL))
        if can_restrict(programs.version):
            started.input.write(restriction())
        yield started.input.write


def _psql(programs: Programs, whole: bool) -> list[str]:
    return [
        programs.path("psql"), "--no-psqlrc", "--quiet", "--no-password", "--set=ON_ERROR_STOP=1", "--set=VERBOSITY=verbose",
        *(["--single-transaction"] if whole else []), "--file=-",
    ]  # fmt: skip


def pg_restore_into(programs: Programs, target: ConnectionSettings, jobs: int, *options: str) -> list[str]:
    """A pg_restore that loads into the target; its archive comes behind."""
    return [
        programs.path("pg_restore"), "--exit-on-error", "--no-password", f"--jobs={jobs}", f"--dbname={_conninfo(target.database)}",
        *dict.fromkeys(options),
    ]  # fmt: skip


def _conninfo(database: str) -> str:
    """A connection string with nothing but the name: an option's bare value with '=' in it would be taken for one."""
    escaped = database.replace("\\", "\\\\").replace("'", "\\'")
    return f"dbname='{escaped}'"
