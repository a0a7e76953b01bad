"""Sphinx's settings. The pages load nothing from elsewhere, and search in an index that lies beside them."""

from __future__ import annotations

from docutils import nodes

project = "titan.database"
author = "titan.database contributors"
copyright = "titan.database contributors, GPL-3.0-or-later"  # noqa: A001 -- Sphinx's name
root_doc = "index"
extensions = ["myst_parser", "sphinx_antsibull_ext"]
exclude_patterns = ["collections/*.rst", "collections/titan/index.rst", "files"]
html_extra_path = ["extra"]
html_theme = "furo"
html_title = "titan.database"
html_static_path = ["static"]
html_css_files = ["site.css"]
html_show_sourcelink = html_copy_source = False
# Shown from a file, a browser refuses the requests by which a summary is fetched.
html_show_search_summary = False
# The reference's colours: dark by the reader's choice on the page, as the rest of it, and legible (WCAG AA) in both.
_LIGHT = {
    "antsibull-links-background": "#0b6466",
    "antsibull-links-background-active": "#084a4c",
    "antsibull-links-text": "#ffffff",
    "antsibull-table-background-header": "#9fcbe9",
    "antsibull-table-background-even": "#e7f2fa",
    "antsibull-table-background-odd": "#ffffff",
    "antsibull-table-border": "#000000",
    "antsibull-narrowtable-background": "#e7f2fa",
    "antsibull-option-type": "#800080",
    "antsibull-option-elements": "#800080",
    "antsibull-option-required": "#a80000",
    "antsibull-option-version-added": "#005800",
    "antsibull-option-aliases": "#005800",
    "antsibull-option-default": "#0000d0",
    "antsibull-option-sample": "#0000d0",
    "antsibull-option-sample-header": "#000000",
    "antsibull-attribute-support-none": "#a80000",
    "antsibull-attribute-support-partial": "#5f5f00",
    "antsibull-attribute-support-full": "#005800",
}
_DARK = {
    "antsibull-table-background-header": "#48484b",
    "antsibull-table-background-even": "#1c1c1e",
    "antsibull-table-background-odd": "#242426",
    "antsibull-table-border": "#656569",
    "antsibull-narrowtable-background": "#2c2c2f",
    "antsibull-option-type": "#ff93ff",
    "antsibull-option-elements": "#ff93ff",
    "antsibull-option-required": "#ff9b9b",
    "antsibull-option-version-added": "#71d471",
    "antsibull-option-aliases": "#71d471",
    "antsibull-option-default": "#b9b9ff",
    "antsibull-option-sample": "#b9b9ff",
    "antsibull-option-sample-header": "#ffffff",
    "antsibull-attribute-support-none": "#ff9b9b",
    "antsibull-attribute-support-partial": "#c6c600",
    "antsibull-attribute-support-full": "#3fd53f",
}
html_theme_options = {
    "top_of_page_buttons": [],
    "footer_icons": [],
    "light_css_variables": _LIGHT,
    "dark_css_variables": _DARK,
}
myst_heading_anchors = 4
# "source": a copy of a file of the checkout, written by tools/site/sources.py.
myst_url_schemes = {"http": None, "https": None, "mailto": None, "source": {"url": "{{path}}"}}
suppress_warnings = ["misc.highlighting_failure"]  # SQL with $1, as psql's \bind takes it

# What the reference says of Ansible itself.
_ANSIBLE = "https://docs.ansible.com/projects/ansible/latest/"
ELSEWHERE = {
    "common_return_values": "reference_appendices/common_return_values.html",
    "action_plugins": "plugins/action.html",
    "list_of_collections": "collections/index.html",
    "ansible_configuration_settings": "reference_appendices/config.html",
}
_MODULE = "ansible_collections.ansible.builtin."


def _ansibles(app, env, node, contnode):  # type: ignore[no-untyped-def]
    """A link to Ansible's own documentation, without having to read its index from the network."""
    target = node.get("reftarget", "")
    page = ELSEWHERE.get(target)
    if target.startswith(_MODULE):
        page = f"collections/ansible/builtin/{target.removeprefix(_MODULE).partition('#')[0]}.html"
    return nodes.reference("", "", contnode, refuri=_ANSIBLE + page, internal=False) if page else None


def setup(app):  # type: ignore[no-untyped-def]
    app.connect("missing-reference", _ansibles)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
