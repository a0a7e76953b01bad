# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A manifest from what was written of it, by this version or an older one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ...errors import TitanError
from ..content.fingerprint import fingerprint_from_manifest
from ..content.left_out import LeftOut
from ..content.structure import structure_from_json
from .manifest import FORMAT_VERSION, Copied, GlobalsFile, Manifest, Sealed
from .record_text import parse_time, time_or_none
from .source import source_from_json
from .verification import LEVELS, verification_from_json

_REQUIRED: Mapping[str, type | tuple[type, ...]] = {
    "format_version": int,
    "file": str,
    "name": str,
    "database": str,
    "system_identifier": str,
    "started": str,
    "finished": str,
    "format": str,
    "compression": str,
    "size": int,
    "sha256": str,
    "tables": list,
    "verified": dict,
}
_OURS = frozenset({
    *_REQUIRED, "engine_version", "source", "tools", "host", "snapshot", "large_objects", "row_hash", "globals", "pinned",
    "shrink_accepted", "seconds", "adopted", "copied", "structure", "left_out", "excluded_data", "sealed",
})  # fmt: skip


def manifest_from_json(found: Any) -> Manifest:
    """The manifest that was written, by this version or an older one.

    Raises:
        TitanError: it is not a manifest that this version understands; the message says why.
    """
    _check(found)
    globals_, copied, seconds = found.get("globals") or {}, found.get("copied") or {}, found.get("seconds") or {}
    try:
        source = source_from_json(found["source"]) if found.get("source") else None
        major = source.server_major if source else 0
        return Manifest(
            file=found["file"],
            name=found["name"],
            started=parse_time(found["started"]),
            finished=parse_time(found["finished"]),
            format=found["format"],
            compression=found["compression"],
            size=found["size"],
            sha256=found["sha256"],
            fingerprint=fingerprint_from_manifest(found),
            verified=verification_from_json(found["verified"]),
            structure=structure_from_json(found["structure"], major) if found.get("structure") else None,
            left_out=tuple(
                LeftOut(each["kind"], each["name"], each["why"], bool(each.get("accepted")))
                for each in found.get("left_out") or ()
            ),
            excluded_data=tuple((schema, name) for schema, name in found.get("excluded_data") or ()),
            database=found["database"],
            system_identifier=found["system_identifier"],
            source=source,
            tool_version=str((found.get("tools") or {}).get("pg_dump") or ""),
            globals=GlobalsFile(globals_["file"], globals_.get("sha256", ""), globals_.get("size", 0))
            if globals_
            else None,
            pinned=bool(found.get("pinned")),
            adopted=bool(found.get("adopted")),
            shrink_accepted=time_or_none(found.get("shrink_accepted")),
            copied=Copied(parse_time(copied["at"]), bool(copied.get("read_back"))) if copied else None,
            dump_seconds=float(seconds.get("dump") or 0),
            engine_version=str(found.get("engine_version") or ""),
            host=str(found.get("host") or ""),
            snapshot=str(found.get("snapshot") or ""),
            sealed=Sealed(**{**found["sealed"], "tables": tuple(found["sealed"]["tables"])})
            if found.get("sealed")
            else None,
            extra={key: value for key, value in found.items() if key not in _OURS},
        )
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise TitanError(f"its manifest cannot be understood ({type(error).__name__}: {error})") from error


def _check(found: Any) -> None:
    if not isinstance(found, dict):
        raise TitanError("its manifest is not a JSON object")
    for key, kind in _REQUIRED.items():
        if not isinstance(found.get(key), kind):
            raise TitanError(f"its manifest has no usable {key!r}")
    if found["format_version"] > FORMAT_VERSION:
        raise TitanError(f"its manifest has format {found['format_version']}; this version knows {FORMAT_VERSION}")
    if found["verified"].get("level") not in LEVELS:
        raise TitanError("its manifest has no usable level of verification")
    for key in ("started", "finished"):
        try:
            parse_time(found[key])
        except ValueError as error:
            raise TitanError(f"its manifest has no usable {key!r}") from error
