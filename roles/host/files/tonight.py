# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Find out, as the jobs' own user on the host, whether the jobs can start tonight.

Arguments: path of titan-db, its configuration, the directory of the jobs ("" for none), and the path of the system crontab that
holds their lines ("" for the user's own). Prints a JSON list of obstacles, each a sentence and the command that corrects it. Writes nothing.
"""

from __future__ import annotations

import getpass
import json
import os
import shlex
import sys

command, config, directory, cron_file = sys.argv[1:5]


def look() -> list[list[str]]:
    user = getpass.getuser()
    for path, what in ((command, "run"), (config, "read")):
        if not os.access(path, os.R_OK):
            return [[f"{user} cannot {what} {path}", f"namei -l {shlex.quote(path)}"]]
    sys.path.insert(0, command)
    from titan_db.environment.config import read_environment
    from titan_db.environment.line_trial import try_lines
    from titan_db.environment.readiness import obstacles
    from titan_db.health.ready import lacking_rights

    environment = read_environment(config)
    tried = {
        name for name, plan in environment.jobs.items() if plan.subcommand == "backup"
    }  # in check mode, by their lines
    found = (
        obstacles(environment, directory, not cron_file)
        or try_lines(environment, cron_file)
        or lacking_rights(environment, tried, with_health=True)
    )
    return [list(each) for each in found]


print(json.dumps(look()))
