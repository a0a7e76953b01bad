# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A signed text: what is said, and below it the signature of OpenSSH's ssh-keygen -Y sign.

Any byte that differs is found. The content is what was signed; of the signature, which could be written in several ways, only
the one that ssh-keygen writes is accepted.
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
from ..host.act_as import name_of
from ..host.named_file import named_by
from ..host.programs import run
from ..host.safe_open import read_file
from ..text.one_line import printable

NAMESPACE = "titan-db-evidence"
_BEGIN, _END = "-----BEGIN SSH SIGNATURE-----\n", "-----END SSH SIGNATURE-----\n"
_LIMIT = 60.0


def signed(content: bytes, key: str) -> bytes:
    """The content with its signature by the private key in the file key; content ends with a line end.

    Raises:
        OptionError: the key cannot be used.
        TitanError: there is no ssh-keygen.
    """
    if not os.access(key, os.R_OK):
        there = "is no such file" if not os.path.lexists(key) else "is a file that this user may not read"
        advice = f"As {name_of(os.geteuid())}, make a key: ssh-keygen -t ed25519 -N '' -f FILE"
        raise OptionError("key", key, f"There {there}. {advice}")
    done = _keygen("-Y", "sign", "-f", os.path.abspath(key), "-n", NAMESPACE, input=content)
    if done.returncode or not done.stdout.startswith(_BEGIN.encode()):
        why = printable(done.stderr.decode("utf-8", "replace").strip().splitlines()[-1] if done.stderr.strip() else "")
        raise OptionError(
            "key", key, f"ssh-keygen does not sign with it: {why}. It needs a private key without a passphrase."
        )
    return content + _armored(_decoded(done.stdout.decode("ascii")))


def content_of(bundle: bytes, signers: str) -> tuple[bytes, str]:
    """What a signed text says, and who has signed it, by the file of allowed signers (see ssh-keygen(1)).

    Raises:
        OptionError: the file of signers is not there.
        TitanError: it is not signed, or not by one of them, or a byte of it is not as it was signed.
    """
    if not os.path.isfile(signers):
        raise OptionError("signers", signers, "There is no such file. A line of it is: NAME ssh-ed25519 AAAA...")
    content, begin, rest = bundle.rpartition(_BEGIN.encode())
    if not begin:
        raise TitanError("It is not signed: there is no SSH SIGNATURE at its end.")
    try:
        blob = _decoded((begin + rest).decode("ascii"))
    except (ValueError, binascii.Error):
        blob = b""
    if not blob or _armored(blob) != begin + rest:
        raise TitanError("Its signature was altered: it is not what ssh-keygen writes.")
    with tempfile.TemporaryDirectory(prefix="titan-evidence-") as folder:
        signature = os.path.join(folder, "signature")
        with open(signature, "wb") as stream:
            stream.write(begin + rest)
        found = _keygen("-Y", "find-principals", "-f", os.path.abspath(signers), "-s", signature)
        names = found.stdout.decode("utf-8", "replace").splitlines()
        if found.returncode or not names:
            raise TitanError(f"It is signed by a key that {signers} does not name.")
        checked = _keygen(
            "-Y",
            "verify",
            "-f",
            os.path.abspath(signers),
            "-I",
            names[0],
            "-n",
            NAMESPACE,
            "-s",
            signature,
            input=content,
        )
    if checked.returncode:
        raise TitanError(
            "It is not what was signed: at least one byte was altered, or the key was not valid at that time."
        )
    return content, printable(names[0])


def _decoded(armored: str) -> bytes:
    found = re.fullmatch(rf"{_BEGIN}(.*){_END}\n*", armored, re.S)
    return base64.b64decode(found[1].replace("\n", ""), validate=True) if found else b""


def _armored(blob: bytes) -> bytes:
    """The one form that is accepted: 70 characters a line, as ssh-keygen writes it."""
    text = base64.b64encode(blob).decode("ascii")
    lines = "".join(f"{text[at : at + 70]}\n" for at in range(0, len(text), 70))
    return f"{_BEGIN}{lines}{_END}".encode("ascii")


def _keygen(*arguments: str, **options: Any) -> Any:
    program = shutil.which("ssh-keygen")
    if program is None:
        raise TitanError("ssh-keygen is missing: install the package openssh-client (8.2 or newer).")
    environment = {"PATH": os.environ.get("PATH", ""), "LC_ALL": "C", "HOME": os.environ.get("HOME", "/")}
    # Without a terminal, and told so: a key with a passphrase is refused at once.
    environment |= {"SSH_ASKPASS": "/bin/false", "SSH_ASKPASS_REQUIRE": "force", "DISPLAY": ""}
    return run([program, *arguments], capture_output=True, timeout=_LIMIT, env=environment, **options)


def read_bundle(path: str) -> bytes:
    """The bytes of the file.

    Raises:
        OptionError: it cannot be read.
    """
    with named_by("verify", path, "read"):
        return read_file(path)
