"""YOLO's folder layout: where images and labels are.

::

    data.yaml                   names: [cat, dog]   or   names: {0: cat, 1: dog}
                                train: images/train   val: images/val   (path: FOLDER they are relative to)
    images/train/a.jpg          or train/images/a.jpg
    labels/train/a.txt             train/labels/a.txt: the last images/ in the image's path becomes labels/

Without a data file, ``classes.txt`` beside ``images/`` and ``labels/`` names the classes of one set, as Label Studio
exports it. A split is a folder, a list of folders, or a text file with one image per line. ``val`` may be named
``valid`` or, if there is neither, ``test``. Other splits are chosen with ``data.train_split=`` and ``data.val_split=``.

Class names are read as they are written: ``[yes, no]`` are two names, which YAML would read as true and false, and
``{'0': cat}`` is class 0. ``kpt_shape: [17, 3]`` says that lines have a box and then 17 key points of three numbers.
"""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from codo.core.config import read_yaml
from codo.core.errors import InputError, nearest
from codo.core.text import decode_text
from codo.layouts.darknet import class_names, is_darknet, places, read_darknet
from codo.layouts.missing import Missing, missing_note
from codo.layouts.splits import no_such_split, only_one_set
from codo.layouts.yolo_lists import absolute, read_list
from codo.sources.folder import image_files, visible_files
from codo.sources.listing import IMAGE_EXTENSIONS, extension

SPLIT_NAMES = {"train": ("train",), "val": ("val", "valid", "test")}
"""Names of splits, in the order in which they are tried."""


CLASSES = "classes.txt"
"""Class names of an export of Label Studio, which has no data file."""


class DataFile(NamedTuple):
    """A YOLO data file.

    Attributes:
        path: The file.
        names: Name of every class by its index.
        values: Its whole content.
        keypoints: Number of key points of every object, and of numbers of each (2 or 3); ``None`` without key points.
        notes: What was inferred, one line each.
    """

    path: Path
    names: dict[int, str]
    values: dict[str, Any]
    keypoints: tuple[int, int] | None = None
    notes: tuple[str, ...] = ()


class YoloSplit(NamedTuple):
    """The images of a split, by path, and what was inferred about where they are, one line each.

    Attributes:
        images: Their paths.
        notes: What was inferred.
        missing: Images that are not there and were left out; in folders, their label files.
    """

    images: list[Path]
    notes: list[str]
    missing: list[str]


def find_data_file(folder: Path) -> Path | None:
    """The YOLO data file that ``folder`` is or contains, or ``None``.

    Raises:
        InputError: There are several.
    """
    if folder.suffix in (".yaml", ".yml") or (folder.suffix == ".data" and folder.is_file()):
        return folder
    if not folder.is_dir():
        return None
    for name in ("data.yaml", "data.yml", "dataset.yaml", "dataset.yml"):
        if (folder / name).is_file():
            return folder / name
    files = [folder / name for name in visible_files(folder) if name.endswith((".yaml", ".yml", ".data"))]
    found = [path for path in files if (is_darknet if path.suffix == ".data" else _is_data_file)(path)]
    if len(found) > 1:
        raise InputError(
            f"{len(found)} YOLO data files; the first: {found[0].name}",
            where=str(folder),
            fix=f"choose one: data={found[0]}",
        )
    classes = folder / CLASSES
    bare = classes.is_file() and (folder / "images").is_dir() and (folder / "labels").is_dir()
    return found[0] if found else classes if bare else None


def read_data_file(path: Path) -> DataFile:
    """Read a data file.

    Raises:
        InputError: Not readable, without names, or ``nc`` is not the number of names.
    """
    if path.suffix == ".data":
        values, names, notes = read_darknet(path)
        return DataFile(path, names, values, notes=tuple(notes))
    if path.name == CLASSES:
        names = dict(enumerate(class_names(path)))
        return DataFile(path, names, {"train": "images"}, notes=(f"{path}: class names without a data file",))
    values = read_yaml(path)
    names, notes = _names(path, values.get("names"))
    count = values.get("nc", len(names))
    if count != len(names) and str(count).strip() != str(len(names)):
        raise InputError(f"nc is {count}, but there are {len(names)} names", where=str(path), fix="correct one of them")
    return DataFile(path, names, values, _keypoints(path, values.get("kpt_shape")), tuple(notes))


# Leaves all values text. By libyaml, where read_yaml has it, too: PyYAML's own parser refuses some of what that reads.
_AS_TEXT: Any = getattr(yaml, "CBaseLoader", yaml.BaseLoader)


def _names(path: Path, meant: Any) -> tuple[dict[int, str], list[str]]:
    """Class names by index, as they are written; ``meant`` is what YAML reads, and notes tell where the two differ."""
    written = yaml.load(decode_text(path.read_bytes()), _AS_TEXT)
    written = written.get("names") if isinstance(written, dict) else None
    if isinstance(written, list):
        written, meant = ({str(i): name for i, name in enumerate(names)} for names in (written, meant))
    indices = [str(i).strip() for i in written] if isinstance(written, dict) else []
    if not indices or not all(re.fullmatch("[0-9]+", i) for i in indices):
        raise InputError("the data file has no class names", where=str(path), fix="add names: [FIRST, SECOND, …]")
    if len({int(i) for i in indices}) < len(meant):
        raise InputError("two class names have the same number", where=str(path), fix="give every class its own")
    names = {int(i): name for i, name in zip(indices, written.values(), strict=True)}
    wrong = next((i for i in sorted(names) if not isinstance(names[i], str) or not names[i].strip()), None)
    if wrong is not None:
        raise InputError(f"class {wrong} has no name", where=str(path), fix="write a text for every class of names:")
    texts = [name for name, value in zip(written.values(), meant.values(), strict=True) if str(value) != name]
    notes = [f"{path}: class names {', '.join(texts[:5])} are read as text, not as values of YAML"] if texts else []
    return {i: names[i] for i in sorted(names)}, notes


def _keypoints(path: Path, shape: Any) -> tuple[int, int] | None:
    if shape is None:
        return None
    if (
        not isinstance(shape, list)
        or [type(one) for one in shape] != [int, int]
        or shape[0] < 1
        or shape[1] not in (2, 3)
    ):
        what = f"kpt_shape is {shape}, not the number of key points and 2 or 3 for the numbers of each"
        raise InputError(what, where=str(path), fix="write kpt_shape: [17, 3], or leave it out if there are none")
    return shape[0], shape[1]


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
    if found is None and not named and known:
        where = str(data_file.path)
        raise only_one_set("train", where) if split == "val" else no_such_split(split, known, where)
    if found is None:
        raise InputError(
            f"no split '{named or split}' in the data file, and no folder of its images",
            where=str(data_file.path),
            fix=nearest(named or split, known)
            or f"add {named or split}: FOLDER, or choose another with data.{split}_split=",
        )
    return found


def images_of(data_file: DataFile, name: str, missing: Missing = "error") -> YoloSplit:
    """Image files of a split.

    Args:
        data_file: The data file.
        name: From `split_name`.
        missing: What to do about images of a list that are not there: ``error``, or ``skip`` them. In folders, label
            files without an image tell of them.

    Raises:
        InputError: A folder is missing or empty; images of a list are missing or listed twice.
    """
    images: list[Path] = []
    notes: list[str] = []
    gone: list[str] = []
    for location in _locations(data_file, name):
        if os.path.isdir(location):  # of a name that no file system takes, Path.is_dir would raise an error
            found = image_files(location)
            images += found.paths
            if missing == "skip":
                without = [str(_below(labels, data_file.path.parent)) for labels in labels_without_image(found.paths)]
                gone += without
                notes += filter(None, [missing_note(str(location), without, len(found.paths) + len(without))])
            if found.hidden:
                what = f"{len(found.hidden)} hidden files and folders are left out, the first: {found.hidden[0]}"
                notes.append(f"{location}: {what}")
        elif os.path.isfile(location):
            listed, absent, note = read_list(location, data_file.path.parent)
            if absent and missing == "error":
                first = absent[0]
                raise InputError(
                    f"{len(absent)} of {len(listed) + len(absent)} images missing; the first: {first.text} "
                    f"(line {first.number})",
                    where=str(location),
                    fix="copy them there, remove the lines, or leave them out: data.missing=skip",
                )
            images += listed
            notes += [note] if note else []
            gone += [line.text for line in absent]
            texts = [line.text for line in absent]
            notes += filter(None, [missing_note(str(location), texts, len(listed) + len(absent))])
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
    return YoloSplit(sorted(images), notes, gone)


def labels_of(image: Path) -> Path:
    """The path of the label file of an image; it may not exist."""
    parts = list(image.with_suffix(".txt").parts)
    locations = [i for i, part in enumerate(parts[:-1]) if part == "images"]
    if locations:
        parts[locations[-1]] = "labels"
    return Path(*parts)


def labels_without_image(images: Sequence[Path]) -> list[Path]:
    """Label files without an image, in the label folders of ``images``."""
    unmatched: list[Path] = []
    for folder in sorted({image.parent for image in images}):
        known = {Path(name).stem for name in visible_files(folder) if extension(name) in IMAGE_EXTENSIONS}
        labels = labels_of(folder / "image.jpg").parent
        if labels != folder:  # else the folder may contain other text files
            texts = (labels / name for name in visible_files(labels) if extension(name) == ".txt")
            unmatched += [path for path in texts if path.stem not in known | {"classes"}]
    return unmatched


def _below(path: Path, folder: Path) -> Path:
    """A path relative to a folder that contains it."""
    return path.relative_to(folder) if path.is_relative_to(folder) else path


def _locations(data_file: DataFile, name: str) -> list[Path]:
    """Folders and lists of a split, from the data file, or else the usual folder."""
    folder = data_file.path.parent
    value = data_file.values.get(name)
    if value is None:
        usual = (folder / "images" / name, folder / name / "images")
        return [location for location in usual if location.is_dir()][:1]
    root = folder / str(data_file.values.get("path") or "")
    if data_file.path.suffix == ".data":
        return [_first_existing(places(folder, str(value)))]
    return [
        _first_existing([root / str(one), folder / str(one), *_without_parent(folder, str(one))])
        for one in _list(value)
    ]


def _without_parent(folder: Path, entry: str) -> list[Path]:
    """``train/images`` where an exporter wrote ``../train/images``."""
    return [folder / entry.removeprefix("../")] if entry.startswith("../") else []


def _first_existing(locations: list[Path]) -> Path:
    return absolute(next((location for location in locations if os.path.exists(location)), locations[0]))


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _is_data_file(path: Path) -> bool:
    try:
        return {"names", "train"} <= read_yaml(path).keys()
    except InputError:
        return False
