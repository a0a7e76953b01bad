# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The options of converge_info, and of what is compared with the host beside the operations of the modules."""

from __future__ import annotations

from ..text.options import Spec, option
from .kinds import BY_COMMAND

CONVERGE_INFO: Spec = {
    "command": option(
        "path",
        "Path of the installed C(titan-db), on the target host. It is asked only if it is the one that this collection would install, "
        "and if nobody but root and the user of the task could replace it.",
        default="/usr/local/bin/titan-db",
    ),
    "interpreter": option(
        "path",
        "Path of the Python that runs the command, on the target host.",
        default="/usr/bin/python3",
    ),
    "steps": option(
        "list",
        "What is declared, in the order in which a play would bring it about. The comparison ends at the first step that has something "
        "to do, or that cannot be compared.",
        elements="dict",
        options={
            "name": option(
                "str",
                "What to compare: the name of a module of this collection, or V(user), V(packages), V(service), V(tonight) or "
                "V(channels).",
                required=True,
            ),
            "user": option(
                "str",
                "Name of the user as whom it is compared, if the task runs as root. By default, the user of the task.",
            ),
            "options": option("dict", "The options of the module, or of what is compared.", default={}),
            "when": option("bool", "With V(false), the step is left out.", default=True),
        },
    ),
    "variable": option(
        "str",
        "Name of a variable that holds the steps, instead of O(steps). It is evaluated inside the task - where that fails, nothing is "
        "compared, and the tasks of the play say what is wrong.",
    ),
    "request": option(
        "str",
        "The steps with what the controller has of them. Filled in on the controller; never give it yourself.",
        no_log=True,
    ),
    "digest": option(
        "str",
        "Checksum of the command. Filled in on the controller; never give it yourself.",
    ),
}

HOST_COMMAND_RUN: Spec = {
    "module": option(
        "str",
        "Name of the module whose work it is.",
        choices=sorted(BY_COMMAND),
        required=True,
    ),
    "command": option(
        "path",
        "Path of the installed C(titan-db), on the target host. It is used only if nobody but root and the user of the task could "
        "replace it.",
        required=True,
    ),
    "digest": option("str", "The checksum that O(command) has to have.", required=True),
    "options": option("dict", "The options of O(module).", required=True, no_log=True),
}

USER: Spec = {"name": option("str", "Name of the user who has to exist.", required=True)}

PACKAGES: Spec = {
    "names": option(
        "list", "Names of the distribution's packages that have to be installed.", elements="str", default=[]
    )
}

SERVICE: Spec = {
    "name": option("str", "Service of the init system, which has to be enabled and active.", required=True)
}

TONIGHT: Spec = {
    "command": option("path", "The installed command.", required=True),
    "config": option("path", "The installed configuration.", required=True),
    "directory": option("path", "Directory in which the jobs run."),
    "cron_file": option("path", "System crontab that holds the lines; the user's own if not given."),
    "service": option("str", "Service that starts them; none if not given."),
}

CHANNELS: Spec = {"config": option("path", "The installed configuration.", required=True)}
