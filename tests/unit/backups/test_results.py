# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""When a backup takes so long that somebody should know."""

from __future__ import annotations

import pytest
from ansible_collections.titan.database.plugins.module_utils._engine.backups.results import too_long

from tests.manifests import manifest_of


@pytest.mark.parametrize(
    ("dump", "proof", "window", "warned"),
    [(10, 20, 0, False), (10, 20, 60, False), (10, 20.1, 60, True), (31, 0, 60, True), (0, 31, 60, True)],
)
def test_dump_and_proof_may_take_half_of_the_window(dump: float, proof: float, window: int, warned: bool) -> None:
    said = too_long(manifest_of(seconds={"dump": dump}, verified={"level": "none", "seconds": proof}), window)
    assert len(said) == warned
    assert all(f"more than half of the window of {window} s" in line and "drill" in line for line in said)
