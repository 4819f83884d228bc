"""The figures of a page as files to take away: SVG for papers and slides, CSV with the numbers.

Both are links with the file inside (``data:`` URIs), so that a page remains one file and needs no script for it. The
SVG has text as text, the light colors of the page, and its size in points.
"""

from __future__ import annotations

import csv
import io
import re
from urllib.parse import quote
from xml.etree import ElementTree as ET

from codo.reporting.html.blocks import Figure

_SAFE = " =/();,.-+*!?@$[]|"  # neither HTML nor a URI gives these a meaning in an attribute
_FONT = "Helvetica, Arial, 'DejaVu Sans', sans-serif"


class FigureFiles:
    """Writes figures with the colors of a style sheet.

    Args:
        css: The page's style sheet; the first ``:root`` has the light colors.
    """

    def __init__(self, css: str) -> None:
        light = css.partition(":root")[2].partition("}")[0]
        self.colors = dict(re.findall(r"--([\w-]+):\s*(#[0-9a-fA-F]{3,8})", light))

    def svg(self, figure: Figure) -> str:
        """The figure as a ``data:`` URI of a standalone SVG."""
        return f"data:image/svg+xml,{quote(self.svg_text(figure), safe=_SAFE)}"

    def csv(self, figure: Figure) -> str:
        """The numbers of the figure as a ``data:`` URI of a CSV file."""
        return f"data:text/csv;charset=utf-8,{quote(csv_text(figure), safe=_SAFE)}"

    def svg_text(self, figure: Figure) -> str:
        """The figure as an SVG file."""
        root = ET.fromstring(str(figure.svg))
        width, height = root.attrib["viewBox"].split()[2:]
        root.attrib = {
            "xmlns": "http://www.w3.org/2000/svg",
            "xmlns:xlink": "http://www.w3.org/1999/xlink",
            "viewBox": root.attrib["viewBox"],
            "width": f"{float(width):g}pt",
            "height": f"{float(height):g}pt",
            "font-family": _FONT,
        }
        title = ET.Element("title")
        title.text = figure.title
        root.insert(0, title)
        for element in root.iter():
            if (target := element.attrib.pop("href", None)) is not None:
                element.set("xlink:href", target)  # what programs older than SVG 2 understand
            if style := element.get("style"):
                element.set("style", self._fixed(style))
        return ET.tostring(root, encoding="unicode")

    def _fixed(self, style: str) -> str:
        """A style with colors in place of the page's variables."""
        text = re.sub(r"var\(--([\w-]+)\)", lambda match: self.colors[match[1]], style)
        return text.replace("currentColor", self.colors["ink"])


def csv_text(figure: Figure) -> str:
    """The numbers of the figure as CSV with a header, numbers to six digits."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(figure.numbers.columns)
    writer.writerows([[f"{v:.6g}" if isinstance(v, float) else v for v in row] for row in figure.numbers.rows])
    return buffer.getvalue()


def file_name(title: str) -> str:
    """A title as the name of a file without its ending: ``Loss by level (nats)`` becomes ``loss-by-level-nats``."""
    return re.sub(r"[^a-z0-9]+", "-", title.lower()).strip("-")[:60] or "figure"
