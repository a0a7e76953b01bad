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
html_theme_options = {"top_of_page_buttons": [], "footer_icons": []}
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
