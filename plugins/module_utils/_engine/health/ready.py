# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether tonight's jobs can do their work: what a converge asks at its end, and health whenever it runs.

Both ask as the jobs' own user and with the jobs' own connection.
"""

from __future__ import annotations

from collections.abc import Container

from ..environment.config import Environment
from ..environment.readiness import Obstacle, obstacles
from ..errors import DatabaseError, TitanError
from ..jobs.rights import connection_of, unmet_needs
from ..postgres.database import Database, connect
from .checks.run import missing_grants, place_of, to_see_more
from .checks.server import STATISTICS_DAYS
from .checks.table import SQL_CHECKS
from .thresholds import OFF, thresholds_from_options


def not_ready(environment: Environment, reachable: bool) -> list[Obstacle]:
    """What keeps the scheduled jobs from their work, as the user of this process; nothing is written.

    The copies of titan-db have a check of their own, and a user whom cron.allow does not name is not heard from cron: the converge
    asks for both.

    Args:
        reachable: Whether the database is asked, too; False where somebody else says that it cannot be reached.
    """
    found = obstacles(environment, environment.directory, own_crontab=False, commands=False)
    return found or (lacking_rights(environment) if reachable else [])


def lacking_rights(environment: Environment, but: Container[str] = (), with_health: bool = False) -> list[Obstacle]:
    """What the database, the programs, the directories and the disks would refuse to the scheduled jobs.

    Args:
        but: Names of jobs that were asked already.
        with_health: Whether the job health is asked, too; its own report says check by check what it does not see.
    """
    try:
        settings = connection_of(environment)
        if settings is None:
            return []
        with connect(settings, "readiness") as database:
            found = unmet_needs(database, environment, but)
            return found + (_unseen(database, environment) if with_health else [])
    except DatabaseError as error:
        return [Obstacle(f"the jobs cannot connect to their database: {error.message}", environment.typed("health"))]
    except TitanError as error:
        return [Obstacle(error.message, environment.typed("health"))]


def _unseen(database: Database, environment: Environment) -> list[Obstacle]:
    """What the role lacks to see all that a scheduled health checks."""
    found = []
    for name, plan in environment.jobs.items():
        if plan.subcommand != "health" or plan.expression is None:
            continue
        limits = thresholds_from_options(environment.options.get(name, {}).get("thresholds"))
        wanted = [each for each in SQL_CHECKS if limits[each.name] != OFF]
        for grant in missing_grants(database, wanted, STATISTICS_DAYS):
            said, mend = to_see_more(grant, str(database.value("SELECT current_user")), place_of(database))
            what = f"the job {name} does not see everything: {said}, or leave the checks out that need it"
            found.append(Obstacle(what, mend))
    return found
