"""What ``data=`` may be, and which files that means.

A folder is searched for each split (``train``, ``val``) in this order; the first that exists counts::

    annotations   annotations/instances_SPLIT.json   annotations/instances_SPLIT2017.json   annotations/SPLIT.json
                  SPLIT/_annotations.coco.json       valid/_annotations.coco.json (for val)
    images        SPLIT/   valid/ (for val)   SPLIT2017/   the same in images/   images/   the folder itself

Any other layout is named file by file: ``data.train=a.json data.val=b.json data.images=DIR`` (or ``data.train_images=``
and ``data.val_images=`` when they differ).
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import Field, model_validator

from codo.config import Settings
from codo.detection.annotations.coco import read_coco
from codo.detection.annotations.records import Annotations
from codo.errors import InputError

Split = Literal["train", "val"]


class DataSettings(Settings):
    """Labelled images: ``data=FOLDER``, or annotation files and image folders one by one."""

    folder: str | None = Field(
        None, description="folder with both splits in a COCO layout; data=FOLDER is short for it"
    )
    train: str | None = Field(None, description="COCO annotation file to learn from, instead of a folder")
    val: str | None = Field(None, description="COCO annotation file to evaluate on, instead of a folder")
    images: str | None = Field(None, description="folder of the images that data.train and data.val name")
    train_images: str | None = Field(None, description="folder of the images of data.train, if another")
    val_images: str | None = Field(None, description="folder of the images of data.val, if another")

    @model_validator(mode="before")
    @classmethod
    def _short(cls, value: Any) -> Any:
        """``data=FOLDER`` is ``data.folder=FOLDER``; ``data=FILE.json`` is ``data.val=FILE.json``."""
        if isinstance(value, str | Path):
            return {"val" if str(value).endswith(".json") else "folder": str(value)}
        return value

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if self.folder is None and self.train is None and self.val is None:
            raise ValueError("give data=FOLDER, or data.train=FILE and data.val=FILE")
        return self

    def annotation_file(self, split: Split) -> Path:
        """The annotation file of a split.

        Raises:
            InputError: Nothing there.
        """
        named = self.train if split == "train" else self.val
        if named is not None:
            if not Path(named).is_file():
                raise InputError("no such annotation file", where=named, fix="check the path")
            return Path(named)
        if self.folder is None:
            raise InputError(
                f"no annotation file for {split}", where="data", fix=f"add data.{split}=FILE.json, or give data=FOLDER"
            )
        return _annotation_file(Path(self.folder), split)

    def image_folders(self, split: Split, annotation_file: Path) -> list[Path]:
        """Where the images of a split may be, best first; one folder when the user named it."""
        images = (self.train_images if split == "train" else self.val_images) or self.images
        if images is not None:
            return [Path(images)]
        parent = annotation_file.parent
        root = Path(self.folder) if self.folder else parent.parent if parent.name == "annotations" else parent
        names = (*_names(split), f"{split}2017")
        return [*(root / name for name in names), *(root / "images" / name for name in names), root / "images", root]


def read_annotations(data: DataSettings, split: Split, *, images: bool = True) -> Annotations:
    """Read a split of a data set.

    The one place that knows formats; other readers fill the same `Annotations`.

    Args:
        data: Where it is.
        split: Which part.
        images: Whether the images are needed too, and must exist.

    Raises:
        InputError: See `read_coco` and `locate_images`; no annotation file.
    """
    path = data.annotation_file(split)
    annotations = read_coco(path)
    return locate_images(annotations, data.image_folders(split, path)) if images else annotations


def locate_images(annotations: Annotations, folders: list[Path]) -> Annotations:
    """The same annotations with their image folder: the first of ``folders`` that has the first image.

    Raises:
        InputError: No such folder, or images missing in it (the first is named, and how many there are).
    """
    names = [str(name) for name in annotations.file_names]
    there = [folder for folder in folders if folder.is_dir()]
    if not there:
        raise InputError(
            f"cannot find the images; looked for {folders[0]}",
            where=str(annotations.source),
            fix="name their folder with data.images=DIR",
        )
    folder = next((folder for folder in there if (folder / names[0]).is_file()), there[0])
    missing = _missing(names, folder)
    if missing:
        raise InputError(
            f"{len(missing)} of {len(names)} images missing in {folder}; the first: {names[missing[0]]}",
            where=str(annotations.source),
            fix="copy the images there, or name their folder with data.images=DIR",
        )
    return replace(annotations, folder=folder)


def _missing(names: list[str], folder: Path) -> list[int]:
    """Indices of files that do not exist; one listing a folder instead of one request a file, for network disks."""
    by_parent: dict[Path, list[int]] = defaultdict(list)
    for i, name in enumerate(names):
        by_parent[(folder / name).parent].append(i)
    missing: list[int] = []
    for parent, indices in by_parent.items():
        there = {entry.name for entry in parent.iterdir()} if parent.is_dir() else set()
        missing += [i for i in indices if Path(names[i]).name not in there]
    return sorted(missing)


def _annotation_file(folder: Path, split: Split) -> Path:
    if not folder.is_dir():
        raise InputError("no such folder", where=str(folder), fix="give a folder with annotations/ and images")
    candidates = [
        folder / "annotations" / f"{name}.json" for name in (f"instances_{split}", f"instances_{split}2017", split)
    ]
    candidates += [folder / part / "_annotations.coco.json" for part in _names(split)]
    for candidate in candidates:
        if candidate.is_file():
            return candidate
    if (folder / "Annotations").is_dir() or (folder / "VOCdevkit").is_dir():
        raise InputError("VOC XML annotations", where=str(folder), fix="convert them to COCO JSON")
    raise InputError(
        f"no COCO annotations of '{split}' in the folder",
        where=str(folder),
        fix=f"add annotations/instances_{split}.json, or name the file with data.{split}=FILE.json",
    )


def _names(split: Split) -> tuple[str, ...]:
    return (split,) if split == "train" else (split, "valid")
