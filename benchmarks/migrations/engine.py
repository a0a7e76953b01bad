"""The engine as one process, without Ansible. python engine.py DIRECTORY HOST PORT USER DATABASE [status]"""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "plugins" / "module_utils"))

from titan_db.connection import ConnectionSettings  # noqa: E402
from titan_db.migrations import operation, options  # noqa: E402
from titan_db.outcome import Call  # noqa: E402


def main(path: str, host: str, port: str, user: str, database: str, *words: str) -> None:
    spec = options.MIGRATION_INFO if words else options.MIGRATION
    given = {**{name: rule.get("default") for name, rule in spec.items()}, "path": path}
    run = operation.migration_info if words else operation.migration
    print(run(Call(given, ConnectionSettings(host=host, port=int(port), user=user, database=database))).summary)


if __name__ == "__main__":
    main(*sys.argv[1:])
