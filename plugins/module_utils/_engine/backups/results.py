# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How a backup ends: what was (or would be) removed, what there is to warn of, and what is returned."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace

from ..errors import TitanError
from ..outcome import Outcome
from .catalog.entry import Entry
from .catalog.manifest import Manifest
from .catalog.naming import EXTENSIONS
from .catalog.read import newest_verified, read_catalog
from .catalog.record_text import format_time
from .catalog.report import listing_diff, public_entry
from .dump.take import utc_now
from .dump.wanted import Wanted
from .keep.plan import KeepRules, doubts, make_keep_plan
from .keep.removal import remove_backups


def recent_enough(entry: Entry) -> Outcome:
    """No backup is taken: there is one that is young enough."""
    summary = (
        f"{entry.path} of {format_time(entry.started)} is verified ({entry.verified_level}); no backup was needed."
    )
    return Outcome(False, {"backup": public_entry(entry), "removed": [], "removal_refused": ""}, summary)


def planned(wanted: Wanted, entries: Sequence[Entry], rules: KeepRules, missing: bool, clock_doubt: str) -> Outcome:
    """What a real run would do, supposing that its backup turns out good."""
    plan = make_keep_plan([_supposed(wanted, entries), *entries], rules, utc_now(), wanted.verify, clock_doubt)
    removed = [entry.path for entry in plan.remove]
    file = f"{wanted.name}_YYYYMMDD_HHMMSS.{EXTENSIONS[wanted.format, wanted.compression]}{'.age' if wanted.encrypt_to else ''}"
    warnings = [f"Nothing would be removed: {plan.refused}."] if plan.refused else []
    if missing:
        warnings.append(f"The directory {wanted.dest} does not exist yet.")
    summary = (
        f"Would write {os.path.join(wanted.dest, file)} (verify: {wanted.verify}) and remove {len(removed)} backup(s)."
    )
    data = {"backup": None, "removed": removed, "removal_refused": plan.refused}
    return Outcome(True, data, summary, *listing_diff(entries, removed, file), tuple(warnings))


def _supposed(wanted: Wanted, entries: Sequence[Entry]) -> Entry:
    """The backup to come, as like the last one: check mode cannot know better."""
    now = utc_now()
    last = entries[0] if entries else None
    manifest = last.manifest if last else None
    if manifest and wanted.accept_shrink:
        manifest = replace(manifest, shrink_accepted=now)
    return Entry(
        os.path.join(wanted.dest, "(new)"), wanted.name, last.database if last else "",
        last.system_identifier if last else "", now, now, last.size if last else 0, "", wanted.format, wanted.verify,
        now, "", manifest,
    )  # fmt: skip


def finish(
    path: str, manifest: Manifest, warnings: list[str], entries: Sequence[Entry], rules: KeepRules, wanted: Wanted,
    clock_doubt: str = "",
) -> Outcome:  # fmt: skip
    """Read the catalog again, and remove what the rules let go, unless something speaks against the host's clock."""
    after = read_catalog(wanted.dest, wanted.name, structures=False)
    new = next((entry for entry in after if entry.path == path), None)
    if new is None or new.problem or new.verified_level != manifest.verified.level:
        raise TitanError(
            f"The backup {path} is not in the catalog as it was written: {new.problem if new else 'missing'}."
        )
    plan = make_keep_plan(after, rules, utc_now(), wanted.verify, clock_doubt)
    doubt = plan.refused or doubts(new, newest_verified(entries, wanted.verify), rules)
    if doubt:
        warnings.append(f"{'Nothing was removed' if plan.refused else 'Look at the new backup'}: {doubt}.")
    removed = remove_backups(plan)
    checked = manifest.verified
    proof = (
        f"{checked.tables} tables, {checked.rows} rows compared after restore"
        if checked.level == "restored"
        else "read back and decoded"
    )
    summary = f"{path}: {manifest.size} bytes, {proof}{manifest.without}; {len(removed)} old backup(s) removed."
    data = {"backup": {**manifest.as_result(), "path": path}, "removed": removed, "removal_refused": plan.refused}
    return Outcome(True, data, summary, *listing_diff(entries, removed, os.path.basename(path)), tuple(warnings))


def too_long(manifest: Manifest, window: int) -> list[str]:
    """A warning when dump and proof took more than half of the window."""
    took = manifest.dump_seconds + manifest.verified.seconds
    if not window or took <= window / 2:
        return []
    return [
        f"Dump and proof took {took:.0f} s, more than half of the window of {window} s. Prove every week only (verify: checksum and "
        "a drill job), drill on another host, or change to physical backups."
    ]
