# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Migration files that are none: a named pipe makes nobody wait, and root reads nothing through another user's links."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from ansible_collections.titan.database.plugins.module_utils._engine.errors import TitanError
from ansible_collections.titan.database.plugins.module_utils._engine.migrations.files.directory import read_directory

from tests.others import NOBODY, directory_of_nobody


@pytest.fixture
def project() -> Iterator[Path]:
    """A directory of migrations, as nobody's has it."""
    with directory_of_nobody("a project") as folder:
        (folder / "1_folder").mkdir()
        (folder / "0001_first.sql").write_text("SELECT 1;")
        for path in folder.iterdir():
            if not os.geteuid():
                os.chown(path, NOBODY.pw_uid, NOBODY.pw_gid)
        yield folder


@pytest.mark.parametrize(
    ("naming", "name"), [("plain", "0002_x.sql"), ("flyway", "V2__x.sql"), ("directory", "1_folder/up.sql")]
)
def test_a_named_pipe_is_refused_by_name_at_once(project: Path, naming: str, name: str) -> None:
    os.mkfifo(project / name)
    with pytest.raises(TitanError, match=f"{name}.* is (a named pipe|not a regular file)"):
        read_directory(str(project), naming)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root has files that others want to see")
@pytest.mark.parametrize("kind", ["link", "link in the middle", "hard link"])
def test_root_reads_no_file_of_its_own_through_somebody_elses_link(project: Path, kind: str) -> None:
    secret = project.parent / "roots" / "up.sql"
    secret.parent.mkdir(mode=0o700)
    secret.write_text("root:s3cret")
    naming = "directory" if kind == "link in the middle" else "plain"
    if kind == "hard link":
        os.link(secret, project / "0002_x.sql")
    else:
        place = project / ("2_x" if naming == "directory" else "0002_x.sql")
        place.symlink_to(secret.parent if naming == "directory" else secret)
        os.lchown(place, NOBODY.pw_uid, NOBODY.pw_gid)
    with pytest.raises(TitanError, match="symbolic link of user|second name") as caught:
        read_directory(str(project), naming)
    assert "s3cret" not in caught.value.message


def test_links_to_ones_own_files_and_roots_links_are_followed(project: Path) -> None:
    shared = project / "shared"
    shared.mkdir()
    (shared / "x.sql").write_text("SELECT 2;")
    (project / "0002_own.sql").symlink_to(shared / "x.sql")
    if not os.geteuid():
        for path in (shared, shared / "x.sql", project / "0002_own.sql"):
            os.chown(path, NOBODY.pw_uid, NOBODY.pw_gid, follow_symlinks=False)
        (project / "0003_roots.sql").symlink_to(shared / "x.sql")
    found = read_directory(str(project), "plain")
    assert [each["content"] for each in found] == ["SELECT 1;", *["SELECT 2;"] * (len(found) - 1)] and len(found) > 1
