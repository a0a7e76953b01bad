# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documentation of the options that say where migrations are."""

from __future__ import annotations


class ModuleDocFragment:
    """Extended by modules with C(titan.database.migration_files)."""

    DOCUMENTATION = r"""
options:
  path:
    description:
      - Directory B(on the controller) that holds the migrations as C(.sql) files in UTF-8. A relative path is searched for like the
        source of a copy task. The texts are sent to the target host in one round trip.
      - Required unless O(files) is given.
    type: path
  files:
    description:
      - The texts themselves, for migrations that are made in the play. O(path) is turned into this list on the controller.
    type: list
    elements: dict
    suboptions:
      name:
        description: Name of the file.
        type: str
        required: true
      content:
        description: What the file says.
        type: str
        required: true
  naming:
    description:
      - How the files are called. Versions are compared as numbers, so C(9) comes before C(10) and C(0010) is C(10).
      - V(plain) is C(0010_name.sql) with its way back in C(0010_name.down.sql). A version may also be a date
        (C(20240101120000_name.sql), C(2024-01-01-120000_name.sql)) or a dotted number (C(01.02.00_01_name.sql)).
      - V(up_down) is C(0010_name.up.sql) and C(0010_name.down.sql).
      - V(flyway) is C(V1__name.sql), or C(V1.2__name.sql), and C(U1__name.sql).
      - V(directory) is C(20240101120000_name/up.sql) and C(20240101120000_name/down.sql). Where the file is called C(migration.sql),
        the whole name of the folder is the version, and versions sort as text, so two folders of one date are no duplicates.
      - A file C(R__name.sql) (with V(directory), C(R__name/up.sql)) is repeatable, it is applied after the versioned ones whenever
        its text has changed.
    type: str
    choices: [plain, up_down, flyway, directory]
    default: plain
  placeholders:
    description:
      - Values for C(:"name"), which becomes a quoted identifier, and C(:'name'), which becomes a quoted literal. Nothing is replaced
        inside quotes and comments, and a placeholder without a value is an error.
      - The checksum of a file does not depend on these values.
    type: dict
    default: {}
"""
