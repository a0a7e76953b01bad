"""The engine as one process, without Ansible. python engine.py DIRECTORY HOST PORT USER DATABASE [status]"""

from __future__ import annotations

import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(HERE)), "plugins", "module_utils"))

from _engine.migrations import (
    information,
    operation,
    options,  # noqa: E402
)
from _engine.outcome import Call  # noqa: E402
from _engine.postgres.connection import ConnectionSettings  # noqa: E402
from _engine.text.options import defaults  # noqa: E402


def main(path: str, host: str, port: str, user: str, database: str, *words: str) -> None:
    spec = options.MIGRATION_INFO if words else options.MIGRATION
    given = {**defaults(spec), "path": path}
    run = information.migration_info if words else operation.migration
    print(run(Call(given, ConnectionSettings(host=host, port=int(port), user=user, database=database))).summary)


if __name__ == "__main__":
    main(*sys.argv[1:])
