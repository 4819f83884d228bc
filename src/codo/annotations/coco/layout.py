"""COCO's folder layout: where annotation files and images are.

For each split (``train``, ``val``) these places are tried in order; the first that exists is used::

    annotations   annotations/instances_SPLIT.json   annotations/instances_SPLIT2017.json   annotations/SPLIT.json
                  SPLIT/_annotations.coco.json       valid/_annotations.coco.json (for val)
    images        SPLIT/   valid/ (for val)   SPLIT2017/   the same in images/   images/   the folder itself
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from pathlib import Path

from codo.annotations.records import Annotations
from codo.core.errors import InputError


def find_annotations(folder: Path, split: str) -> Path | None:
    """The annotation file of a split, or ``None``."""
    candidates = [
        folder / "annotations" / f"{name}.json" for name in (f"instances_{split}", f"instances_{split}2017", split)
    ]
    candidates += [folder / part / "_annotations.coco.json" for part in _names(split)]
    return next((candidate for candidate in candidates if candidate.is_file()), None)


def image_folders(root: Path, split: str) -> list[Path]:
    """Possible folders of the images of a split, best first."""
    names = (*_names(split), f"{split}2017")
    return [*(root / name for name in names), *(root / "images" / name for name in names), root / "images", root]


def locate_images(annotations: Annotations, folders: list[Path]) -> Annotations:
    """The same annotations with their image folder: the first of ``folders`` that has the first image.

    Raises:
        InputError: No such folder, or images missing in it (the first is named, and how many there are).
    """
    names = [str(name) for name in annotations.file_names]
    existing = [folder for folder in folders if folder.is_dir()]
    if not existing:
        raise InputError(
            f"cannot find the images; looked for {folders[0]}",
            where=str(annotations.source),
            fix="give their folder with data.images=DIR",
        )
    folder = next((folder for folder in existing if (folder / names[0]).is_file()), existing[0])
    missing = _missing(names, folder)
    if missing:
        raise InputError(
            f"{len(missing)} of {len(names)} images missing in {folder}; the first: {names[missing[0]]}",
            where=str(annotations.source),
            fix="copy the images there, or give their folder with data.images=DIR",
        )
    return replace(annotations, folder=folder)


def _missing(names: list[str], folder: Path) -> list[int]:
    """Indices of files that do not exist; lists each folder once, which is faster on network disks."""
    by_parent: dict[Path, list[int]] = defaultdict(list)
    for i, name in enumerate(names):
        by_parent[(folder / name).parent].append(i)
    missing: list[int] = []
    for parent, indices in by_parent.items():
        present = {entry.name for entry in parent.iterdir()} if parent.is_dir() else set()
        missing += [i for i in indices if Path(names[i]).name not in present]
    return sorted(missing)


def _names(split: str) -> tuple[str, ...]:
    return (split, "valid") if split == "val" else (split,)
