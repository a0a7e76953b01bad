# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How a page looks: light and dark, on paper, and on a phone. Contrasts are those of WCAG AA or better."""

from __future__ import annotations

STYLE = """
:root{color-scheme:light dark;--paper:#fff;--ink:#1b1f24;--dim:#57606a;--rule:#d0d7de;--card:#f6f8fa;
--ok:#116329;--warn:#7d4e00;--bad:#a40e26;--none:#57606a;--blue:#0550ae}
@media (prefers-color-scheme:dark){:root{--paper:#0d1117;--ink:#e6edf3;--dim:#9aa4af;--rule:#30363d;--card:#161b22;
--ok:#56d364;--warn:#e3b341;--bad:#ff8078;--none:#9aa4af;--blue:#79c0ff}}
*{box-sizing:border-box}
body{margin:0;background:var(--paper);color:var(--ink);font:16px/1.5 system-ui,sans-serif}
main{max-width:60rem;margin:0 auto;padding:1rem}
h1{font-size:1.6rem;margin:.5rem 0;overflow-wrap:anywhere}
h2{font-size:1.2rem;margin:2rem 0 .5rem;border-bottom:1px solid var(--rule)}
p,li{overflow-wrap:anywhere}td{overflow-wrap:break-word;max-width:24rem}
td,th,li,code,bdi{unicode-bidi:isolate}
code{font:.85em/1.4 ui-monospace,monospace;background:var(--card);padding:.1em .3em;overflow-wrap:anywhere}
a{color:var(--blue)}
.wide{overflow-x:auto}
table{border-collapse:collapse;width:100%;font-size:.9rem}
th,td{text-align:left;padding:.25rem .6rem;border-bottom:1px solid var(--rule);vertical-align:top}
.number{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap}
.source{color:var(--dim);font-size:.85rem;margin:.4rem 0}
.ok{color:var(--ok)}.warning,.checksum,.unproven{color:var(--warn)}.critical,.failed,.missing{color:var(--bad)}
.unknown,.unseen{color:var(--none)}.proven{color:var(--ok)}
.state{font-weight:700;white-space:nowrap}
svg{display:block;min-width:34rem;width:100%;height:auto}
svg.spark{display:inline-block;min-width:0;width:5.6rem;height:1.25rem;vertical-align:middle}
input,button{font:inherit;color:inherit;background:var(--paper);border:1px solid var(--dim);border-radius:4px;padding:.2rem .5rem}
th button{border:0;padding:0;font-weight:700;text-align:inherit;text-decoration:underline dotted;cursor:pointer}
svg text{fill:var(--ink);font:12px system-ui,sans-serif}
svg .dim{fill:var(--dim)}
svg .grid{stroke:var(--rule);fill:none}
svg .line{stroke:var(--blue);fill:none;stroke-width:2}
svg .bar{fill:var(--blue)}
svg .cell{fill:var(--card);stroke:currentColor}
svg .glyph{fill:currentColor;font-weight:700;text-anchor:middle}
svg .run{fill:var(--blue)}svg .bad{fill:var(--bad)}
@media print{:root{--paper:#fff;--ink:#000;--dim:#333;--card:#fff;--ok:#116329;--warn:#7d4e00;--bad:#a40e26;--none:#333;--blue:#0550ae}
main{max-width:none;padding:0}.wide{overflow:visible}svg{min-width:0}section,tr{break-inside:avoid}
td,th{overflow-wrap:anywhere}label,[role=status]{display:none}}
""".strip()

# Beside it, for a page with one table of many columns: as wide as the screen, and on paper laid on its side.
WIDE_TABLE = """
main{max-width:110rem}
@media print{@page{size:A4 landscape;margin:10mm}
body{font-size:12px}table{font-size:.6rem;table-layout:fixed}th,td{padding:.15rem .25rem;max-width:none;width:6.5%}
th:nth-child(2){width:11%}th:nth-child(3),th:nth-child(4){width:7.5%}th:nth-child(5),th:nth-child(11){width:5%}
th:last-child{width:18%}svg.spark{width:3.4rem;height:.75rem}}
""".strip()
