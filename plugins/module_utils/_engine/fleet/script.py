# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The script of the page of all environments: sort by a column, and show what holds some words. The page is whole without it.

What is chosen stands in the address (#sort=NUMBER, a minus in front for the other direction, and filter=WORDS), so that a view
can be kept. Without "<" and "&", which XML would not have.
"""

from __future__ import annotations

SCRIPT = r"""
(function () {
  'use strict';
  var table = document.querySelector('table'), body = table.tBodies[0], heads = Array.from(table.tHead.rows[0].cells);
  var rows = Array.from(body.rows), and = '\x26', chosen = new URLSearchParams(location.hash.slice(1));
  var line = document.createElement('p'), label = document.createElement('label'), field = document.createElement('input');
  var count = document.createElement('span');
  field.type = 'search';
  field.value = chosen.get('filter') || '';
  count.setAttribute('role', 'status');
  label.append('Show what holds ', field);
  line.append(label, ' ', count);
  table.parentNode.before(line);

  function keep() {
    var said = [];
    chosen.forEach(function (value, name) { if (value) { said.push(name + '=' + encodeURIComponent(value)); } });
    history.replaceState(null, '', '#' + said.join(and));
  }
  function filter() {
    var words = field.value.toLowerCase().split(/\s+/).filter(Boolean), shown = 0;
    rows.forEach(function (row) {
      var text = row.textContent.toLowerCase();
      row.hidden = !words.every(function (word) { return text.includes(word); });
      shown += row.hidden ? 0 : 1;
    });
    count.textContent = shown + ' of ' + rows.length;
  }
  function sort(number) {
    var column = Math.abs(number) - 1, way = Math.sign(number);
    if (!heads[column]) { return; }
    rows.sort(function (one, other) {
      var a = one.cells[column].dataset.key, b = other.cells[column].dataset.key;
      if (a === '' || b === '') { return a === b ? 0 : a === '' ? 1 : -1; }
      return way * (isNaN(a) || isNaN(b) ? a.localeCompare(b) : a - b);
    });
    rows.forEach(function (row) { body.append(row); });
    heads.forEach(function (head, at) {
      head.setAttribute('aria-sort', at === column ? (0 > way ? 'descending' : 'ascending') : 'none');
    });
  }
  heads.forEach(function (head, at) {
    var button = document.createElement('button');
    button.type = 'button';
    button.append.apply(button, Array.from(head.childNodes));
    head.append(button);
    button.addEventListener('click', function () {
      var number = Number(chosen.get('sort')) === at + 1 ? -(at + 1) : at + 1;
      chosen.set('sort', String(number));
      sort(number);
      keep();
    });
  });
  field.addEventListener('input', function () { chosen.set('filter', field.value); filter(); keep(); });
  filter();
  sort(Number(chosen.get('sort')));
})();
"""
