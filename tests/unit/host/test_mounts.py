"""A file system that fstab or systemd names, and that is not mounted, is found by the paths that are to be on it."""

from __future__ import annotations

from pathlib import Path

import pytest
from ansible_collections.titan.database.plugins.module_utils._engine.host import mounts

FSTAB = """# <file system> <mount point> <type> <options> <dump> <pass>
UUID=1 / ext4 errors=remount-ro 0 1
UUID=2 none swap sw 0 0
UUID=3 /srv ext4 defaults 0 2
UUID=4 /srv/backups/ ext4 defaults,nofail 0 2
nas:/b /srv/my\\040disk nfs defaults 0 0
/dev/sdb1 /media/usb auto ro,noauto 0 0
/dev/sdc1 /srv/there ext4 defaults 0 2
"""


@pytest.mark.parametrize(
    ("path", "point"),
    [
        ("/srv/backups/db", "/srv/backups"),
        ("/srv/backups", "/srv/backups"),
        ("/srv/backups2", ""),
        ("/srv/my disk/x", "/srv/my disk"),
        ("/media/usb/x", ""),
        ("/srv/there/x", ""),
        ("/data/pool/x", "/data/pool"),
        ("/data/x", ""),
        ("/home/x", ""),
    ],
)
def test_what_is_not_mounted(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, path: str, point: str) -> None:
    unit = tmp_path / "multi-user.target.wants" / "data-pool.mount"
    unit.parent.mkdir()
    unit.write_text("[Mount]\nWhat=/dev/sdd1\nWhere=/data/pool\n")
    for name, text in {
        "FSTAB": FSTAB,
        "MOUNTED": "/dev/sda1 / ext4 rw 0 0\n/dev/sdx /srv ext4 rw 0 0\n/dev/sdc1 /srv/there ext4 rw 0 0\n",
    }.items():
        (tmp_path / name).write_text(text)
        monkeypatch.setattr(mounts, name, str(tmp_path / name))
    monkeypatch.setattr(mounts, "UNITS", str(tmp_path / "*.[wr]*" / "*.mount"))
    assert mounts.missing_mount(path) == point


def test_a_host_without_either_has_nothing_missing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("FSTAB", "MOUNTED", "UNITS"):
        monkeypatch.setattr(mounts, name, str(tmp_path / "none"))
    assert mounts.missing_mount("/srv/backups") == ""
