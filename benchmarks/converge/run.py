"""What a converge with nothing to do costs: python -m benchmarks.converge.run [ROUNDS]

Three plays on the demo (made if it is not there), in turn: one ping, site.yml with nothing to do, and modules of ansible-core for
less. Printed are the medians of the time on the clock and of the processor time, which other work on the machine changes less,
the modules that each play executed on the host, and the converge as a multiple of both others beside its goal.
"""

from __future__ import annotations

import os
import re
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "collections"), str(ROOT)]

from examples.demo import demo  # noqa: E402

HERE = Path(__file__).parent
PLAYS = {"ping": HERE / "ping.yml", "converge": ROOT / "site.yml", "stock": HERE / "stock.yml"}
GOALS = {"ping": 2.8, "stock": 0.2}
MODULES = 3


class Run(NamedTuple):
    """Seconds on the clock and of the processor, and how many modules, or programs in a module's place, ran on the host."""

    clock: float
    processor: float
    modules: int


def play(name: str) -> Run:
    """Run one play. It must succeed, and change nothing once it has been run."""
    command = [str(demo.BIN / "ansible-playbook"), str(PLAYS[name]), "-i", "inventories/demo", "-l", "demo", "-vvv"]
    before, started = os.times(), time.perf_counter()
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    clock, after = time.perf_counter() - started, os.times()
    recap = re.search(r"changed=(\d+)", done.stdout[done.stdout.rfind("PLAY RECAP") :])
    if done.returncode or recap is None:
        raise SystemExit(f"The play {name} failed:\n{done.stdout[-3000:]}{done.stderr}")
    processor = after.children_user + after.children_system - before.children_user - before.children_system
    modules = len(re.findall("Using module file|^Asking .* through the connection", done.stdout, re.M))
    return Run(clock, processor, modules if recap[1] == "0" else -modules)


def main() -> None:
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    demo.load_titan(demo.prepared_cluster(), "1")
    for name in PLAYS:
        play(name)  # does what there is to do
    runs: dict[str, list[Run]] = {name: [] for name in PLAYS}
    for _number in range(rounds):
        for name in PLAYS:
            runs[name].append(play(name))
    if any(run.modules < 0 for each in runs.values() for run in each):
        raise SystemExit("A play that had nothing to do has changed something.")
    middle = {
        name: Run(
            statistics.median(run.clock for run in each),
            statistics.median(run.processor for run in each),
            each[0].modules,
        )
        for name, each in runs.items()
    }
    for name, run in middle.items():
        print(f"{name:9} clock {run.clock:6.2f} s   processor {run.processor:6.2f} s   modules {run.modules:3}")
    for name, goal in GOALS.items():
        own, other = middle["converge"], middle[name]
        print(
            f"converge / {name}: clock {own.clock / other.clock:.2f}, processor {own.processor / other.processor:.2f} (goal {goal:g})"
        )
    print(f"converge: {middle['converge'].modules} modules (goal {MODULES})")


if __name__ == "__main__":
    main()
