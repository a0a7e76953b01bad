# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The commands of the guides with the demo's names and paths in the places of production's, as .demo/README.md."""

from __future__ import annotations

import getpass
import re
from collections.abc import Iterator
from pathlib import Path

_FENCE = re.compile(r"((?:^<!-- [^\n]* -->\n)*)^```(sh|sql|yaml)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_MARK = re.compile(r"<!-- (file|added to|fails|run by): (.+) -->")
_OURS = re.compile(r"(?<![\w./-])titan-db(?= )")
_PSQL = re.compile(r"(?<![\w./-])psql(?= )")
# Guides whose commands are about another machine, or about the checkout itself: the demo has nothing for them.
_ELSEWHERE = ("benchmark-", "bootstrap", "contribute", "releases", "architecture", "claims", "README")

HEAD = """# The guides' commands, for this demo

Type them in the checkout, after `. .venv/bin/activate`. Each guide in `docs/` says what they do, and in which order.
SQL is for `.demo/psql`, which is the database's owner; `.demo/psql -U postgres` is the superuser. The report is in
`.demo/report.html`.
"""


def names(demo: Path) -> dict[str, str]:
    """What stands in a guide, and what it is called here; to be replaced in this order."""
    return {
        "-l production": "-l demo",
        "ansible production": "ansible demo",
        "-l staging": "-l demo",
        "hosts: production": "hosts: demo",
        "become: true": "become: false",
        "sudo -u ubuntu ": "",
        "sudo -u postgres psql -p 5433": f"{demo}/psql -U postgres -d postgres",
        "psql -h localhost -p 5433 -U titan": f"{demo}/psql",
        "become_user: ubuntu": "become_user: nobody",
        "your/inventory": "inventories/demo",
        "crontab -l": f"cat {demo}/crontab",
        "/etc/titan-db/production.json": f"{demo}/etc/titan-db.json",
        "/home/ubuntu/Titan/.env": f"{demo}/app/.env",
        "/home/ubuntu/Titan": f"{demo}/app",
        "/home/ubuntu/backups/database": f"{demo}/backups",
        "/home/ubuntu/fetched": f"{demo}/fetched",
        "/home/ubuntu/logs/db-backup-production.log": f"{demo}/logs/db-backup.log",
        "/home/ubuntu/logs": f"{demo}/logs",
        "/etc/cron.d/titan-production": f"{demo}/crontab",
        "/usr/local/bin/titan-db": f"{demo}/bin/titan-db",
        "titan_prod_": "titan_demo_",
        "titan_prod": "titan_demo",
        "user: ubuntu": f"user: {getpass.getuser()}",
        "inventories/production/group_vars/production.yml": "inventories/demo/group_vars/demo.yml",
        # The demo has no staging that could have had the migrations first.
        "titan.database.deploy -l demo": "titan.database.deploy -l demo -e deploy_rehearsed_on=",
    }


def translated(text: str, table: dict[str, str]) -> str:
    """The text with each name of the table replaced."""
    for ours, theirs in table.items():
        text = text.replace(ours, theirs)
    return text


def write(root: Path, demo: Path) -> None:
    """Write README.md into the demo's directory."""
    parts = [HEAD]
    for guide in sorted((root / "docs").glob("*.md")):
        blocks = list(_blocks(guide.read_text(encoding="utf-8"), names(Path(".demo"))))
        if blocks and not guide.name.startswith(_ELSEWHERE):
            parts += [f"## docs/{guide.name}\n", *blocks]
    (demo / "README.md").write_text("\n".join(parts), encoding="utf-8")


def typed(text: str) -> str:
    """A line of shell that one types in the checkout: the programs are the demo's."""
    return _PSQL.sub(".demo/psql", _OURS.sub(".demo/bin/titan-db", text))


def _blocks(guide: str, table: dict[str, str]) -> Iterator[str]:
    """The commands and SQL of a guide, and the files that it has one write; other YAML is variables of an inventory."""
    for above, language, text in _FENCE.findall(guide):
        marks = dict(_MARK.findall(above))
        if "run by" in marks:
            continue  # on a host with what the demo has not
        here, said = translated(text, table), ""
        if "file" in marks or "added to" in marks:
            kind, path = [pair for pair in marks.items() if pair[0] != "fails"][0]
            said = f"{'Write this to' if kind == 'file' else 'Add this to'} `{translated(path, table)}`:\n\n"
        elif language == "yaml":
            continue
        elif language == "sh":
            here = typed(here)
        if "fails" in marks:
            said = "This is refused, and the guide says why:\n\n"
        yield f"{said}```{language}\n{here}```\n"
