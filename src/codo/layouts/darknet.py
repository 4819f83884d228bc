"""Darknet's data file, which CVAT's export "YOLO 1.1" has instead of ``data.yaml``.

::

    obj.data                    classes = 2
                                train = data/train.txt      valid = data/valid.txt
                                names = data/obj.names
    obj.names                   one class per line
    train.txt                   data/obj_train_data/a.jpg   one image per line
    obj_train_data/a.jpg        with obj_train_data/a.txt beside it

Paths begin with ``data/``, the folder of Darknet into which the export is meant to be copied. Files that people write
themselves have absolute paths: where nothing is there, a file of that name beside the data file is taken, and told.
"""

from __future__ import annotations

from pathlib import Path, PurePosixPath

from codo.core.errors import InputError
from codo.core.text import decode_text

FIX = "export it again, or write data.yaml with names, train and val"


def is_darknet(path: Path) -> bool:
    """Whether a file is one of Darknet's data files."""
    try:
        return {"names", "train"} <= _values(path).keys()
    except InputError:
        return False


def read_darknet(path: Path) -> tuple[dict[str, str], dict[int, str], list[str]]:
    """The values of a data file, the classes by index, and what was inferred, one line each.

    Raises:
        InputError: Not readable, without classes, or another number of them than ``classes`` says.
    """
    values = _values(path)
    place = values.get("names", "obj.names")
    found = next((one for one in places(path.parent, place) if one.is_file()), None)
    if found is None:
        raise InputError(f"the file of class names is not there: {place}", where=str(path), fix=FIX)
    listed = class_names(found)
    if values.get("classes", str(len(listed))) != str(len(listed)):
        what = f"classes is {values['classes']}, but there are {len(listed)} names in {found.name}"
        raise InputError(what, where=str(path), fix="correct one of them")
    return values, dict(enumerate(listed)), _notes(path, values)


def class_names(path: Path) -> list[str]:
    """The names in a file with one class a line.

    Raises:
        InputError: It is empty or not text, or has an empty line before its last name.
    """
    listed = [line.strip() for line in _text(path).splitlines()]
    while listed and not listed[-1]:
        listed.pop()
    if not listed or not all(listed):
        raise InputError("the file of class names is empty, or has an empty line", where=str(path), fix=FIX)
    return listed


def places(folder: Path, place: str) -> list[Path]:
    """Where a file may be that a data file in ``folder`` names, best first."""
    return [folder / place, folder / without_data(place), folder / PurePosixPath(place).name]


def without_data(place: str) -> str:
    """A path without the folder ``data/`` of Darknet before it."""
    return place.removeprefix("./").removeprefix("data/")


def _notes(path: Path, values: dict[str, str]) -> list[str]:
    notes = [f"{path}: a data file of Darknet, as CVAT writes for YOLO 1.1"]
    for place in (values[key] for key in ("names", "train", "valid", "val", "test") if key in values):
        as_written, without, beside = places(path.parent, place)
        if beside.exists() and not as_written.exists() and not without.exists():
            notes.append(f"{path}: {place} is not there, and is read as {beside.name} beside it")
    return notes


def _values(path: Path) -> dict[str, str]:
    rows = (line.partition("=") for line in _text(path).splitlines() if "=" in line and not line.startswith("#"))
    return {key.strip(): value.strip().replace("\\", "/") for key, _, value in rows if value.strip()}


def _text(path: Path) -> str:
    try:
        return decode_text(path.read_bytes())
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"cannot read the file: {error}", where=str(path), fix="save it as UTF-8 text") from error
