"""Check the links of a built site without a network: ``python docs/check_site.py docs/_build/html``.

Every ``href`` and ``src`` must lead to a file of the site, its ``#anchor`` to an element there. Pages may link to other
hosts, but must load nothing from them: no script, style sheet, picture or font. Pictures must have a text (``alt``).
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

GO = {("a", "href"), ("area", "href"), ("form", "action")}
"""What a reader follows; everything else the browser fetches by itself."""
LOADED = ("href", "src", "srcset", "action", "data", "poster")
_CSS = re.compile(r"""(?:url\(\s*|@import\s+(?=['"]))(?:"([^"]+)"|'([^']+)'|([^'")\s]+))""")


@dataclass
class Page:
    """The links of a page as (element, attribute, URL), the names that others may link to, pictures without a text."""

    links: list[tuple[str, str, str]] = field(default_factory=list)
    anchors: set[str] = field(default_factory=set)
    mute: list[str] = field(default_factory=list)


class Reader(HTMLParser):
    """Collects a `Page`."""

    def __init__(self) -> None:
        super().__init__()
        self.page = Page()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """An element: its id, its links, and those of its style. Without a text Sphinx writes the URL of a picture."""
        if tag == "img" and dict(attrs).get("alt") in (None, dict(attrs).get("src")):
            self.page.mute.append(dict(attrs).get("src") or "")
        for name, value in attrs:
            if name == "id" or (tag == "a" and name == "name"):
                self.page.anchors.add(value or "")
            elif name == "style":
                self.page.links += [(tag, name, url) for url in loaded_by_style(value or "")]
            elif name in LOADED and value is not None:
                urls = [part.split()[0] for part in value.split(",")] if name == "srcset" else [value]
                self.page.links += [(tag, name, url) for url in urls]


def loaded_by_style(text: str) -> Iterator[str]:
    """The URLs in a style sheet."""
    for match in _CSS.finditer(text):
        yield match[match.lastindex or 0]


def read(path: Path) -> Page:
    """The links and anchors of an HTML file."""
    reader = Reader()
    reader.feed(path.read_text(encoding="utf-8"))
    return reader.page


def problems(site: Path) -> Iterator[str]:
    """What is broken, a line each: the page, the URL, the reason."""
    pages = {path.resolve(): read(path) for path in sorted(site.rglob("*.html"))}
    for path, page in pages.items():
        yield from (f"{path.relative_to(site.resolve())}: {image} has no text (alt)" for image in page.mute)
        for tag, attribute, url in page.links:
            reason = broken(path, url, pages, follow=(tag, attribute) in GO)
            if reason:
                yield f"{path.relative_to(site.resolve())}: <{tag} {attribute}={url!r}> {reason}"
    for path in sorted(site.rglob("*.css")):
        for url in loaded_by_style(path.read_text(encoding="utf-8")):
            reason = broken(path.resolve(), url, pages, follow=False)
            if reason:
                yield f"{path.relative_to(site)}: {url} {reason}"


def broken(here: Path, url: str, pages: dict[Path, Page], *, follow: bool) -> str:
    """Why a link of a file does not work; empty if it does.

    Args:
        here: The file with the link.
        url: The link.
        pages: All pages of the site.
        follow: Whether a reader follows it, so that it may lead to another host.
    """
    parts = urlsplit(url)
    if parts.scheme in ("data", "mailto"):
        return ""
    if parts.scheme or parts.netloc:
        return "" if follow else "is loaded from another host"
    there = (here.parent / unquote(parts.path)).resolve() if parts.path else here
    if not there.is_file():
        return "leads to no file"
    anchor = unquote(parts.fragment)
    if anchor and there in pages and anchor not in pages[there].anchors:
        return "leads to no such place"
    return ""


def main() -> int:
    """Print what is broken; 1 if anything is."""
    site = Path(sys.argv[1])
    found = list(problems(site))
    for line in found:
        print(line, file=sys.stderr)
    pages = sum(1 for _ in site.rglob("*.html"))
    print(f"{pages} pages, {len(found)} broken links")
    return 1 if found or not pages else 0


if __name__ == "__main__":
    sys.exit(main())
