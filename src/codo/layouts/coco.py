"""COCO's folder layout: where annotation files and images are.

For each split (``train``, ``val``) these places are tried in order; the first that exists is used::

    annotations   annotations/instances_SPLIT.json   annotations/instances_SPLIT2017.json   annotations/SPLIT.json
                  SPLIT/_annotations.coco.json   SPLIT/labels.json
                  annotations/lvis_v1_SPLIT.json   zhiyuan_objv2_SPLIT.json (Objects365), in annotations/ or not
    images        SPLIT/   SPLIT/images/   SPLIT/data/   SPLIT2017/   the same in images/
                  images/   data/   images/default/   the folder itself

``val`` may also be called ``valid`` or ``validation``, and case does not matter. One file for all images is
``annotations/instances_default.json`` (CVAT), ``labels.json`` (FiftyOne), ``result.json`` (Label Studio),
``_annotations.coco.json``, ``annotations.json`` or the only JSON file of the folder: for it, give ``data.split=0.2``.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import cache
from pathlib import Path

from codo.sources.listing import is_hidden

Listing = Callable[[Path], dict[str, list[str]]]

SINGLE = (
    "annotations/instances_default.json",
    "annotations/instances.json",
    "instances_default.json",
    "labels.json",
    "result.json",
    "_annotations.coco.json",
    "annotations.json",
)


PUBLISHED = ("lvis_v1", "lvis_v0.5", "zhiyuan_objv2")
"""Names of the files of LVIS and Objects365, before the split."""


def find_annotations(folder: Path, split: str) -> Path | None:
    """The annotation file of a split, or ``None``."""
    stems = [f"instances_{name}{year}" for name in _names(split) for year in ("", "2017")]
    wanted = [f"annotations/{stem}.json" for stem in (*stems, *_names(split))]
    wanted += [f"{name}/{file}" for name in _names(split) for file in ("_annotations.coco.json", "labels.json")]
    wanted += [
        f"{place}{stem}_{name}.json" for name in _names(split) for stem in PUBLISHED for place in ("annotations/", "")
    ]
    listed = cache(_by_name)  # each folder once
    return next((found for one in wanted if (found := _any_case(folder, one, listed))), None)


def find_single_file(folder: Path) -> Path | None:
    """The one annotation file of all images, or ``None``."""
    named = next((folder / name for name in SINGLE if (folder / name).is_file()), None)
    if named is not None:
        return named
    files = [path for place in (folder, folder / "annotations") if place.is_dir() for path in place.glob("*.json")]
    files = [path for path in files if not is_hidden(path.name)]
    return files[0] if len(files) == 1 else None


def image_folders(root: Path, split: str) -> list[Path]:
    """Possible folders of the images of a split, best first."""
    names = [f"{name}{inside}" for name in _names(split) for inside in ("", "/images", "/data")]
    names.insert(len(names), f"{split}2017")
    inner = [f"images/{name}" for name in (*_names(split), f"{split}2017")]
    return [*(root / name for name in (*names, *inner, "images", "data", "images/default")), root]


def _any_case(folder: Path, name: str, listed: Listing) -> Path | None:
    """A file in a folder by a name whose case does not matter; the exact name if there is one."""
    if (folder / name).is_file():
        return folder / name
    parent, _, last = name.rpartition("/")
    places = [folder / parent] if (folder / parent).is_dir() else _same(folder, parent, listed)
    place = next((path for path in places if path.is_dir()), None)
    return None if place is None else next((path for path in _same(place, last, listed) if path.is_file()), None)


def _same(folder: Path, name: str, listed: Listing) -> list[Path]:
    """Entries of a folder by a name whose case does not matter, sorted."""
    return [folder / one for one in sorted(listed(folder).get(name.casefold(), ()))]


def _by_name(folder: Path) -> dict[str, list[str]]:
    """The names in a folder by their lower case; there may be many thousands."""
    found: dict[str, list[str]] = {}
    for name in os.listdir(folder) if folder.is_dir() else ():
        found.setdefault(name.casefold(), []).append(name)
    return found


def _names(split: str) -> tuple[str, ...]:
    return (split, "valid", "validation") if split == "val" else (split,)
