# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a converge looks after on the host with modules of ansible-core: whether it is there already. Nothing is written."""

from __future__ import annotations

import pwd
import re
import subprocess

from ..environment.host_command import install_content
from ..host.programs import run
from ..host.safe_open import read_file
from ..outcome import Call, Outcome

_NAME = re.compile(
    r"[a-z0-9][a-z0-9.+-]*"
)  # anything else (a version, a file, a pattern) is for the package manager to understand
# What all jobs together need of the service that starts them, as the role host requires it (roles/host/tasks/tonight.yml).
_LEAST = {"TasksMax": 32, "MemoryMax": 192 << 20}
_UNITS = (".service", ".target", ".timer", ".path", ".socket")  # such as cron.target, of systemd-cron


def user(call: Call) -> Outcome:
    """Whether the user exists."""
    name = str(call.options["name"])
    try:
        pwd.getpwnam(name)
    except KeyError:
        return _to_do(f"there is no user {name}")
    return _in_place()


def packages(call: Call) -> Outcome:
    """Whether dpkg knows all the packages as installed; where there is no dpkg, that is not known."""
    names = sorted(set(call.options["names"]))
    if not all(map(_NAME.fullmatch, names)):
        return _to_do("only the package manager knows whether all packages are installed")
    try:
        found = _said(["dpkg-query", "--show", "--showformat", "${db:Status-Status}\n", "--", *names])
    except OSError as error:
        return _to_do(f"dpkg cannot be asked for packages: {error}")
    return _in_place() if found.split() == ["installed"] * len(names) else _to_do("a package is not installed")


def service(call: Call) -> Outcome:
    """Whether systemd runs the service and starts it at boot; another init system is not asked."""
    name = str(call.options["name"])
    unit = name if name.endswith(_UNITS) else f"{name}.service"  # as systemctl(1) reads it
    try:
        properties = ",".join(("ActiveState", "UnitFileState", *_LEAST))
        shown = _said(["systemctl", "show", "--property", properties, "--", unit])
    except OSError as error:
        return _to_do(f"systemd cannot be asked for {name}: {error}")
    found = dict(line.split("=", 1) for line in shown.splitlines() if "=" in line)
    if (found.get("ActiveState"), found.get("UnitFileState")) != ("active", "enabled"):
        return _to_do(f"the service {name} is not active or not enabled")
    for limit, least in _LEAST.items():
        if found.get(limit, "").isdigit() and int(found[limit]) < least:
            return _to_do(f"the service {name} has {limit}={found[limit]}, and its jobs need {least}")
    return _in_place()


def host_command(call: Call) -> Outcome:
    """As the module, with the installed command for its content: it is this program, and was compared already."""
    return install_content(call, read_file(call.options["path"]))


def _said(arguments: list[str]) -> str:
    done = run(arguments, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    return str(done.stdout.decode("utf-8", "replace"))


def _to_do(what: str) -> Outcome:
    return Outcome(True, {}, what)


def _in_place() -> Outcome:
    return Outcome(False, {}, "")
