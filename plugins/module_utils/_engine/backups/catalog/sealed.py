# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The part of an encrypted backup's manifest that only the key opens: names of tables, settings, roles, differences.

What lies beside it in clear is what finding and keeping need.
"""

from __future__ import annotations

import os
import secrets
import subprocess
from collections.abc import Sequence
from dataclasses import replace

from ...errors import TitanError
from ...host.files import published, sha256_file
from ...host.safe_open import regular_stream
from ...text.json_kinds import parsed
from ..programs.pipeline import Deadline, Program, chain
from .files import hand_over
from .integrity import decryption, require_identity
from .manifest import Manifest, Sealed, table_digest
from .manifest_reader import manifest_from_json
from .naming import SEALED
from .record_text import json_parts


def seal(path: str, manifest: Manifest, recipients: Sequence[str], deadline: Deadline) -> Manifest:
    """Write the encrypted part beside the backup at path; the manifest that is returned writes the rest only.

    Raises:
        TitanError: age failed.
    """
    target, salt = path + SEALED, secrets.token_hex(16)
    program = Program(["age", *(f"--recipient={recipient}" for recipient in recipients)])
    with (
        published(target, label="backup.sealed") as stream,
        chain([program], deadline, stdin=subprocess.PIPE, stdout=stream) as started,
    ):
        started.input.writelines(json_parts(manifest.as_json()))
    hand_over(target)
    digests = tuple(sorted(table_digest(salt, *each) for each in manifest.held_tables))
    sealed = Sealed(
        os.path.basename(target),
        sha256_file(target),
        salt,
        digests,
        manifest.fingerprint.rows,
        sum(not each.accepted for each in manifest.left_out),
    )
    return replace(manifest, sealed=sealed)


def unseal(path: str, manifest: Manifest, identity: str, deadline: Deadline) -> Manifest:
    """The whole manifest of the backup at path; one that has no encrypted part is returned as it is.

    Raises:
        TitanError: the part is missing or damaged, or the key does not open it.
    """
    if manifest.sealed is None:
        return manifest
    sealed = os.path.join(os.path.dirname(os.path.abspath(path)), os.path.basename(manifest.sealed.file))
    require_identity(path, identity)
    if not os.path.isfile(sealed) or sha256_file(sealed) != manifest.sealed.sha256:
        raise TitanError(f"{sealed}, which says what the backup's source was, is missing or damaged.", path=path)
    with (
        regular_stream(sealed) as stream,
        chain([Program(decryption(identity))], deadline, stdin=stream, stdout=subprocess.PIPE) as started,
    ):
        content = started.output.read()
    whole = manifest_from_json(parsed(content))
    return replace(
        whole,
        verified=manifest.verified,
        pinned=manifest.pinned,
        copied=manifest.copied,
        shrink_accepted=manifest.shrink_accepted,
        sealed=manifest.sealed,
        extra=manifest.extra,
    )
