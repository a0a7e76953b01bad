# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a service may start something for a user now: PAM's own answer, asked as the service does it.

Cron asks PAM before each job (pam_acct_mgmt(3)): for an account or a password that has expired, or that a rule of the host keeps
out, it starts nothing, and only its own log says so.
"""

from __future__ import annotations

import ctypes
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

POLICIES = "/etc/pam.d"
_LIBRARY = "libpam.so.0"
_HELPERS = ("/usr/sbin/unix_chkpwd", "/sbin/unix_chkpwd")  # through it pam_unix reads /etc/shadow for others than root
_GET_NO_NEW_PRIVS = 39  # of prctl(2)
# PAM_SILENT, PAM_CONV_ERR, PAM_PERM_DENIED, as in security/_pam_types.h of Linux-PAM
_SILENT, _CANNOT_ASK, _PERMISSION_DENIED = 0x8000, 19, 6
# What Debian's policy makes of an expired account, too.
DENIED = "PAM denies access (the account has expired, or a rule keeps it out)"
# Those that speak of the account; any other tells of a module that this user may not ask.
_REFUSALS = {
    6: DENIED,
    7: DENIED,
    10: "the account is unknown",
    12: "the password has expired",
    13: "the account has expired",
}
PASSWORD_EXPIRED, ACCOUNT_EXPIRED = _REFUSALS[12], _REFUSALS[13]


class _Conversation(ctypes.Structure):
    """struct pam_conv: whoever asks for a password gets none."""

    _fields_ = [("conv", ctypes.CFUNCTYPE(ctypes.c_int)), ("appdata_ptr", ctypes.c_void_p)]


def why_refused(user: str, services: tuple[str, ...]) -> str:
    """Why PAM would not let the first of the services that has a policy here start something for the user; empty if it would.

    Empty, too, where none has a policy, there is no PAM, or this process could not be told: then it is not asked.
    """
    if not _is_told():
        return ""
    with _started(user, services) as (pam, handle):
        return _REFUSALS.get(pam.pam_acct_mgmt(handle, _SILENT), "") if pam else ""


def enter_session(user: str, services: tuple[str, ...]) -> tuple[str, dict[str, str]]:
    """Give this process, which is root's, what a session of the first of the services that has a policy gives to the user: its limits.

    Returns:
        Why PAM refuses the session, empty if it does not; and the variables that it sets.
    """
    with _started(user, services) as (pam, handle):
        if not pam:
            return "", {}
        status = pam.pam_open_session(handle, _SILENT)
        if status == _PERMISSION_DENIED:
            return "PAM refuses the session (a rule such as maxlogins in /etc/security/limits.d)", {}
        # Another failure may be this process's own: one with a login of its own gets no second one (pam_loginuid).
        variables = _variables(pam, handle)
        if not status:
            pam.pam_close_session(handle, _SILENT)  # what it did to this process stays
        return "", variables


def _variables(pam: ctypes.CDLL, handle: ctypes.c_void_p) -> dict[str, str]:
    pam.pam_getenvlist.restype = ctypes.POINTER(ctypes.c_char_p)
    found = pam.pam_getenvlist(handle)
    texts: list[str] = []
    while found and found[len(texts)]:
        texts.append(os.fsdecode(found[len(texts)]))
    return {name: value for name, _equals, value in (text.partition("=") for text in texts)}


@contextmanager
def _started(user: str, services: tuple[str, ...]) -> Iterator[tuple[Any, ctypes.c_void_p]]:
    """PAM's library and a transaction of the service for the user; None for the library where there is none."""
    service = next((name for name in services if os.path.exists(os.path.join(POLICIES, name))), "")
    answer = _Conversation._fields_[0][1](lambda: _CANNOT_ASK)
    conversation, handle = _Conversation(answer, None), ctypes.c_void_p()
    try:
        pam = ctypes.CDLL(_LIBRARY) if service else None
    except OSError:
        pam = None
    if pam and pam.pam_start(service.encode(), user.encode(), ctypes.byref(conversation), ctypes.byref(handle)):
        pam = None
    try:
        yield pam, handle
    finally:
        if pam:
            pam.pam_end(handle, 0)


def _is_told() -> bool:
    """Whether pam_unix can answer this process: root, or a user whose helper gets its group; else it would deny everybody."""
    if os.geteuid() == 0:
        return True
    helper = next((path for path in _HELPERS if os.path.exists(path)), "")
    gets_it = bool(helper) and bool(os.stat(helper).st_mode & (stat.S_ISGID | stat.S_ISUID))
    return gets_it and ctypes.CDLL(None).prctl(_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 0
