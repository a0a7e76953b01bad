# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is to be measured: the options, refused where they cannot be used, and the files and statements that they name."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any, NamedTuple

from ..environment.config import read_environment
from ..errors import OptionError
from ..migrations.files.directory import read_directory
from ..migrations.files.migration import Migration
from ..migrations.files.naming import parse_files
from ..outcome import Call
from .migration_file import rollback_path
from .queries import Query, Skipped, queries_from_files, queries_of_production
from .verdict import FEWEST_ROUNDS


class Wanted(NamedTuple):
    """What is measured, with everything that can be read before an hour of restoring."""

    options: Mapping[str, Any]
    queries: tuple[Query, ...]
    skipped: tuple[Skipped, ...]
    migrations: tuple[Mapping[str, str], ...]
    parsed: tuple[Migration, ...]


def require_sensible(options: Mapping[str, Any]) -> None:
    if not options["queries"] and not options["top"]:
        raise OptionError("queries", None, "Name files with queries, or set how many of production's in 'top'.")
    if options["top"] < 0:
        raise OptionError("top", options["top"], "Use 0 or more.")
    if options["samples"] < 1:
        raise OptionError("samples", options["samples"], "Use 1 or more.")
    if options["rounds"] < FEWEST_ROUNDS:
        raise OptionError("rounds", options["rounds"], f"Use {FEWEST_ROUNDS} or more: fewer cannot show an effect.")
    if options["indexes"] and options["migrations"]:
        raise OptionError("indexes", options["indexes"], "Give this one or 'migrations', not both.")
    if options["suggest"]:
        _require_new_file(options)
    folder = os.path.dirname(os.path.abspath(options["markdown"] or "."))
    if options["markdown"] and (os.path.isdir(options["markdown"]) or not os.path.isdir(folder)):
        raise OptionError("markdown", options["markdown"], "Name a file in a directory that exists.")


def _require_new_file(options: Mapping[str, Any]) -> None:
    path = options["suggest"]
    if options["indexes"]:
        raise OptionError("suggest", path, "Give this one or 'indexes', not both.")
    if not path.endswith(".sql") or not os.path.isdir(os.path.dirname(os.path.abspath(path))):
        raise OptionError("suggest", path, "Name a file NAME.sql in a directory that exists.")
    for each in (path, rollback_path(path)):
        if os.path.lexists(each):
            raise OptionError("suggest", path, f"{each} exists. Name a new file.")


def wanted_of(call: Call) -> Wanted:
    options = call.options
    if options["job_config"]:
        read_environment(options["job_config"])  # what cannot be used is refused before an hour of restoring
    queries = queries_from_files(options["queries"] or ())
    skipped: list[Skipped] = []
    if options["top"]:
        of_production, skipped = queries_of_production(call.connection, options["top"])
        queries += of_production
    files = read_directory(options["migrations"], options["naming"]) if options["migrations"] else []
    parsed = parse_files(files, options["naming"])
    return Wanted(options, tuple(queries), tuple(skipped), tuple(files), tuple(parsed))
