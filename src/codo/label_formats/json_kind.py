"""Which format a JSON file of labels has, by the keys at its start: files may have hundreds of megabytes."""

from __future__ import annotations

import re
from collections import defaultdict
from pathlib import Path
from typing import Literal

from codo.core.text import decode_text

JsonKind = Literal["coco", "createml", "datumaro", "fiftyone", "label_studio", "labelme", "via"]

HEAD = 1 << 16
"""Bytes that are looked at."""
DEPTH = 6
"""Depth of keys that are looked at."""

_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|[{}\[\],:]', re.DOTALL)


def json_kind(path: Path) -> JsonKind | None:
    """The format of a JSON file; ``None`` if it is none of these, or cannot be read."""
    try:
        with path.open("rb") as file:
            head = file.read(HEAD)
        text = decode_text(head[: len(head) - len(head) % 2] if head[:2] in (b"\xff\xfe", b"\xfe\xff") else head)
    except UnicodeDecodeError:  # cut in the middle of a letter
        text = head.decode("utf-8", "replace")
    except OSError:
        return None
    return kind_of(text)


def kind_of(text: str) -> JsonKind | None:
    """The format of a JSON text, or of its beginning."""
    text = text.lstrip("\ufeff \t\r\n")
    keys = _keys(text)
    deeper: set[str] = set().union(*(found for depth, found in keys.items() if depth > 2))
    if text.startswith("{"):
        return _kind_of_object(keys[1], keys[2] | deeper)
    if text.startswith("["):
        return _kind_of_list(keys[2], deeper)
    return None


def _kind_of_object(keys: set[str], deeper: set[str]) -> JsonKind | None:
    if "shapes" in keys and keys & {"imagePath", "version", "flags", "imageData"}:
        return "labelme"
    if any(key.startswith("_via") for key in keys) or {"project", "metadata", "view", "file"} <= keys:
        return "via"
    if "images" in keys or {"annotations", "categories"} <= keys:
        return "coco"
    if "labels" in keys and keys <= {"classes", "labels"}:
        return "fiftyone"
    if {"categories", "items"} <= keys:
        return "datumaro"
    return "via" if {"filename", "regions"} <= deeper else None


def _kind_of_list(keys: set[str], deeper: set[str]) -> JsonKind | None:
    if keys & {"annotations", "completions"} and "result" in deeper:
        return "label_studio"
    if keys & {"image", "imagefilename"} and keys & {"annotations", "annotation"}:
        # The first images may have no objects.
        return None if "result" in deeper or "bbox" in deeper else "createml"
    return "label_studio" if {"original_width", "original_height"} <= deeper else None


def _keys(text: str) -> dict[int, set[str]]:
    """The keys of all objects, by their depth: those of the outermost object or list of objects have 1 or 2."""
    found: dict[int, set[str]] = defaultdict(set)
    depth, last = 0, ""
    for match in _TOKEN.finditer(text):
        token = match[0]
        if token in "{[":
            depth += 1
        elif token in "}]":
            depth -= 1
        elif token == ":" and last and depth <= DEPTH:
            found[depth].add(last)
        last = token[1:-1] if token[0] == '"' else ""
    return found
