# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Signatures of OpenSSH: ssh-keygen -Y sign and -Y verify.

Of the signature, which could be written in several ways, only the one that ssh-keygen writes is accepted.
"""

from __future__ import annotations

import base64
import binascii
import os
import re
import shutil
import tempfile
from typing import Any

from ..errors import OptionError, TitanError
from ..host.programs import run
from ..text.one_line import printable

NAMESPACE = "titan-db-evidence"
BEGIN, _END = "-----BEGIN SSH SIGNATURE-----\n", "-----END SSH SIGNATURE-----\n"
_LIMIT = 60.0


def signature_of(content: bytes, key: str) -> bytes:
    """The signature of the content by the private key in the file key.

    Raises:
        OptionError: the key cannot be used.
        TitanError: there is no ssh-keygen.
    """
    done = _keygen("-Y", "sign", "-f", os.path.abspath(key), "-n", NAMESPACE, input=content)
    if done.returncode or not done.stdout.startswith(BEGIN.encode()):
        why = printable(done.stderr.decode("utf-8", "replace").strip().splitlines()[-1] if done.stderr.strip() else "")
        raise OptionError(
            "key", key, f"ssh-keygen does not sign with it: {why}. It needs a private key without a passphrase."
        )
    return _armored(_decoded(done.stdout.decode("ascii")))


def signer_of(content: bytes, signature: bytes, signers: str) -> str:
    """Who has signed the content, by the file of allowed signers (see ssh-keygen(1)).

    Raises:
        TitanError: not one of them, or a byte is not as it was signed.
    """
    try:
        blob = _decoded(signature.decode("ascii"))
    except (ValueError, binascii.Error):
        blob = b""
    if not blob or _armored(blob) != signature:
        raise TitanError("Its signature was altered: it is not what ssh-keygen writes.")
    allowed = os.path.abspath(signers)
    with tempfile.TemporaryDirectory(prefix="titan-evidence-") as folder:
        path = os.path.join(folder, "signature")
        with open(path, "wb") as stream:
            stream.write(signature)
        found = _keygen("-Y", "find-principals", "-f", allowed, "-s", path)
        names = found.stdout.decode("utf-8", "replace").splitlines()
        if found.returncode or not names:
            raise TitanError(f"It is signed by a key that {signers} does not name.")
        checked = _keygen(
            "-Y", "verify", "-f", allowed, "-I", names[0], "-n", NAMESPACE, "-s", path, input=content
        )  # fmt: skip
    if checked.returncode:
        raise TitanError(
            "It is not what was signed: at least one byte was altered, or the key was not valid at that time."
        )
    return printable(names[0])


def _decoded(armored: str) -> bytes:
    found = re.fullmatch(rf"{BEGIN}(.*){_END}\n*", armored, re.S)
    return base64.b64decode(found[1].replace("\n", ""), validate=True) if found else b""


def _armored(blob: bytes) -> bytes:
    """The one form that is accepted: 70 characters a line, as ssh-keygen writes it."""
    text = base64.b64encode(blob).decode("ascii")
    lines = "".join(f"{text[at : at + 70]}\n" for at in range(0, len(text), 70))
    return f"{BEGIN}{lines}{_END}".encode("ascii")


def _keygen(*arguments: str, **options: Any) -> Any:
    program = shutil.which("ssh-keygen")
    if program is None:
        raise TitanError("ssh-keygen is missing: install the package openssh-client (8.2 or newer).")
    environment = {"PATH": os.environ.get("PATH", ""), "LC_ALL": "C", "HOME": os.environ.get("HOME", "/")}
    # Without a terminal, and told so: a key with a passphrase is refused at once.
    environment |= {"SSH_ASKPASS": "/bin/false", "SSH_ASKPASS_REQUIRE": "force", "DISPLAY": ""}
    return run([program, *arguments], capture_output=True, timeout=_LIMIT, env=environment, **options)
