# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The options of measure and index_effect."""

from __future__ import annotations

from ..backups.declared.copy import FOR_A_COPY, WITHOUT_SANDBOX
from ..migrations.options import MIGRATION
from ..text.options import Spec, option
from .verdict import FEWEST_ROUNDS

MEASURE: Spec = {
    "queries": option(
        "list",
        "Files on the target host with one SELECT each, and directories with such files (C(NAME.sql)). A comment line C(-- plan: NAME) "
        "names the index that is expected, C(-- parameters: TYPE, TYPE) the types of C($1), C($2), C(-- values: SELECT ...) a query "
        "whose rows are values for them.",
        "Without C(-- values:) the values are taken at random from the columns that the parameters are compared with.",
        elements="path",
    ),
    "top": option(
        "int",
        "Measure this many queries of production, too: those that have taken the most time by C(pg_stat_statements), which is read "
        "there over one connection before anything else. V(0) for none; then nothing connects to production.",
        default=0,
    ),
    "indexes": option(
        "list",
        "Names of indexes that are left out together, as C(NAME) or C(SCHEMA.NAME).",
        "If neither this, O(migrations) nor O(suggest) is given, every index is left out alone, but for those of constraints.",
        elements="str",
    ),
    "migrations": option(
        "path",
        "Directory on the target host with migrations. Those that are pending are applied to the copy, and the indexes that any of "
        "them creates are left out together.",
    ),
    "naming": MIGRATION["naming"]._replace(variable="", description=("How the files in O(migrations) are called.",)),
    "suggest": option(
        "path",
        "Propose indexes, too: those that might serve the queries which read whole tables are built on the copy and measured there. "
        "Those with an effect are written to this file on the target host as a migration (C(NAME.sql)), with its rollback "
        "(C(NAME.down.sql)) beside it. The file must not exist; nothing is written if no index has an effect.",
        "Where the copy's server has the extension C(hypopg), only indexes that the planner would use are built.",
        "With O(migrations), the pending ones are applied before.",
    ),
    "rounds": option(
        "int",
        f"Rounds of without, with, without. Fewer than V({FEWEST_ROUNDS}) cannot show an effect.",
        default=12,
    ),
    "samples": option(
        "int",
        "How many rows the values of a query's parameters are taken from.",
        default=5,
    ),
    "seed": option(
        "int",
        "Where the random order, and the random rows, begin. The same one gives the same.",
        default=1,
    ),
    "markdown": option(
        "path",
        "File on the target host that the result is written to as a page in Markdown, too. An existing file is replaced.",
    ),
    "job_config": option(
        "path",
        "Path on the target host of the environment's configuration. The statistics report shows the last result of the environment.",
    ),
    **WITHOUT_SANDBOX,
    **FOR_A_COPY,
}
