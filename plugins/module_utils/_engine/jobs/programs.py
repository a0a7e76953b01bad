# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The copies of titan-db on this host: the command that the jobs start, and the spare one that tells when it is gone."""

from __future__ import annotations

import filecmp
import os
import time
from typing import Callable

from ..environment.config import Environment

# A converge replaces one after the other: seconds after which both are the same again.
_BETWEEN = 2.0


def copies(environment: Environment) -> list[str]:
    """The paths that the configuration names; a bare name, to be found somewhere on PATH, is not one."""
    return [path for path in (environment.command, environment.spare_command) if os.path.isabs(path)]


def broken_copies(environment: Environment, sleep: Callable[[float], None] = time.sleep) -> list[str]:
    """What is wrong with them, a few words each; empty when they can be run and are the same."""
    paths = copies(environment)
    problems = [f"{path} {problem}" for path in paths if (problem := _problem(path))]
    if problems or len(paths) < 2:
        return problems
    try:
        if _differ(paths):
            sleep(_BETWEEN)
            return [f"{paths[0]} and {paths[1]} differ"] if _differ(paths) else []
    except OSError as error:
        return [f"{error.filename} cannot be read ({error.strerror})"]
    return []


def _differ(paths: list[str]) -> bool:
    return not filecmp.cmp(paths[0], paths[1], shallow=False)


def _problem(path: str) -> str:
    if not os.path.lexists(path):
        return "is missing"
    if not os.path.isfile(path):
        return "is not a file"
    if not os.path.getsize(path):
        return "is empty"
    return "" if os.access(path, os.X_OK) else "cannot be executed"
