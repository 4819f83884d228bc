"""Render blocks as one self-contained HTML file.

All text is escaped, and the page's content security policy forbids the browser to fetch anything or to run any script
but ours, so that a report with malicious file names is safe to open.
"""

from __future__ import annotations

import base64
import hashlib
import re
from importlib import resources
from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

from codo.core.io import write_atomically
from codo.reporting.html.blocks import Page


def render(page: Page) -> str:
    """The page as HTML text."""
    folder = resources.files("codo.reporting.html") / "templates"
    css, script = ((folder / name).read_text(encoding="utf-8") for name in ("page.css", "filters.js"))
    environment = Environment(
        loader=PackageLoader("codo.reporting.html", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["code"] = _code
    environment.filters["breakable"] = _breakable
    environment.tests["of"] = lambda block, name: type(block).__name__ == name
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    template = environment.get_template("page.html")
    sections = [section for section in page.sections if section.blocks]
    return template.render(page=page, sections=sections, css=Markup(css), script=Markup(script), digest=digest)


def write_page(page: Page, out: Path) -> Path:
    """Render the page into the file ``out``, atomically."""
    write_atomically(out, render(page))
    return out


def _code(text: str) -> Markup:
    """Escape, and set words between backticks as code."""
    parts = text.split("`")
    return Markup("").join(Markup("<code>{}</code>").format(p) if i % 2 else p for i, p in enumerate(parts))


def _breakable(text: str) -> Markup:
    """Escape, and allow line breaks after underscores and slashes, for names of recipes and files."""
    return Markup(re.sub(r"([_/])", r"\1<wbr>", str(escape(text))))
