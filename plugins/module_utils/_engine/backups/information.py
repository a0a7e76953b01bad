# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Entry functions that need no more than the directory of backups: what lies there, and what is kept for ever.

The modules that call them are sent without what takes and restores backups.
"""

from __future__ import annotations

from ..errors import OptionError
from ..host.limits import os_errors
from ..outcome import Call, Data, Outcome
from ..text.one_line import printable
from .catalog.chosen import chosen_backup
from .catalog.keep_forever import pin_entry
from .catalog.nothing_there import nothing_there
from .catalog.read import newest_verified, read_catalog
from .catalog.report import listing_line, public_entry


def backup_info(call: Call) -> Outcome:
    """List the backups of a directory and check them."""
    options = call.options
    with os_errors():
        entries = read_catalog(options["dest"], options["name"], options["verify"])
    newest = newest_verified(entries)
    bad = [entry for entry in entries if entry.problem]
    lines = [listing_line(entry) for entry in entries]
    total = f"{len(entries)} backup(s) in {options['dest']}, {len(bad)} with a problem"
    data: Data = {
        "backups": [public_entry(entry) for entry in entries],
        "newest_verified": public_entry(newest) if newest else None,
    }
    if not entries:
        total = f"No backup was found: {nothing_there(options['dest'], options['name'])}"
    data["exit_status"] = 1 if bad or not entries else 0
    return Outcome(False, data, "\n".join([*map(printable, lines), total + "."]))


def pin(call: Call) -> Outcome:
    """Keep an existing backup for ever, or let it go again."""
    if call.options["state"] == "absent" and not call.options["source"]:
        raise OptionError("source", None, "Name the backup file to unpin.")
    with os_errors():
        return pin_entry(chosen_backup(call.options), call)
