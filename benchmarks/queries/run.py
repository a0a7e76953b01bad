# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the nine indexes do for the nine queries: python -m benchmarks.queries.run --scale 10 --markdown docs/benchmark-queries.md

A throw-away server with Titan's base schema, a backup of it, and titan-db measure on that: nothing has to be installed.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
sys.path[:0] = [str(ROOT / "collections"), str(ROOT)]

from ansible_collections.titan.database.plugins.module_utils._engine import cli  # noqa: E402

TITAN = ROOT / "examples" / "titan"


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog="Further options are those of titan-db measure.",
    )
    parser.add_argument("--scale", type=float, default=1, help="times the original's data")
    arguments, more = parser.parse_known_args()
    from tests.conftest import embedded_programs, load_titan, start_server

    programs = embedded_programs()
    server = start_server(programs, "jit=off")
    try:
        settings = load_titan(server, arguments.scale)
        with tempfile.TemporaryDirectory(dir="/var/tmp") as folder:
            os.environ |= {
                "DB_HOST": settings.socket or settings.host,
                "DB_PORT": str(settings.port),
                "DB_USER": settings.user,
                "DB_NAME": settings.database,
            }
            where = ["--dest", folder, "--programs", programs]
            taken = cli.main(["backup", *where, "--verify", "checksum"])
            ours = ["--queries", str(TITAN / "queries"), "--migrations", str(TITAN / "migrations")]
            return taken or cli.main(["measure", *where, *ours, *more])
    finally:
        server.remove()


if __name__ == "__main__":
    sys.exit(main())
