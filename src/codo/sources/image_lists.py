"""Files that list images: text files, VOC image sets, COCO annotation files. The one parser of each.

`codo prepare` reads them to select among the images of a source, `codo.annotations` to find the images of a split.

A VOC image set has one image name per line; names may have spaces. The set of a class (``cat_train.txt``) has a second
column that says whether the image shows the class: ``1`` yes, ``0`` only difficult objects of it, ``-1`` no. What a
row with ``-1`` means depends on the use:

* As a split for detection (``data.train_split=cat_train``) it counts like every other row: an image without the class
  is a negative example, and evaluation without it would not see false detections.
* As a selection for a catalog (``select=cat_train``) it is left out: a selection by class asks for the images that show
  the class, and a catalog has no labels that could separate them later.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any, NamedTuple

from codo.core.errors import InputError
from codo.core.text import decode_text
from codo.sources.listing import IMAGE_EXTENSIONS, extension

_WITH_LABEL = re.compile(r"(.*\S)\s+(-1|0|1)")


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
    """The lines of a text file, stripped, without quotation marks around them, empty ones and comments (``#``).

    Raises:
        InputError: The file is not text in UTF-8 or UTF-16.
    """
    return [line._replace(text=_unquoted(line.text)) for line in _stripped_lines(data, where)]


def _stripped_lines(data: bytes, where: str) -> list[TextLine]:
    try:
        lines = decode_text(data).splitlines()
    except UnicodeDecodeError as error:
        raise InputError("the list of images is not a text file", where=where, fix="save it as UTF-8 text") from error
    stripped = (TextLine(number, line.strip()) for number, line in enumerate(lines, start=1))
    return [line for line in stripped if line.text and not line.text.startswith("#")]


def parse_image_set(data: bytes, where: str, exists: Callable[[str], bool] = lambda name: False) -> list[ImageSetRow]:
    """The rows of a VOC image set (``ImageSets/Main/*.txt``), negative examples of a class included.

    A line is the name of an image if there is one of that name, as ``img (1)`` and ``img 1`` may be; else a last
    ``1``, ``-1`` or ``0`` is its label in the set of a class. Names may be quoted, and may have an image extension.

    Args:
        data: The file.
        where: Its path, for messages.
        exists: Whether there is an image (or label file) of a name without extension.

    Raises:
        InputError: The file is not text in UTF-8 or UTF-16.
    """
    return [_image_set_row(line.text, exists) for line in _stripped_lines(data, where)]


def _image_set_row(line: str, exists: Callable[[str], bool]) -> ImageSetRow:
    whole = _name(line, exists)
    labeled = _WITH_LABEL.fullmatch(line)
    if labeled is None or exists(whole):
        return ImageSetRow(whole, "")
    return ImageSetRow(_name(labeled[1], exists), labeled[2])


def _name(text: str, exists: Callable[[str], bool]) -> str:
    """The name without quotation marks and image extension, unless there is an image named with them."""
    plain = _unquoted(text)
    stem = plain.rpartition(".")[0] if extension(plain) in IMAGE_EXTENSIONS else plain
    return next((name for name in (text, plain, stem) if exists(name)), plain)


def _unquoted(text: str) -> str:
    quoted = len(text) > 2 and text[0] == text[-1] and text[0] in "\"'"
    return text[1:-1] if quoted else text


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
    except (ValueError, RecursionError) as error:  # no text, a number of thousands of digits, too many brackets
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
