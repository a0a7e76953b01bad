# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The operation behind the subcommand evidence: signed evidence of backups, proofs, deletions and failures, and its check."""

from __future__ import annotations

import json
import os
import socket
import time
from datetime import datetime, timezone
from typing import Any

from ..errors import OptionError, TitanError
from ..health.places import places_from_options
from ..health.stats import kept_backups
from ..host.files import published
from ..host.named_file import named_by
from ..outcome import Call, Outcome
from ..text.json_kinds import parsed
from .collect import Found, moment
from .collect import evidence as collected
from .shape import FORMAT
from .signature import content_of, read_bundle, signed

_YEAR = 365 * 86400.0


def evidence(call: Call) -> Outcome:
    """Write signed evidence, or check some.

    Raises:
        OptionError: an option is missing or cannot be used.
        TitanError: the evidence that was to be checked is not as it was signed.
    """
    return _check(call) if call.options.get("verify") else _make(call)


def _make(call: Call) -> Outcome:
    out, key = (_required(call, name, "to make evidence") for name in ("out", "key"))
    folder = os.path.dirname(os.path.abspath(out))
    if os.path.lexists(out) or not os.path.isdir(folder):
        wrong = (
            "It exists already, and is not replaced" if os.path.lexists(out) else f"The directory {folder} is not there"
        )
        raise OptionError("out", out, f"{wrong}. Name a new file in a directory that exists.")
    places, now = places_from_options(call.options), time.time()
    if places.environment is None or places.state is None:
        raise OptionError(
            "job_config", None, "Name the configuration of the environment: its records are the evidence."
        )
    if owner := places.state.hidden_by():
        raise TitanError(f"The records in {places.state.path} are those of the user {owner}. Run it as {owner}.")
    since = _since(call.options.get("since"), now)
    runs = places.state.runs(0)
    names = sorted({*places.environment.jobs, *(run["job"] for run in runs)})
    found = collected(
        Found(
            environment=places.environment.name,
            host=socket.gethostname(),
            since=since,
            until=now,
            entries=kept_backups(places),
            runs=runs,
            records=[places.state.record(name) for name in names],
            undelivered=places.state.undelivered().failed_total,
            oldest_run=min((run["start"] for run in runs), default=None),
        )
    )
    content = json.dumps(found, indent=1, sort_keys=True, ensure_ascii=True).encode("ascii") + b"\n"
    bundle = signed(content, key)
    if not call.check_mode:
        _write(out, bundle)
    what = f"{len(found['backups'])} backups and {len(found['runs'])} runs since {found['since'][:10]}"
    said = f"{out}: {what}, signed" + (" (not written: check mode)" if call.check_mode else "")
    data = {"path": out, "backups": len(found["backups"]), "runs": len(found["runs"]), "limits": found["limits"]}
    return Outcome(True, data, said)


def _check(call: Call) -> Outcome:
    path, signers = str(call.options["verify"]), _required(call, "signers", "to check evidence")
    try:
        content, name = content_of(read_bundle(path), signers)
        found = parsed(content)
    except OptionError:
        raise
    except ValueError as error:
        raise TitanError(f"{path} is signed, but holds no evidence: {error}.") from error
    except TitanError as error:
        raise TitanError(f"{path} cannot be relied on. {error.message}") from error
    if not isinstance(found, dict) or found.get("format") != FORMAT:
        raise TitanError(
            f"{path} is signed, but holds no evidence of format {FORMAT}: use the version of titan-db that wrote it."
        )
    proven = sum(1 for each in found["backups"] if each["proof"] == "proven")
    failed = sum(1 for each in found["runs"] if each["status"])
    said = (
        f"{path} is as {name} signed it: {found['environment']} on {found['host']}, {found['since'][:10]} to {found['until'][:10]}, "
        f"{len(found['backups'])} backups ({proven} proven by a restore), {len(found['runs'])} runs ({failed} failed)"
    )
    return Outcome(False, {"signer": name, "evidence": found}, said)


def _required(call: Call, name: str, what: str) -> str:
    value = call.options.get(name)
    if not value:
        raise OptionError(name, value, f"It is required {what}.")
    return str(value)


def _since(text: Any, now: float) -> float:
    if text is None:
        return now - _YEAR
    try:
        day = datetime.strptime(str(text), "%Y-%m-%d").replace(tzinfo=timezone.utc).timestamp()
    except ValueError:
        raise OptionError("since", text, "Write a day of UTC as 2026-01-01.") from None
    if day > now:
        raise OptionError("since", text, f"It has not begun: it is {moment(now)}.")
    return day


def _write(out: str, bundle: bytes) -> None:
    with named_by("out", out), published(out, 0o640, label="evidence") as stream:
        stream.write(bundle)
