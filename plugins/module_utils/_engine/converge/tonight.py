# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether the jobs can start tonight and be heard: asked as their own user, on their host. Nothing is written."""

from __future__ import annotations

import os
import shlex

from ..environment.config import read_environment
from ..environment.line_trial import try_lines
from ..environment.readiness import Obstacle, obstacles, user_name
from ..health.ready import lacking_rights
from ..host.cron_daemon import cron_running
from ..outcome import Call, Outcome

_OWN_DAEMONS = ("cron", "crond", "cronie")  # services that are such a daemon; others may start the lines otherwise


def in_the_way(command: str, config: str, directory: str, cron_file: str, service: str = "") -> list[Obstacle]:
    """What keeps tonight's jobs from being done, as the user of this process.

    Args:
        command: Path of titan-db.
        config: Path of its configuration.
        directory: In which the jobs run; "" for none.
        cron_file: Path of the system crontab that holds their lines; "" for the user's own.
        service: What starts them; "" if that is nobody's concern here.

    Raises:
        TitanError: the configuration, or the crontab, cannot be used.
    """
    for path, what in ((command, "run"), (config, "read")):
        if not os.access(path, os.R_OK):
            return [Obstacle(f"{user_name()} cannot {what} {path}", f"namei -l {shlex.quote(path)}")]
    environment = read_environment(config)
    tried = {
        name for name, plan in environment.jobs.items() if plan.subcommand == "backup"
    }  # in check mode, by their lines
    return (
        _cron(service) + obstacles(environment, directory, not cron_file)
        or try_lines(environment, cron_file)
        or lacking_rights(environment, tried, with_health=True)
    )


def _cron(service: str) -> list[Obstacle]:
    """What the init system's word does not say of the service: whether there is a daemon that runs."""
    if service not in _OWN_DAEMONS:
        return []
    if cron_running() is False:
        what = f"the service {service} has no cron daemon that runs: nothing would start the jobs"
        return [Obstacle(what, f"systemctl restart {service}; systemctl cat {service}")]
    return []


def tonight(call: Call) -> Outcome:
    """Whether something is in the way of the jobs."""
    given = call.options
    texts = [str(given[name] or "") for name in ("directory", "cron_file", "service")]
    found = in_the_way(given["command"], given["config"], *texts)
    return Outcome(bool(found), {}, "; ".join(each.what for each in found))


def channels(call: Call) -> Outcome:
    """Whether the addresses of messages are valid; nothing is sent.

    Raises:
        TitanError: they are not.
    """
    from ..alerts.delivery import test_channels  # what speaks to services, which nothing else here does

    return Outcome(False, {}, test_channels(read_environment(call.options["config"]), send_it=False))
