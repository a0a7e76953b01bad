# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The options of reindex, for the module and the command."""

from __future__ import annotations

from ..text.options import Spec, option

REINDEX: Spec = {
    "tables": option(
        "list",
        "Look only at the indexes of these tables, each as V(schema.table). All tables of users without it.",
        elements="str",
    ),
    "min_reclaimable": option(
        "float",
        "Rebuild an index when this share of its size, between 0 and 1, would be freed.",
        default=0.3,
        variable="reindex_min_reclaimable",
    ),
    "min_size_mb": option(
        "int",
        "Leave indexes alone that are smaller than this, in MiB.",
        default=1,
        variable="reindex_min_size_mb",
    ),
    "max_runtime": option(
        "str",
        "Start no further rebuild after this time, for example V(90 minutes), and cancel the one that still runs. What "
        "it left behind is dropped.",
        "A run that cannot end by itself then, because the network is silent, is ended within 5 seconds.",
        default="2h",
        variable="reindex_max_runtime",
    ),
    "lock_timeout_ms": option(
        "int",
        "How many milliseconds to wait for a lock, and for old transactions to end, before an index is skipped.",
        default=2000,
        variable="reindex_lock_timeout_ms",
    ),
}
