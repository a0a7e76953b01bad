# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The options of crontab."""

from __future__ import annotations

from ..text.options import Spec, option

CRONTAB: Spec = {
    "name": option(
        "str",
        "Name of the block, unique in the crontab; usually the environment.",
        "Letters, digits, dot, underscore and hyphen, at most 63.",
        required=True,
    ),
    "user": option(
        "str",
        "Whose crontab it is; the connecting (or become) user if not given.",
        "With O(cron_file) it is required, and names whom the jobs run as.",
    ),
    "cron_file": option(
        "path",
        "Absolute path of a system crontab on the target host, for example V(/etc/cron.d/titan-production), "
        "instead of the crontab of a user.",
        "It is replaced atomically, with mode C(0644). Its name may hold only letters, digits, V(_) and V(-), "
        "since cron skips other files.",
    ),
    "jobs": option(
        "list",
        "The jobs of the block, in the order of the lines.",
        default=[],
        elements="dict",
        options={
            "name": option(
                "str",
                "Name of the job, unique in the block.",
                required=True,
            ),
            "schedule": option(
                "str",
                "When it runs, in the time zone of the host. Five cron fields, or a word such as V(@daily), or "
                "V(first sunday 04:00) (also V(second), V(third) and V(fourth), with any day of the week).",
                "Restricting both day of month and day of week is refused, because cron then runs on days that "
                "match either of them.",
                required=True,
            ),
            "only_on": option(
                "str",
                "Of the days in O(jobs[].schedule), run on this day of the week only.",
                "C(titan-db cron) decides that itself, so the line does not contain it.",
                choices=("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"),
            ),
            "command": option(
                "str",
                "What to run, as it stands in a crontab; a C(%) is written C(\\%).",
                "It must not hold secrets, since crontabs are readable by others. Put them into O(jobs[].env_file).",
                required=True,
            ),
            "log": option(
                "str",
                "Absolute path of the file that all output is appended to, on the target host. Its directory "
                "has to exist when the job runs.",
                required=True,
            ),
            "directory": option(
                "str",
                "Absolute path of the directory to run in; the home directory of the user if not given.",
                "C(titan-db cron) changes to the directory of its configuration instead, so the line does not contain it.",
            ),
            "env_file": option(
                "str",
                "Absolute path of a file with C(NAME=value) lines, which is sourced with its variables exported.",
                "It is checked at once that every line of it means the same to C(/bin/sh) as to this collection.",
            ),
            "on_failure": option(
                "str",
                "A command to run when the job fails, so that somebody is notified: when O(jobs[].log), O(jobs[].directory) or "
                "O(jobs[].env_file) cannot be used, or O(jobs[].command) ends with a status other than 0. C($?) is the status, "
                "127 or 126 for a command that cannot be found or executed.",
                "It does not get the variables of O(jobs[].env_file), and what it prints is mailed by cron. "
                "It must not contain a comment, and its quotes have to be closed.",
            ),
        },
    ),
    "files": option(
        "list",
        "Files that the jobs need, such as their configuration. They are written before the crontab, and "
        "removed with the block.",
        "Missing parent directories are created with mode C(0755).",
        default=[],
        elements="dict",
        options={
            "path": option(
                "str",
                "Absolute path on the target host.",
                required=True,
            ),
            "content": option(
                "str",
                "The whole text of the file. It is shown in the diff, so it must not hold secrets.",
                required=True,
            ),
            "mode": option(
                "str",
                "Its mode, in octal digits.",
                default="0644",
            ),
            "group": option(
                "str",
                "Its group; left alone if not given.",
            ),
        },
    ),
    "adopt": option(
        "bool",
        "Move hand-made lines outside the block that certainly do the same as a job into the block, as "
        "comments, so that nothing runs twice.",
        "Recognised are lines equal to ours, and the lines of the Titan maintenance document for the jobs "
        "C(backup), C(cleanup), C(stats) and C(reindex) in the same O(jobs[].directory). What only resembles a "
        "job is reported in RV(conflicts) and left alone.",
        default=True,
        variable="crontab_adopt",
    ),
    "state": option(
        "str",
        "With V(absent) the block and O(files) are removed, and adopted lines go back to where they were.",
        default="present",
        choices=("present", "absent"),
        variable="crontab_state",
    ),
}
