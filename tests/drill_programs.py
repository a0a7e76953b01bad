# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PostgreSQL's programs for drills of the tests, of which initdb makes a cluster once and copies it afterwards.

Hundreds of drills begin with an empty cluster, equal but for its superuser's name: making it takes four times the processor time
of a copy, and was a fifth of the time of the tests of backups. Servers of the tests themselves are made by the real program.
"""

from __future__ import annotations

import atexit
import functools
import os
import shutil
import tempfile
from pathlib import Path

from tests.conftest import embedded_programs

INITDB = """#!/bin/sh
# initdb -D DIRECTORY OPTION...: a copy of what the real program has made with these options for this user.
real='{real}' data=$2 name=
[ "$1" = -D ] && [ ! -e "$data" ] || exec "$real" "$@"
key=$(id -u)
shift 2
for option; do
    case $option in
    --username=*[!a-z0-9_]*) exec "$real" -D "$data" "$@" ;;
    --username=*) name=${{option#*=}} ;;
    *) key="$key$option" ;;
    esac
done
made="{cache}/$(printf %s "$key" | tr -c 'a-zA-Z0-9=-' _)"
if [ -d "$made" ]; then
    umask 077
    if cp -r "$made" "$data" && printf '%s\n' "UPDATE pg_authid SET rolname = '$name' WHERE oid = 10" |
        "${{real%initdb}}postgres" --single -F -D "$data" postgres; then
        exit 0
    fi >/dev/null 2>&1
    rm -rf "$data"
    exec "$real" -D "$data" "$@"
fi
"$real" -D "$data" "$@" || exit
cp -r "$data" "$made.$$" && mv -T "$made.$$" "$made" || rm -rf "$made.$$"
"""


@functools.cache
def drill_programs() -> str:
    """A directory with the embedded PostgreSQL's programs, and with such an initdb; one for each process of the tests."""
    programs = embedded_programs()
    folder = Path(tempfile.mkdtemp(prefix="titan-programs-"))
    folder.chmod(0o755)
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    for name in ("lib", "share"):
        (folder / name).symlink_to(Path(programs).parent / name)
    (folder / "cache").mkdir()
    (folder / "cache").chmod(0o1777)
    (folder / "bin").mkdir()
    for path in Path(programs).iterdir():
        (folder / "bin" / path.name).symlink_to(path)
    initdb = folder / "bin" / "initdb"
    initdb.unlink()
    initdb.write_text(INITDB.format(real=os.path.join(programs, "initdb"), cache=folder / "cache"))
    initdb.chmod(0o755)
    return str(initdb.parent)
