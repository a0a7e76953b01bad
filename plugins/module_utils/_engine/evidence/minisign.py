# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Signatures of minisign and of OpenBSD's signify, whose files have the same form: a comment, and Ed25519 in Base64 below it.

Their first line is signed by nobody. Ours is always the same, and no other is accepted, nor another way to write the Base64.
See minisign(1) and signify(1).
"""

from __future__ import annotations

import base64
import binascii
import os
import shutil
import tempfile
from collections.abc import Sequence
from typing import Any, NamedTuple

from ..errors import OptionError, TitanError
from ..host.named_file import named_by
from ..host.programs import run
from ..host.safe_open import read_file
from ..text.one_line import printable

BEGIN = "untrusted comment: titan-db-evidence\n"
_TRUSTED = "titan-db-evidence"  # what minisign signs beside the content
_COMMENT, _TRUSTED_LINE = b"untrusted comment: ", f"trusted comment: {_TRUSTED}".encode()
_PUBLIC, _SIGNATURE, _GLOBAL = 42, 74, 64  # bytes: algorithm 2, key's number 8, then key 32 or signature 64
_LIMIT = 60.0


class Kind(NamedTuple):
    """A kind of private key: what its program is called (the first that is there is taken) and who has it."""

    programs: tuple[str, ...]
    package: str
    length: int
    encrypted: slice
    clear: bytes
    advice: str

    def signature_of(self, content: bytes, key: str, secret: bytes) -> bytes:
        """The signature of the content by the private key in the file key, whose bytes are secret.

        Raises:
            OptionError: the key has a password, or cannot be used.
            TitanError: the program is missing.
        """
        if _base64_line(secret, self.length)[self.encrypted] != self.clear:
            raise OptionError("key", key, f"It has a password. Make one without: {self.advice}")
        program = _program(self)
        with tempfile.TemporaryDirectory(prefix="titan-evidence-") as folder:
            message, made = (os.path.join(folder, name) for name in ("content", "signature"))
            _put(message, content)
            comments = ("-c", _TRUSTED, "-t", _TRUSTED) if self is MINISIGN else ()
            done = _run(program, "-S", "-s", os.path.abspath(key), "-m", message, "-x", made, *comments)
            if done.returncode or not os.path.isfile(made):
                raise OptionError("key", key, f"{os.path.basename(program)} does not sign with it: {_why(done)}.")
            with open(made, "rb") as stream:
                lines = stream.read().splitlines()[1:]
        return BEGIN.encode() + b"".join(line + b"\n" for line in lines)


MINISIGN = Kind(("minisign",), "minisign", 158, slice(2, 4), b"\0\0", "minisign -G -W -s FILE -p FILE.pub")
SIGNIFY = Kind(
    ("signify-openbsd", "signify"), "signify-openbsd", 104, slice(4, 8), b"\0\0\0\0", "signify-openbsd -G -n -s FILE.sec -p FILE.pub"
)  # fmt: skip


def kind_of(secret: bytes) -> Kind | None:
    """The kind of private key that a file holds; None for another one."""
    if not secret.startswith(_COMMENT):
        return None
    return next((kind for kind in (MINISIGN, SIGNIFY) if _base64_line(secret, kind.length)), None)


def signer_of(content: bytes, signature: bytes, signers: str) -> str:
    """Who has signed the content: the comment of the public key, in the file signers, that the signature names.

    Raises:
        OptionError: the file cannot be read.
        TitanError: none of its keys, or a byte is not as it was signed.
    """
    lines = signature.split(b"\n")
    signed = _decoded(lines[1], _SIGNATURE)
    kind = MINISIGN if len(lines) == 5 else SIGNIFY
    sound = signed and not lines[-1] and len(lines) in (3, 5) and signed[:2] == (b"ED" if kind is MINISIGN else b"Ed")
    if not sound or (kind is MINISIGN and (lines[2] != _TRUSTED_LINE or not _decoded(lines[3], _GLOBAL))):
        raise TitanError("Its signature was altered: it is not what minisign or signify writes.")
    with named_by("signers", signers, "read"):
        keys = _public_keys(read_file(signers).splitlines())
    found = [(name, line) for name, line in keys if _decoded(line, _PUBLIC)[2:10] == signed[2:10]]
    if not found:
        raise TitanError(f"It is signed by a key that {signers} does not hold.")
    name, public = found[0]
    program = _program(kind)
    with tempfile.TemporaryDirectory(prefix="titan-evidence-") as folder:
        message, given, key = (os.path.join(folder, name) for name in ("content", "signature", "key.pub"))
        _put(message, content)
        _put(given, signature)
        _put(key, _COMMENT + b"key\n" + public + b"\n")
        done = _run(program, "-V", "-q", "-p", key, "-m", message, "-x", given)
    if done.returncode:
        raise TitanError("It is not what was signed: at least one byte was altered.")
    return printable(name)


def _public_keys(lines: Sequence[bytes]) -> list[tuple[str, bytes]]:
    """(comment, Base64) of each key of a file with one after the other."""
    return [
        (above.removeprefix(_COMMENT).decode("utf-8", "replace").strip(), line)
        for above, line in zip(lines, lines[1:])
        if above.startswith(_COMMENT) and _decoded(line, _PUBLIC)
    ]


def _base64_line(text: bytes, length: int) -> bytes:
    lines = text.splitlines()
    return _decoded(lines[1], length) if len(lines) > 1 else b""


def _decoded(line: bytes, length: int) -> bytes:
    """The bytes; none where it is not the Base64 of so many, written in the usual way."""
    try:
        found = base64.b64decode(line, validate=True)
    except (ValueError, binascii.Error):
        return b""
    return found if len(found) == length and base64.b64encode(found) == line else b""


def _put(path: str, content: bytes) -> None:
    with open(path, "wb") as stream:
        stream.write(content)


def _program(kind: Kind) -> str:
    found = next(filter(None, map(shutil.which, kind.programs)), None)
    if found is None:
        raise TitanError(f"{kind.programs[0]} is missing: install the package {kind.package}.")
    return found


def _run(program: str, *arguments: str) -> Any:
    # In a session of its own it has no terminal that it could ask for a password.
    return run([program, *arguments], capture_output=True, timeout=_LIMIT, input=b"", start_new_session=True)


def _why(done: Any) -> str:
    said = (done.stderr or done.stdout).decode("utf-8", "replace").strip().splitlines()
    return printable(said[-1]) if said else f"status {done.returncode}"
