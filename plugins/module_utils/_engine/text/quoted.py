# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Names in double quotes, as SQL and the patterns of PostgreSQL's programs have them. Pure."""

from __future__ import annotations


def quoted_name(*parts: str) -> str:
    """A name of one or more parts, always quoted: within double quotes nothing is special but these."""
    return ".".join('"' + part.replace('"', '""') + '"' for part in parts)
