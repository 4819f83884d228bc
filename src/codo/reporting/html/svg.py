"""Convert a matplotlib figure to an ``<svg>`` element for a web page.

A saved SVG is a separate document: it has a doctype, dates, a style sheet that would apply to the whole page, ids that
clash with those of the next figure, fixed fonts, colors and sizes. `inline` removes all of that. It works on the parsed
tree, not on the text, so that no class or file name in a figure can be mistaken for markup.
"""

from __future__ import annotations

import hashlib
import io
import re
from collections.abc import Mapping
from xml.etree import ElementTree as ET

from markupsafe import Markup
from matplotlib.figure import Figure

_NAMESPACE = re.compile(r"^\{[^}]*\}")
_REFERENCE = re.compile(r"#([\w-]+)")


def inline(figure: Figure, colors: Mapping[str, str], salt: str = "") -> Markup:
    """The figure as ``<svg>`` with unique ids, the page's fonts, and no fixed size (the page's CSS sets it).

    Args:
        figure: Drawn with ``svg.fonttype: none`` and a fixed ``svg.hashsalt``: the same figure gives the same text.
        colors: What to write in place of a color, such as ``{"#010101": "currentColor"}``.
        salt: Makes the ids of figures with the same content in one page differ.
    """
    buffer = io.StringIO()
    figure.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None, "Format": None, "Type": None})
    root = ET.fromstring(buffer.getvalue())
    for element in root.iter():
        element.tag = _NAMESPACE.sub("", element.tag)
        element.attrib = {_NAMESPACE.sub("", key): value for key, value in element.attrib.items()}
        _simplify(element, colors)
    root.attrib = {"viewBox": root.attrib["viewBox"], "aria-hidden": "true"}  # described by the <figure> around it
    _prune(root)
    _unique_ids(root, salt)
    return Markup(ET.tostring(root, encoding="unicode"))


def _simplify(element: ET.Element, colors: Mapping[str, str]) -> None:
    """Replace colors by page variables, drop font families, round coordinates to 0.01 points, drop line breaks."""
    if style := element.get("style"):
        kept = [part.strip() for part in style.split(";") if not part.strip().startswith("font-family")]
        text = "; ".join(part for part in kept if part)
        text = re.sub(r"font: ([^;]*?)(\d+(?:\.\d+)?px)[^;]*", _font, text)
        for color, variable in colors.items():
            text = text.replace(color, variable)
        element.set("style", text)
    if path := element.get("d"):
        rounded = re.sub(r"-?\d+\.\d+", lambda match: f"{float(match[0]):.2f}".rstrip("0").rstrip("."), path)
        element.set("d", " ".join(rounded.split()))
    if element.get("transform", "").startswith("rotate(-0 "):
        del element.attrib["transform"]
    element.tail = None
    if element.tag != "text":
        element.text = None


def _font(match: re.Match[str]) -> str:
    """``font: bold 10px …`` without the family."""
    return f"font-weight: bold; font-size: {match[2]}" if re.search(r"bold|700", match[1]) else f"font-size: {match[2]}"


def _prune(element: ET.Element) -> None:
    """Remove metadata, style sheets and empty groups, bottom up."""
    for child in list(element):
        _prune(child)
        empty = child.tag in ("g", "defs") and not len(child)
        if empty or child.tag in ("metadata", "style"):
            element.remove(child)


def _unique_ids(root: ET.Element, salt: str) -> None:
    """Drop ids without references, and prefix the others with a hash of the figure's content."""
    prefix = "f" + hashlib.sha256(ET.tostring(root) + salt.encode()).hexdigest()[:10]
    points = ("href", "clip-path", "style")
    used = {n for e in root.iter() for key in points for n in _REFERENCE.findall(e.get(key, ""))}
    for element in root.iter():
        name = element.attrib.pop("id", None)
        if name in used:
            element.set("id", f"{prefix}-{name}")
        for key in points:
            if "#" in element.get(key, ""):
                element.set(key, _REFERENCE.sub(rf"#{prefix}-\1", element.get(key, "")))
