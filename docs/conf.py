"""The documentation as a site, by Sphinx: `make docs`.

The pages are those that a code-hosting site shows, unchanged. Sphinx reads them from the project's folder, so that
their links hold as they stand. What only the site has is added here while it reads: which page lies below which, the
docstrings of the public names, and the help texts of the commands.
"""

from __future__ import annotations

import inspect
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    import click
    from sphinx.application import Sphinx

PROJECT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(PROJECT))

from pygments.lexers.special import TextLexer  # noqa: E402

import sensormap  # noqa: E402

project = "sensormap"
author = "the sensormap contributors"
release = version = sensormap.__version__
extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]

root_doc = "README"
include_patterns = ["README.md", "CONTRIBUTING.md", "CHANGELOG.md", "SECURITY.md", "docs/**"]
exclude_patterns = [".*", "build", "dist", "demo", "tests", "**/node_modules"]

myst_heading_anchors = 4  # headings have the anchors that code-hosting sites give them
napoleon_google_docstring = False
napoleon_use_rtype = False
autodoc_typehints_format = "short"
autodoc_member_order = "bysource"
autodoc_default_options = {"members": True}
maximum_signature_line_length = 80
python_use_unqualified_type_names = True
toc_object_entries = False  # each name has a heading

html_theme = "pydata_sphinx_theme"
html_title = f"sensormap {release}"
html_static_path = ["site"]
html_css_files = ["site.css"]
html_show_sourcelink = False
html_copy_source = False
html_theme_options = {
    "logo": {"text": "sensormap"},
    "github_url": "https://github.com/sensormap/sensormap",
    "navbar_end": ["theme-switcher", "navbar-icon-links"],
    "header_links_before_dropdown": 7,
    "navigation_depth": 2,
    "show_toc_level": 2,
    "footer_start": ["copyright"],
    "footer_end": [],
    "secondary_sidebar_items": ["page-toc"],
}
copyright = "the sensormap contributors, MIT licence"
# A short list of pages at the left would only repeat what the start page says.
html_sidebars = {"README": [], "docs/tutorial": [], "CHANGELOG": []}

TOP = {
    "Tutorial": "docs/tutorial",
    "How to": "docs/how-to/README",
    "User guide": "docs/guide/README",
    "Method": "docs/method/README",
    "Reference": "docs/reference/README",
    "Developers": "docs/developer/README",
    "Changes": "CHANGELOG",
}
"""What stands in the bar at the top of each page, and the page that it leads to."""

CHILD = re.compile(r"^(?:-|\d+\.) \[[^\]]+\]\(([^)#:]+)\.md\)", re.MULTILINE)
"""A line of a list that begins with the link to a page."""


def add_site_parts(app: Sphinx, page: str, source: list[str]) -> None:
    """Add to a page what only the site has of it."""
    if page == root_doc:
        source[0] += _toctree([f"{title} </{name}>" for title, name in TOP.items()])
    elif page == "docs/README":  # the list of sections, which the bar at the top shows
        source[0] = f"---\norphan: true\n---\n{source[0]}"
    elif page.endswith("/README"):  # a section: the pages of its list
        source[0] += _toctree(CHILD.findall(source[0]))
    elif page == "docs/reference/public-names":
        source[0] += "".join(_docstring(name) for name in sorted(sensormap.__all__, key=str.lower))
    elif page == "docs/reference/help":
        source[0] += "".join(_help_texts())


def _toctree(entries: list[str]) -> str:
    lines = "\n".join(entries)
    return f"\n\n```{{toctree}}\n:hidden:\n\n{lines}\n```\n"


def _docstring(name: str) -> str:
    kind = "autoclass" if inspect.isclass(getattr(sensormap, name)) else "autofunction"
    if not callable(getattr(sensormap, name)):
        return ""
    return f"\n\n## {name}\n\n```{{eval-rst}}\n.. {kind}:: sensormap.{name}\n```\n"


def _help_texts() -> Iterator[str]:
    """Yield a section for each command, with what its ``--help`` prints."""
    from sensormap.cli.main import main  # noqa: PLC0415

    for name, command, context in _commands("sensormap", main):
        yield f"\n\n## {name}\n\n```text\n{command.get_help(context)}\n```\n"


def _commands(
    name: str, command: click.Command, above: click.Context | None = None
) -> Iterator[tuple[str, click.Command, click.Context]]:
    import click  # noqa: PLC0415

    context = click.Context(command, info_name=name.rpartition(" ")[2], parent=above, **command.context_settings)
    context.terminal_width = context.max_content_width = 74  # what fits beside two columns of links
    yield name, command, context
    if isinstance(command, click.Group):
        for word in command.list_commands(context):
            below = command.get_command(context, word)
            if below is not None:
                yield from _commands(f"{name} {word}", below, context)


def redirect_index(app: Sphinx, problem: Exception | None) -> None:
    """Write the page that a web server shows first, which leads to the README's."""
    if problem is None and app.builder.format == "html":
        text = '<!doctype html><meta charset="utf-8"><title>sensormap</title>'
        text += '<meta http-equiv="refresh" content="0; url=README.html"><a href="README.html">sensormap</a>\n'
        (Path(app.outdir) / "index.html").write_text(text, encoding="utf-8")


def setup(app: Sphinx) -> dict[str, bool]:
    """Connect these functions with Sphinx."""
    app.add_lexer("mermaid", TextLexer)  # a drawing on code-hosting sites, its text here
    app.connect("source-read", add_site_parts)
    app.connect("build-finished", redirect_index)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
