"""What a program passes on of a server that has no room: it is told, and is not the backup's fault."""

from __future__ import annotations

import pytest
from ansible_collections.titan.database.plugins.module_utils._engine.backups.load.failure import says_nothing
from ansible_collections.titan.database.plugins.module_utils._engine.backups.programs.server_texts import names_only


@pytest.mark.parametrize(
    "text",
    [
        "temporary file size exceeds temp_file_limit (100kB)",
        'could not resize shared memory segment "/PostgreSQL.2012093624" to 16777216 bytes: No space left on device',
        "out of shared memory",
        'could not extend file "base/5/2601": No space left on device',
    ],
)
def test_a_server_without_room_is_no_bad_backup(text: str) -> None:
    assert names_only(text) == text and says_nothing(text)
    assert not names_only(f"{text}: 'a row'")
