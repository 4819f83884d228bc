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
from codo.reporting.html.figure_files import FigureFiles, file_name

POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"
"""Content security policy of every page, without the part on scripts."""
_SCRIPTS = re.compile(r"(<meta http-equiv=\"Content-Security-Policy\" content=\"[^\"]*?script-src )([^\";]*)")


def page_script() -> str:
    """The only script of a page."""
    return _template("filters.js")


def script_source(script: str) -> str:
    """A script as a policy names it: by its hash."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()}'"


def with_script(html: str, script: str) -> str:
    """A rendered page with another script, which may talk to the server that the page comes from.

    A page of another program, without our policy, is returned with the script added but nothing allowed.
    """
    allowed = rf"\g<1>\g<2> {script_source(script)}; connect-src 'self'"
    head, end, tail = _SCRIPTS.sub(allowed, html, count=1).rpartition("</body>")
    return f"{head}<script>{script}</script>\n{end}{tail}"


def render(page: Page) -> str:
    """The page as HTML text."""
    css, script = _template("page.css"), page_script()
    environment = Environment(
        loader=PackageLoader("codo.reporting.html", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    figures = FigureFiles(css)
    environment.filters["code"] = _code
    environment.filters["svg_file"] = figures.svg
    environment.filters["csv_file"] = figures.csv
    environment.filters["file_name"] = file_name
    environment.filters["breakable"] = _breakable
    environment.tests["of"] = lambda block, name: type(block).__name__ == name
    template = environment.get_template("page.html")
    sections = [section for section in page.sections if section.blocks]
    policy = Markup(f"{POLICY}; script-src {script_source(script)}")
    return template.render(page=page, sections=sections, css=Markup(css), script=Markup(script), policy=policy)


def write_page(page: Page, out: Path) -> Path:
    """Render the page into the file ``out``, atomically."""
    write_atomically(out, render(page))
    return out


def _template(name: str) -> str:
    return (resources.files("codo.reporting.html") / "templates" / name).read_text(encoding="utf-8")


def _code(text: str) -> Markup:
    """Escape, and set words between backticks as code."""
    parts = text.split("`")
    return Markup("").join(Markup("<code>{}</code>").format(p) if i % 2 else p for i, p in enumerate(parts))


def _breakable(text: str) -> Markup:
    """Escape, and allow line breaks after underscores and slashes, for names of recipes and files."""
    return Markup(re.sub(r"([_/])", r"\1<wbr>", str(escape(text))))
