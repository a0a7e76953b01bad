# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The program that starts another one in namespaces of its own: run by host/sandbox.py as a process, from its text.

It stands alone, because it is run before anything of this package can be found. Argument: one JSON object (see Order).
"""

from __future__ import annotations

import ctypes
import json
import os
import platform
import select
import signal
import stat
import sys
from typing import TypedDict

_NEW_MOUNT, _NEW_UTS, _NEW_IPC, _NEW_USER, _NEW_PID, _NEW_NET = (
    0x00020000, 0x04000000, 0x08000000, 0x10000000, 0x20000000, 0x40000000,
)  # fmt: skip
_READ_ONLY, _NO_SUID, _NO_DEVICES, _REMOUNT, _BIND, _ALL, _PRIVATE = 1, 2, 4, 32, 4096, 16384, 1 << 18
_DETACH = 2
_NO_NEW_PRIVILEGES = 38
_PIVOT_ROOT = {"x86_64": 155, "aarch64": 41, "riscv64": 41, "ppc64le": 203, "s390x": 217, "armv7l": 218, "i686": 217}
# Flags of statvfs(2) that a mount of somebody else's has to keep, and what mount(2) calls them.
_KEPT = {2: 2, 4: 4, 8: 8, 1024: 1024, 2048: 2048, 4096: 1 << 21}
_SYSTEM = ("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32")
_SETTINGS = (
    "passwd", "group", "nsswitch.conf", "localtime", "timezone", "ld.so.cache", "ld.so.conf", "ld.so.conf.d",
    "alternatives", "locale.alias",
)  # fmt: skip
_DEVICES = ("null", "zero", "full", "random", "urandom")
_BASE = b"/tmp"  # noqa: S108  where the new root is built, in a namespace that nobody else sees

_libc = ctypes.CDLL(None, use_errno=True)


class Order(TypedDict):
    """What to start.

    Attributes:
        argv: Program and arguments, from the root.
        folder: The only directory that can be written to.
        readable: Further directories that can be read.
        user, group: Numbers to run it as.
        watch: Descriptor of a pipe's reading end; when its other end is closed, all that was started is killed.
    """

    argv: list[str]
    folder: str
    readable: list[str]
    user: int
    group: int
    watch: int


def main() -> None:
    order: Order = json.loads(sys.argv[1])
    _unshare(order)
    _build_root(order)
    inside = os.fork()
    if inside == 0:
        _be_first_process(order)
    _watch(inside, order["watch"])


def _check(result: int, what: str) -> None:
    if result:
        error = ctypes.get_errno()
        raise OSError(error, f"{os.strerror(error)} ({what})")


def _unshare(order: Order) -> None:
    flags = _NEW_MOUNT | _NEW_UTS | _NEW_IPC | _NEW_PID | _NEW_NET
    ordinary = os.geteuid() != 0
    _check(_libc.unshare(flags | (_NEW_USER if ordinary else 0)), "unshare")
    if ordinary:
        for name, content in (
            ("setgroups", "deny"),
            ("uid_map", f"{order['user']} {order['user']} 1"),
            ("gid_map", f"{order['group']} {order['group']} 1"),
        ):
            with open(f"/proc/self/{name}", "w", encoding="ascii") as stream:
                stream.write(content)


def _mount(source: str, target: bytes, kind: str, flags: int, data: str = "") -> None:
    done = _libc.mount(os.fsencode(source), target, kind.encode(), ctypes.c_ulong(flags), data.encode())
    _check(done, f"mount {os.fsdecode(target)}")


def _build_root(order: Order) -> None:
    """A root with the system's programs, read-only, and the folder; then it is the root."""
    wanted = [(os.path.realpath(path), False) for path in order["readable"]]
    wanted.append((os.path.realpath(order["folder"]), True))
    opened = [(path, os.open(path, os.O_PATH | os.O_DIRECTORY), writable) for path, writable in wanted]
    umask = os.umask(0o022)  # whoever runs the program has to get through the directories that are made here
    _mount("none", b"/", "", _ALL | _PRIVATE)
    _mount("tmpfs", _BASE, "tmpfs", _NO_SUID | _NO_DEVICES, "mode=0755")
    for path in _SYSTEM:
        if os.path.islink(path):
            os.symlink(os.readlink(path), _BASE + os.fsencode(path))
        elif os.path.isdir(path):
            _bind(path, path, False)
    for name in _SETTINGS:
        if os.path.exists(f"/etc/{name}"):
            _bind(os.path.realpath(f"/etc/{name}"), f"/etc/{name}", False)
    for name in _DEVICES:
        _bind(f"/dev/{name}", f"/dev/{name}", True)
    os.makedirs(_BASE + b"/dev/shm")
    _mount("tmpfs", _BASE + b"/dev/shm", "tmpfs", _NO_SUID | _NO_DEVICES, "mode=1777")
    os.makedirs(_BASE + b"/tmp")
    _mount("tmpfs", _BASE + b"/tmp", "tmpfs", _NO_SUID | _NO_DEVICES, "mode=1777")
    for path, descriptor, writable in opened:
        if not any(path == system or path.startswith(f"{system}/") for system in _SYSTEM):
            _bind(f"/proc/self/fd/{descriptor}", path, writable)
        os.close(descriptor)
    _mount("none", _BASE, "", _BIND | _REMOUNT | _READ_ONLY | _NO_SUID | _NO_DEVICES)
    os.chdir(_BASE)
    _check(_libc.syscall(_PIVOT_ROOT[platform.machine()], b".", b"."), "pivot_root")
    _check(_libc.umount2(b".", _DETACH), "umount")
    os.chdir("/")
    os.umask(umask)


def _bind(source: str, path: str, writable: bool) -> None:
    """Show what is at source under the path in the new root."""
    target = _BASE + os.fsencode(path)
    os.makedirs(os.path.dirname(target), exist_ok=True)
    if stat.S_ISDIR(os.stat(source).st_mode):
        os.makedirs(target, exist_ok=True)
    else:
        os.close(os.open(target, os.O_CREAT | os.O_WRONLY, 0o644))
    _mount(source, target, "", _BIND | _ALL)
    flags = sum(number for seen, number in _KEPT.items() if os.statvfs(target).f_flag & seen) | _NO_SUID
    _mount("none", target, "", _BIND | _REMOUNT | flags | (0 if writable else _READ_ONLY))


def _be_first_process(order: Order) -> None:
    """The first process of the namespace: what it starts and loses is its to bury, and ends with it."""
    if os.geteuid() == 0:
        os.setgroups([])
        os.setgid(order["group"])
        os.setuid(order["user"])
    _check(_libc.prctl(_NO_NEW_PRIVILEGES, 1, 0, 0, 0), "prctl")
    os.close(order["watch"])
    started = os.fork()
    if started == 0:
        try:
            os.execv(order["argv"][0], order["argv"])  # noqa: S606  no shell is wanted
        finally:
            os._exit(127)
    while True:
        ended, status = os.wait()
        if ended == started:
            os._exit(status >> 8 if not status & 0x7F else 128 + (status & 0x7F))


def _watch(inside: int, watch: int) -> None:
    """Wait until it ends, or whoever has started us is gone."""
    while True:
        gone = select.select([watch], [], [], 0.1)[0]
        if gone:
            os.kill(inside, signal.SIGKILL)
        ended, status = os.waitpid(inside, 0 if gone else os.WNOHANG)
        if ended:
            os._exit(status >> 8 if not status & 0x7F else 128 + (status & 0x7F))


if __name__ == "__main__":
    try:
        main()
    except (OSError, KeyError) as problem:
        sys.stderr.write(f"no namespaces: {problem}\n")
        sys.stderr.flush()
        os._exit(126)
