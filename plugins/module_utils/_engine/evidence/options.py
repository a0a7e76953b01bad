# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The options of the subcommand evidence."""

from __future__ import annotations

from ..health.options import HEALTH_INFO
from ..text.options import Spec, option

EVIDENCE: Spec = {
    "since": option("str", "First day of the evidence, as V(2026-01-01). If not given, a year before today."),
    "out": option("path", "File that the signed evidence is written to. An existing file is not replaced."),
    "key": option(
        "path",
        "Private key of OpenSSH, minisign or signify, without a passphrase, that the evidence is signed with. The program that "
        "the key is for is taken.",
    ),
    "verify": option("path", "Signed evidence to check, instead of making some."),
    "signers": option(
        "path",
        "With O(verify), the keys that may have signed it, as C(ssh-keygen) reads them, one line for each: C(NAME ssh-ed25519 AAAA...).",
        "For evidence that minisign or signify has signed, their public keys, one after the other in this file.",
    ),
    "backup_dest": HEALTH_INFO["backup_dest"],
    "backup_name": HEALTH_INFO["backup_name"],
    "job_config": HEALTH_INFO["job_config"],
}
