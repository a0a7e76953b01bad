# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A pin that could not hold is refused."""

from __future__ import annotations

import pytest
from ansible_collections.titan.database.plugins.module_utils._engine.backups.catalog.keep_forever import pin_entry
from ansible_collections.titan.database.plugins.module_utils._engine.errors import OptionError
from ansible_collections.titan.database.plugins.module_utils._engine.outcome import Call

from .test_keep import entry


@pytest.mark.parametrize("state", ["present", "absent"])
def test_pgbackrest_keeps_its_backups_by_its_own_rules(state: str) -> None:
    with pytest.raises(OptionError, match="its own rules"):
        pin_entry(entry(0, format="pgbackrest"), Call({"state": state}))
