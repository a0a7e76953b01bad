# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A comparison through a pipelined connection without a module: one Python on the host, which reads this program from its input."""

from __future__ import annotations

import json
from typing import Any

from ansible_collections.titan.database.plugins.module_utils._engine.converge.verdict import (
    Answer,
    summary_of,
    unsettled,
)
from ansible_collections.titan.database.plugins.plugin_utils.piped_python import ENGINE, MARK

# What decides whether the installed command may be asked, in the order of its imports.
_TRUST = ("typed", "errors", "host/safe_open", "host/act_as", "converge/trust")

_PROGRAM = """import json, os, sys, types
given = json.loads({given!r})
os.chdir("/")
for name, source in given["sources"]:
    module = types.ModuleType("titan_ask." + name.replace("/", "."))
    module.__package__ = module.__name__.rpartition(".")[0]
    sys.modules[module.__package__] = sys.modules.get(module.__package__, types.ModuleType(module.__package__))
    sys.modules[module.__name__] = module
    exec(compile(source, "<" + name + ">", "exec"), module.__dict__)
why = module.unusable(given["command"], given["digest"])
if why:
    answer = {{"unusable": why}}
else:
    sys.path.insert(0, given["command"])
    from titan_start import use_compiled
    use_compiled(given["command"], given["digest"])
    from titan_db.converge.answer import compare
    answer = compare(given["steps"])
print()
print({mark!r} + json.dumps(answer, default=str))
"""


def program(command: str, digest: str, steps: list[dict[str, Any]]) -> bytes:
    """The program; what it is asked stands in it, so that nothing of that is in an argument or a file.

    Args:
        command: Path of the installed titan-db on the host.
        digest: The checksum that it has to have.
        steps: As the module takes them, with what the controller has of them.
    """
    sources = [(name, (ENGINE / f"{name}.py").read_text(encoding="utf-8")) for name in _TRUST]
    given = {"sources": sources, "command": command, "digest": digest, "steps": steps}
    return _PROGRAM.format(given=json.dumps(given), mark=MARK).encode()


def answer(found: dict[str, Any]) -> Answer:
    """What the program has found, as the installed command says it."""
    return unsettled("command", found["unusable"]) if "unusable" in found else Answer(**found)


def as_returned(found: Answer) -> dict[str, Any]:
    """The answer as the module returns it."""
    return {**found, "summary": summary_of(found), "changed": False}
