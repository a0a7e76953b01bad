# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A crontab's command that starts titan-db: which job of which environment it runs. Pure."""

from __future__ import annotations

import posixpath
import shlex
from functools import lru_cache
from typing import NamedTuple

from .percent import unescape_cron

# Where the configurations of a host's environments are, unless a command names another file.
DIRECTORY = "/etc/titan-db"


class TitanRun(NamedTuple):
    """A run of titan-db as a job.

    Attributes:
        config: Path of the environment's configuration.
        job: Name of the job there.
        decides_itself: Whether it changes to the job's directory and looks at the day of the week itself (``titan-db cron``).
        subcommand: What the command names itself ("" for ``titan-db cron``, where the configuration says it).
    """

    config: str
    job: str
    decides_itself: bool
    subcommand: str = ""


def config_path(environment: str, directory: str = DIRECTORY) -> str:
    """The configuration of an environment; what holds a slash is a path already."""
    return environment if "/" in environment else posixpath.join(directory, f"{environment}.json")


@lru_cache(maxsize=2048)  # each environment of a host looks at the jobs of all
def titan_run(command: str) -> TitanRun | None:
    """What the command runs: ``titan-db cron ENVIRONMENT JOB``, or the older ``titan-db JOB --config FILE``; else None."""
    try:
        words = shlex.split(unescape_cron(command))
    except ValueError:
        return None
    if len(words) < 4 or not words[0].rpartition("/")[2].startswith("titan-db"):
        return None
    if words[1] == "cron" and len(words) == 4:
        return TitanRun(config_path(words[2]), words[3], True)
    if words[2] == "--config" and (len(words) == 4 or (len(words) == 6 and words[4] == "--job")):
        return TitanRun(words[3], words[-1] if len(words) == 6 else words[1], False, words[1])
    return None
