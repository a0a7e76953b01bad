# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The options of report_info and report_index."""

from __future__ import annotations

from ..health.options import HEALTH_INFO
from ..text.options import Spec, option

_SITE = "Directory B(on the controller) that the site is written to. It is created if it does not exist."

REPORT_INFO: Spec = {
    "site": option(
        "path",
        _SITE,
        "The page goes into it, and what the index of all environments needs; RV(page) is not returned then.",
    ),
    "rpo": option(
        "str",
        "Recovery point objective. The report says if a disaster now would cost more time than this, as V(26h).",
    ),
    "rto": option(
        "str",
        "Recovery time objective. The report says if the newest restore that proved a backup took longer than this, as V(30m).",
    ),
    "backup_dest": HEALTH_INFO["backup_dest"],
    "backup_name": HEALTH_INFO["backup_name"],
    "job_config": HEALTH_INFO["job_config"],
    "timeout": option("int", "End after this many seconds, whatever the run waits for; V(0) is no limit.", default=300),
}

REPORT_INDEX: Spec = {
    "site": option("path", _SITE, required=True),
    "asked": option(
        "dict",
        "The hosts that were asked, each with the reason why that failed, or an empty text if it did not.",
        required=True,
    ),
    "inventory": option(
        "list",
        "All hosts of the inventory. What the site keeps of a host that is not among them is removed.",
        "If not given, nothing is removed.",
        elements="str",
    ),
}
