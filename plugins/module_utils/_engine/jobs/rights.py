# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether each job may do its work: the rights in the database, the programs, the directories and the room that it needs.

Nothing is written and no row is read: each job's own operation is asked what it would be refused.
"""

from __future__ import annotations

import shlex
from collections.abc import Container
from contextlib import suppress
from typing import Callable, NamedTuple

from ..backups.catalog.nothing_there import NothingThereError
from ..backups.options import BACKUP, DRILL
from ..environment.config import Environment, JobPlan
from ..environment.readiness import Obstacle
from ..errors import DatabaseError, TitanError
from ..host.act_as import acting_for, directories_named
from ..host.limits import REFUSALS, refusal
from ..outcome import Call
from ..postgres.connection import ConnectionSettings
from ..postgres.database import Database
from ..postgres.from_options import settings_from_options
from ..reindex.options import REINDEX
from ..reindex.rights import reindex_needs
from ..retention.options import CLEANUP
from ..retention.rights import cleanup_needs
from ..text.arguments import complete
from ..text.options import Spec
from .preconditions import wrong_server


class _Question(NamedTuple):
    spec: Spec
    ask: Callable[[Database, Call], list[str]]


def connection_of(environment: Environment) -> ConnectionSettings | None:
    """How the jobs reach the database; None where only their crontab's environment says it.

    Raises:
        TitanError: the env file cannot be used.
    """
    return settings_from_options(dict(environment.connection)) if environment.connection else None


def unmet_needs(database: Database, environment: Environment, but: Container[str] = ()) -> list[Obstacle]:
    """What would be refused to the scheduled jobs of this server, as the user of this process.

    Args:
        database: Reached as the jobs reach it.
        but: Names of jobs that are not asked.
    """
    found = []
    for name, plan in environment.jobs.items():
        if plan.expression is None or name in but or plan.subcommand not in _QUESTIONS:
            continue
        sentences = _of_job(database, environment, plan)
        again = shlex.join([environment.command, "cron", environment.word, name, "--check"])
        found += [Obstacle(f"the job {name} could not be done now: {sentence}", again) for sentence in sentences]
    return found


def _of_job(database: Database, environment: Environment, plan: JobPlan) -> list[str]:
    question = _QUESTIONS[plan.subcommand]
    try:
        if wrong_server(plan, environment, lambda: not database.in_recovery()):
            return []
        options = complete(environment.options.get(plan.name, {}), question.spec)
        with acting_for(directories_named(options)):
            return question.ask(database, Call(options, database.settings, check_mode=True))
    except DatabaseError as error:
        if error.lost:
            raise
        return [error.message]
    except TitanError as error:
        return [error.message]
    except REFUSALS as error:
        why = refusal(error)
        if not why:
            raise
        return [why]


# Half of the engine, which a process that does not ask these jobs need not load.
def _backup(_database: Database, call: Call) -> list[str]:
    from ..after_backup.operation import backup

    backup(call)
    return []


def _drill(_database: Database, call: Call) -> list[str]:
    """Before the first backup there is nothing to drill; the backup's job is asked for that."""
    from ..backups.operation import drill

    with suppress(NothingThereError):
        drill(call)
    return []


_QUESTIONS = {
    "backup": _Question(BACKUP, _backup),
    "drill": _Question(DRILL, _drill),
    "cleanup": _Question(CLEANUP, lambda database, call: cleanup_needs(database, call.options)),
    "reindex": _Question(REINDEX, lambda database, call: reindex_needs(database, call.options)),
}
