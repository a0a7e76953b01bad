# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a plan is, so that two can be compared: from EXPLAIN (FORMAT JSON). Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

# What makes two nodes of one type different work.
_MATTERS = ("Join Type", "Strategy", "Partial Mode", "Scan Direction", "Command", "Workers Planned")


def shape(node: Mapping[str, Any], definitions: Mapping[str, str]) -> str:
    """The plan without costs, rows and values. Two indexes with the same definition are the same, whatever they are called.

    Args:
        node: The plan, or a part of it.
        definitions: Of each index by its name, without the name.
    """
    parts = [str(node["Node Type"]), *(str(node[key]) for key in _MATTERS if key in node)]
    if "Index Name" in node:
        parts.append(definitions.get(node["Index Name"], node["Index Name"]))
    elif "Relation Name" in node:
        parts.append(str(node["Relation Name"]))
    below = ", ".join(shape(each, definitions) for each in node.get("Plans", ()))
    return " ".join(parts) + (f" ({below})" if below else "")


def scans(node: Mapping[str, Any]) -> Iterator[str]:
    """How each table is read, as "Index Scan NAME" or "Seq Scan TABLE"."""
    if "Index Name" in node:
        yield f"{node['Node Type']} {node['Index Name']}"
    elif "Relation Name" in node and node["Node Type"] != "Bitmap Heap Scan":
        yield f"{node['Node Type']} {node['Relation Name']}"
    for below in node.get("Plans", ()):
        yield from scans(below)


def indexes_in(node: Mapping[str, Any]) -> set[str]:
    """The names of the indexes that the plan reads."""
    own = {str(node["Index Name"])} if "Index Name" in node else set()
    return own.union(*(indexes_in(below) for below in node.get("Plans", ())))


def pages_of(node: Mapping[str, Any]) -> int:
    """Pages of tables and indexes that one execution reads, from memory or not."""
    return int(node.get("Shared Hit Blocks", 0)) + int(node.get("Shared Read Blocks", 0))
