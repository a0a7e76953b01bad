# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Find out, as the jobs' own user on the host, whether the jobs can start tonight.

Arguments: path of titan-db, its configuration, the directory of the jobs ("" for none), and the path of the system crontab that
holds their lines ("" for the user's own). Prints a JSON list of obstacles, each a sentence and the command that corrects it. Writes nothing.
"""

from __future__ import annotations

import json
import os
import shlex
import sys

command, config, directory, cron_file = sys.argv[1:5]


def look() -> list[list[str]]:
    if not os.access(command, os.R_OK):
        return [[f"user {os.geteuid()} cannot run {command}", f"namei -l {shlex.quote(command)}"]]
    sys.path.insert(0, command)
    from titan_start import use_compiled

    use_compiled(command)
    from titan_db.converge.tonight import in_the_way
    from titan_db.errors import TitanError

    try:
        return [list(each) for each in in_the_way(command, config, directory, cron_file)]
    except TitanError as error:  # the configuration, or the crontab, cannot be used
        return [[error.message.rstrip("."), "crontab -l" if not cron_file else f"ls -l {shlex.quote(cron_file)}"]]


print(json.dumps(look()))
