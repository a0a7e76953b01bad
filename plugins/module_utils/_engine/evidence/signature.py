# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A signed text: what is said, and below it a signature, of the kind that the key is for.

Any byte that differs is found: the content is what was signed, and of the signature only one way to write it is accepted.
"""

from __future__ import annotations

import os

from ..errors import OptionError, TitanError
from ..host.act_as import name_of
from ..host.named_file import named_by
from ..host.safe_open import UnsafePathError, open_seen, read_file
from . import minisign, openssh

_MOST = 100_000  # bytes of a private key


def signed(content: bytes, key: str) -> bytes:
    """The content with its signature by the private key in the file key; content ends with a line end.

    Raises:
        OptionError: the key cannot be used.
        TitanError: the program for this kind of key is missing.
    """
    if not os.access(key, os.R_OK):
        there = "is no such file" if not os.path.lexists(key) else "is a file that this user may not read"
        advice = f"As {name_of(os.geteuid())}, create a key: ssh-keygen -t ed25519 -N '' -f FILE"
        raise OptionError("key", key, f"There {there}. {advice}")
    try:
        with open_seen(key) as stream:
            secret = stream.read(_MOST)
    except UnsafePathError as error:
        raise OptionError("key", key, f"It {error.why}. Name the file of a private key.") from error
    kind = minisign.kind_of(secret)
    return content + (kind.signature_of(content, key, secret) if kind else openssh.signature_of(content, key))


def content_of(bundle: bytes, signers: str) -> tuple[bytes, str]:
    """What a signed text says, and who has signed it, by the file of allowed signers or of public keys.

    Raises:
        OptionError: the file of signers is not there.
        TitanError: it is not signed, or not by one of them, or a byte of it is not as it was signed.
    """
    if not os.path.isfile(signers):
        raise OptionError(
            "signers",
            signers,
            "There is no such file. A line of it is: NAME ssh-ed25519 AAAA...; or it is a public key of minisign.",
        )
    for begin, signer_of in ((openssh.BEGIN, openssh.signer_of), (minisign.BEGIN, minisign.signer_of)):
        content, mark, rest = bundle.rpartition(b"\n" + begin.encode())
        if mark:
            content += b"\n"
            return content, signer_of(content, begin.encode() + rest, signers)
    raise TitanError("It is not signed: there is no signature at its end.")


def read_bundle(path: str) -> bytes:
    """The bytes of the file.

    Raises:
        OptionError: it cannot be read.
    """
    with named_by("verify", path, "read"):
        return read_file(path)
