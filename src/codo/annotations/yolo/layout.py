"""YOLO's folder layout: where images and labels are.

::

    data.yaml                   names: [cat, dog]   or   names: {0: cat, 1: dog}
                                train: images/train   val: images/val   (path: FOLDER they are relative to)
    images/train/a.jpg          or train/images/a.jpg
    labels/train/a.txt             train/labels/a.txt: the last images/ in the image's path becomes labels/

A split is a folder, a list of folders, or a text file with one image per line. ``val`` may be named ``valid`` or, if
there is neither, ``test``. Other splits are chosen with ``data.train_split=`` and ``data.val_split=``.
"""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path
from typing import Any, NamedTuple

from codo.catalog.sources.image_lists import parse_lines
from codo.catalog.sources.listing import IMAGE_EXTENSIONS
from codo.core.config import read_yaml
from codo.core.errors import InputError, nearest

SPLIT_NAMES = {"train": ("train",), "val": ("val", "valid", "test")}
"""Names of splits, in the order in which they are tried."""


class DataFile(NamedTuple):
    """A YOLO data file.

    Attributes:
        path: The file.
        names: Name of every class by its index.
        values: Its whole content.
    """

    path: Path
    names: dict[int, str]
    values: dict[str, Any]


def find_data_file(folder: Path) -> Path | None:
    """The YOLO data file that ``folder`` is or contains, or ``None``.

    Raises:
        InputError: There are several.
    """
    if folder.suffix in (".yaml", ".yml"):
        return folder
    if not folder.is_dir():
        return None
    for name in ("data.yaml", "data.yml", "dataset.yaml", "dataset.yml"):
        if (folder / name).is_file():
            return folder / name
    found = [path for path in sorted(folder.iterdir()) if path.suffix in (".yaml", ".yml") and _is_data_file(path)]
    if len(found) > 1:
        raise InputError(
            f"{len(found)} YOLO data files; the first: {found[0].name}",
            where=str(folder),
            fix=f"choose one: data={found[0]}",
        )
    return found[0] if found else None


def read_data_file(path: Path) -> DataFile:
    """Read a data file.

    Raises:
        InputError: Not readable, without names, or ``nc`` is not the number of names.
    """
    values = read_yaml(path)
    names = values.get("names")
    if isinstance(names, list):
        names = dict(enumerate(names))
    if not isinstance(names, dict) or not names or not all(type(i) is int and i >= 0 for i in names):
        raise InputError("the data file has no class names", where=str(path), fix="add names: [FIRST, SECOND, …]")
    count = values.get("nc", len(names))
    if count != len(names):
        raise InputError(f"nc is {count}, but there are {len(names)} names", where=str(path), fix="correct one of them")
    return DataFile(path, {i: str(names[i]) for i in sorted(names)}, values)


def split_name(data_file: DataFile, split: str, named: str | None) -> str:
    """The name of a split in a data file.

    Raises:
        InputError: There is no such split; suggests the nearest name.
    """
    known = [
        key
        for key in dict.fromkeys((*SPLIT_NAMES["train"], *SPLIT_NAMES["val"], named or "train"))
        if _locations(data_file, key)
    ]
    found = next((name for name in ((named,) if named else SPLIT_NAMES[split]) if name in known), None)
    if found is None:
        raise InputError(
            f"no split '{named or split}' in the data file, and no folder of its images",
            where=str(data_file.path),
            fix=nearest(named or split, known)
            or f"add {named or split}: FOLDER, or choose another with data.{split}_split=",
        )
    return found


def images_of(data_file: DataFile, name: str) -> list[Path]:
    """Image files of a split, by path.

    Args:
        data_file: The data file.
        name: From `split_name`.

    Raises:
        InputError: A folder is missing or empty; images of a list are missing or listed twice.
    """
    images: list[Path] = []
    for location in _locations(data_file, name):
        if location.is_dir():
            images += [path for path in location.rglob("*") if path.suffix.lower() in IMAGE_EXTENSIONS]
        elif location.is_file():
            images += _read_list(location)
        else:
            raise InputError(
                f"no folder or list of the images of '{name}': {location}",
                where=str(data_file.path),
                fix=f"correct {name}:",
            )
    if not images:
        raise InputError(f"no images of '{name}'", where=str(data_file.path), fix=f"correct {name}:, or add images")
    repeated = [path for path, times in Counter(images).items() if times > 1]
    if repeated:
        raise InputError(
            f"{len(repeated)} images of '{name}' are listed more than once; the first: {repeated[0]}",
            where=str(data_file.path),
            fix="list every image once",
        )
    return sorted(images)


def labels_of(image: Path) -> Path:
    """The path of the label file of an image; it may not exist."""
    parts = list(image.with_suffix(".txt").parts)
    locations = [i for i, part in enumerate(parts[:-1]) if part == "images"]
    if locations:
        parts[locations[-1]] = "labels"
    return Path(*parts)


def _locations(data_file: DataFile, name: str) -> list[Path]:
    """Folders and lists of a split, from the data file, or else the usual folder."""
    folder = data_file.path.parent
    value = data_file.values.get(name)
    if value is None:
        usual = (folder / "images" / name, folder / name / "images")
        return [location for location in usual if location.is_dir()][:1]
    root = folder / str(data_file.values.get("path") or "")
    return [
        _first_existing([root / str(one), folder / str(one), *_without_parent(folder, str(one))])
        for one in _list(value)
    ]


def _without_parent(folder: Path, entry: str) -> list[Path]:
    """``train/images`` where an exporter wrote ``../train/images``."""
    return [folder / entry.removeprefix("../")] if entry.startswith("../") else []


def _first_existing(locations: list[Path]) -> Path:
    return _absolute(next((location for location in locations if location.exists()), locations[0]))


def _absolute(path: Path) -> Path:
    """The absolute path without resolving links, behind which folders may have other names."""
    return Path(os.path.abspath(path))


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _read_list(file: Path) -> list[Path]:
    """Images listed in a text file, relative to its folder."""
    lines = parse_lines(file.read_bytes(), str(file))
    images = [_absolute(file.parent / line.text) for line in lines]
    missing = [i for i, image in enumerate(images) if not image.is_file()]
    if missing:
        first = lines[missing[0]]
        raise InputError(
            f"{len(missing)} of {len(images)} images missing; the first: {first.text} (line {first.number})",
            where=str(file),
            fix="copy them there, or remove the lines",
        )
    return images


def _is_data_file(path: Path) -> bool:
    try:
        return {"names", "train"} <= read_yaml(path).keys()
    except InputError:
        return False
