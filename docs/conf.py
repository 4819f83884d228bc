"""The site, from the Markdown of this folder and of the top of the repository, and from docstrings: ``make docs``."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx

DOCS = Path(__file__).parent.resolve()
ROOT = DOCS.parent
# This checkout, for docstrings and for notebooks, wherever `codo` is installed.
sys.path[:0] = [str(ROOT / "src"), str(DOCS)]
os.environ["PYTHONPATH"] = os.pathsep.join([str(ROOT / "src"), *filter(None, [os.environ.get("PYTHONPATH")])])
os.environ["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])

from site_links import rewrite  # noqa: E402

from codo import __version__  # noqa: E402

project = "CoDo"
author = copyright = "The CoDo authors"
release = version = __version__

extensions = ["myst_nb", "sphinx.ext.autodoc", "sphinx.ext.autosummary", "sphinx.ext.napoleon"]
exclude_patterns = ["_build", "*.py"]  # the scripts beside this file; notebooks are in a folder

myst_enable_extensions = ["attrs_inline"]  # for <a id>, see site_links.py
myst_heading_anchors = 6
myst_heading_anchors_html_ids = True  # as on GitHub, so that a place has one address

# Notebooks are percent scripts, run when their code has changed since the last build; an error in one fails the build.
nb_custom_formats = {".py": ["jupytext.reads", {"fmt": "py:percent"}]}
nb_execution_mode = "cache"
nb_execution_raise_on_error = True
nb_execution_timeout = 300
nb_merge_streams = True
nb_ipywidgets_js: dict[str, Any] = {}  # they come from another host

napoleon_use_ivar = True  # the attributes of a class as a list, not each a second time
autodoc_member_order = "bysource"
autodoc_typehints = "description"
autodoc_typehints_description_target = "documented"
autodoc_preserve_defaults = True
python_use_unqualified_type_names = True
default_role = "code"  # `x` in a docstring
nitpicky = True
# Types that have no page: of other packages, as nothing is looked up in the network, and of no use to callers.
INTERNAL = "Anchor|BYOLOptions|FrozenMaps|Initialization|NoOptions|PixelSettings|PretrainingCost|Result|Trial"
nitpick_ignore_regex = [("py:.*", r"(?!codo\b).*"), ("py:class", rf"codo\..*\.({INTERNAL})")]

smartquotes = False  # `--help` stays what it is
highlight_language = "bash"  # of blocks that name none, which are commands

html_theme = "furo"
html_title = f"CoDo {__version__}"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_js_files = ["search.js"]
html_copy_source = False
html_show_sphinx = False


def source_read(app: Sphinx, docname: str, content: list[str]) -> None:
    """A page of docs/."""
    content[0] = rewrite(content[0], DOCS / f"{docname}.md")


def include_read(app: Sphinx, path: Path, parent: str, content: list[str]) -> None:
    """A page of the top, which one of docs/ includes."""
    content[0] = rewrite(content[0], Path(os.path.normpath(DOCS / path)))


def doctree_read(app: Sphinx, doctree: nodes.document) -> None:
    """Two repairs: the dash between an argument and its description, and the text of what notebooks draw.

    Sphinx writes the dash as two hyphens, for the replacement in all text that is off here. A cell may give its
    picture a text (``mystnb={"image": {"alt": "…"}}``); else it is the heading above.
    """
    for text in list(doctree.findall(nodes.Text)):
        if text == " -- ":
            text.parent.replace(text, nodes.Text(" – "))
    for image in doctree.findall(nodes.image):
        section = image
        while section and not isinstance(section, nodes.section):
            section = section.parent
        if not image.get("alt") and section:
            image["alt"] = f"Drawn by the code above: {section[0].astext()}"


def setup(app: Sphinx) -> None:
    """Called by Sphinx."""
    app.connect("doctree-read", doctree_read)
    app.connect("source-read", source_read)
    app.connect("include-read", include_read)
