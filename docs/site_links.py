"""Markdown as a code host reads it, for Sphinx, whose pages all lie below docs/."""

from __future__ import annotations

import os
import re
from pathlib import Path

DOCS = Path(__file__).parent.resolve()
ROOT = DOCS.parent
TOP = {
    "README.md": "index.md",
    "CHANGELOG.md": "changelog.md",
    "CONTRIBUTING.md": "contributing.md",
    "SECURITY.md": "security.md",
}
"""Pages at the top of the repository, where hosts and people look for them -> their page of the site."""

_LINK = re.compile(r"\]\(([^)#\s:]+)(#[^)\s]*)?\)")
_ANCHOR = re.compile(r'<a id="([^"]+)"></a>')


def rewrite(text: str, source: Path) -> str:
    """The text of a page with links and anchors that Sphinx resolves.

    Links keep their target: pages at the top become those of the site, and what lies elsewhere in the repository is a
    file to download. ``<a id="x"></a>`` becomes a place that Sphinx knows.

    Args:
        text: Markdown.
        source: The file that it is from, to whose folder links are relative; a page at the top is included by one of
            docs/.
    """
    here = source.parent if source.is_relative_to(DOCS) else DOCS

    def link(match: re.Match[str]) -> str:
        there = Path(os.path.normpath(source.parent / match[1]))
        if there.parent == ROOT and there.name in TOP:
            there = DOCS / TOP[there.name]
        scheme = "" if there.is_relative_to(DOCS) else "path:"  # else Sphinx takes the .py of a module for a notebook
        return f"]({scheme}{os.path.relpath(there, here)}{match[2] or ''})"

    return _ANCHOR.sub(r"[]{#\1}", _LINK.sub(link, text))
