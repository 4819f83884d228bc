"""Files that list images: text files, VOC image sets, COCO annotation files. The one parser of each.

`codo prepare` reads them to select among the images of a source, `codo.annotations` to find the images of a split.

A VOC image set has one image name per line. The set of a class (``cat_train.txt``) has a second column that says
whether the image shows the class: ``1`` yes, ``0`` only difficult objects of it, ``-1`` no. What a row with ``-1``
means depends on the use:

* As a split for detection (``data.train_split=cat_train``) it counts like every other row: an image without the class
  is a negative example, and evaluation without it would not see false detections.
* As a selection for a catalog (``select=cat_train``) it is left out: a selection by class asks for the images that show
  the class, and a catalog has no labels that could separate them later.
"""

from __future__ import annotations

import json
from typing import Any, NamedTuple

from codo.core.errors import InputError


class TextLine(NamedTuple):
    """A line that is neither empty nor a comment, and its number in the file, from 1."""

    number: int
    text: str


class ImageSetRow(NamedTuple):
    """A row of a VOC image set.

    Attributes:
        name: Of the image, without extension.
        label: The second column in the set of a class, else empty.
    """

    name: str
    label: str

    @property
    def is_negative(self) -> bool:
        """Whether the set is that of a class which the image does not show."""
        return self.label == "-1"


def parse_lines(data: bytes, where: str) -> list[TextLine]:
    """The lines of a text file, stripped, without empty ones and comments (``#``).

    Raises:
        InputError: The file is not UTF-8 text.
    """
    try:
        lines = data.decode("utf-8-sig").splitlines()
    except UnicodeDecodeError as error:
        raise InputError("the list of images is not a text file", where=where, fix="save it as UTF-8 text") from error
    stripped = (TextLine(number, line.strip()) for number, line in enumerate(lines, start=1))
    return [line for line in stripped if line.text and not line.text.startswith("#")]


def parse_image_set(data: bytes, where: str) -> list[ImageSetRow]:
    """The rows of a VOC image set (``ImageSets/Main/*.txt``), negative examples of a class included.

    Raises:
        InputError: The file is not UTF-8 text.
    """
    rows = (line.text.split() for line in parse_lines(data, where))
    return [ImageSetRow(row[0], row[1] if len(row) == 2 else "") for row in rows]


def parse_json(data: bytes, where: str) -> Any:
    """What a JSON file holds.

    Raises:
        InputError: It is not JSON; says where it breaks.
    """
    try:
        return json.loads(data)
    except json.JSONDecodeError as error:
        raise InputError(
            f"broken JSON: {error.msg} at line {error.lineno}, column {error.colno}",
            where=where,
            fix="write the file again; it may be cut off",
        ) from error
    except (UnicodeDecodeError, RecursionError) as error:
        raise InputError("not a JSON text file", where=where, fix="give a JSON file") from error


def parse_coco(data: bytes, where: str) -> dict[str, Any]:
    """A COCO annotation file as a dictionary with a list of ``images``; nothing else is checked.

    Raises:
        InputError: It is not JSON, or not a COCO annotation file.
    """
    values = parse_json(data, where)
    if isinstance(values, list):
        raise InputError(
            "a JSON list, as result files are, where a COCO annotation file was expected",
            where=where,
            fix="give the ground truth here (a JSON object with images, categories and annotations)",
        )
    if not isinstance(values, dict):
        raise InputError("not a COCO annotation file", where=where, fix="give a JSON object with images, …")
    if not isinstance(values.get("images"), list):
        raise InputError(
            "'images' is missing or not a list", where=where, fix="give a COCO annotation file (instances)"
        )
    return values


def file_name(image: dict[str, Any]) -> Any:
    """The ``file_name`` of an entry of ``images``; LVIS has only the URL, which ends with folder and file."""
    name, url = image.get("file_name"), image.get("coco_url")
    return "/".join(url.split("/")[-2:]) if name is None and isinstance(url, str) else name
