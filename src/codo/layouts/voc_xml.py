"""One XML file of VOC: its texts, or the reason why it cannot be read."""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple
from xml.etree import ElementTree

CORNERS = ("xmin", "ymin", "xmax", "ymax")


class Labels(NamedTuple):
    """An XML file as text, ``None`` where something is missing.

    Attributes:
        size: Width and height.
        names: Class of each object.
        corners: xmin, ymin, xmax, ymax of each object.
        difficult: Flag of each object.
        rotation: CVAT's attribute ``rotation`` of each object.
    """

    size: tuple[str | None, str | None]
    names: list[str | None]
    corners: list[tuple[str | None, ...]]
    difficult: list[str | None]
    rotation: list[str | None]


class Unreadable(NamedTuple):
    """Why a file cannot be read, and how to fix it."""

    reason: str
    fix: str


def parse(path: Path) -> Labels | Unreadable:
    """The labels of a file, or why it cannot be read."""
    try:
        data = path.read_bytes()
    except OSError as error:
        return Unreadable(error.strerror or str(error), "check the file and its permissions")
    try:
        root = ElementTree.fromstring(data)
    except (ElementTree.ParseError, LookupError, ValueError) as error:
        if encoding := _other_encoding(data):
            return Unreadable(f"its encoding is {encoding}", "save it as UTF-8, and declare no other encoding")
        return Unreadable(f"broken XML: {error}", "write it again; it may be cut off")
    if root.tag != "annotation":
        return Unreadable(f"<{root.tag}> where <annotation> was expected", "remove it, or write it again")
    objects = root.findall("object")  # direct children: parts of persons have boxes too
    return Labels(
        (_text(root, "size/width"), _text(root, "size/height")),
        [_text(one, "name") for one in objects],
        [tuple(_text(one, f"bndbox/{corner}") for corner in CORNERS) for one in objects],
        [_text(one, "difficult") for one in objects],
        [_rotation(one) for one in objects],
    )


def _other_encoding(data: bytes) -> str:
    """The encoding of a file that cannot be parsed because it is not UTF-8 or UTF-16; else empty."""
    declared = re.match(rb"\s*<\?xml[^>]*encoding\s*=\s*[\"']([A-Za-z0-9._-]+)", data.removeprefix(b"\xef\xbb\xbf"))
    name = declared[1].decode() if declared else ""
    if name and not name.lower().startswith("utf"):
        return name
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return ""
    try:
        data.decode("utf-8")
    except UnicodeDecodeError as error:
        # A file that is cut off in the middle of a letter is UTF-8.
        return "" if error.reason == "unexpected end of data" else "not UTF-8"
    return ""


def _rotation(element: ElementTree.Element) -> str | None:
    for attribute in element.iterfind("attributes/attribute"):
        if _text(attribute, "name") == "rotation":
            return _text(attribute, "value")
    return None


def _text(element: ElementTree.Element, path: str) -> str | None:
    text = element.findtext(path)
    return None if text is None else text.strip()
