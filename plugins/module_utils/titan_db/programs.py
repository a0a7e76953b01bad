# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The one place that starts other programs: from an argument list, never through a shell."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from typing import Any


def run(arguments: Sequence[str], **options: Any) -> subprocess.CompletedProcess[Any]:
    """subprocess.run with no standard input unless one is given; the caller looks at the status."""
    if "input" not in options:
        options.setdefault("stdin", subprocess.DEVNULL)
    return subprocess.run(list(arguments), check=False, **options)  # pylint: disable=ansible-bad-function


def start(arguments: Sequence[str], **options: Any) -> subprocess.Popen[Any]:
    """subprocess.Popen with no standard input unless one is given."""
    options.setdefault("stdin", subprocess.DEVNULL)
    return subprocess.Popen(list(arguments), **options)  # pylint: disable=ansible-bad-function
