# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Find out, as the jobs' own user on the host, whether the jobs can start tonight.

Arguments: path of titan-db, its configuration, the directory of the cron lines ("" for none), and "own" if the lines are in
the user's own crontab. Prints a JSON list of obstacles, each a sentence and the command that corrects it. Writes nothing.
"""

from __future__ import annotations

import getpass
import json
import os
import shlex
import subprocess
import sys

command, config, directory, crontab = sys.argv[1:5]


def words(text: str) -> str:
    return " ".join(text.split())[-600:]


def tried() -> list[list[str]]:
    """The whole backup job in check mode: the database with the rights that it needs, its directory, room for it."""
    done = subprocess.run(
        [command, "backup", "--config", config, "--check"], capture_output=True, text=True, check=False, cwd="/"
    )
    if done.returncode in (0, 75):  # 75: one is running now
        return []
    said = words(done.stderr) or words(done.stdout) or f"status {done.returncode}"
    return [
        [
            f"the job backup could not be done now: {said}",
            shlex.join([command, "backup", "--config", config, "--check"]),
        ]
    ]


def look() -> list[list[str]]:
    user = getpass.getuser()
    for path, what in ((command, "run"), (config, "read")):
        if not os.access(path, os.R_OK):
            return [[f"{user} cannot {what} {path}", f"namei -l {shlex.quote(path)}"]]
    sys.path.insert(0, command)
    from titan_db.environment.config import read_environment
    from titan_db.environment.readiness import obstacles

    environment = read_environment(config)
    found = [list(each) for each in obstacles(environment, directory, crontab == "own")]
    wants_backup = any(plan.subcommand == "backup" for plan in environment.jobs.values())
    return found or (tried() if wants_backup else [])


print(json.dumps(look()))
