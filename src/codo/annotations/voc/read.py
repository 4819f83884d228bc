"""Read and check PASCAL VOC's XML files, one per image.

::

    <annotation>
      <size><width>500</width><height>375</height><depth>3</depth></size>
      <object>
        <name>chair</name>
        <difficult>0</difficult>
        <bndbox><xmin>263</xmin><ymin>211</ymin><xmax>324</xmax><ymax>339</ymax></bndbox>
      </object> …
    </annotation>

Corners are pixels, counted from 1, both inside the box: ``xmin=1, xmax=500`` is the whole width of 500 pixels. They are
converted to ``x = xmin - 1`` and ``width = xmax - xmin + 1``. ``difficult`` may be left out.

VOC has no list of classes. The classes are the names in all XML files of the folder, of every year and split, so that
all splits agree; in alphabetical order, with ids from 1. For VOC itself these are its 20 classes.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple
from xml.etree import ElementTree

import numpy as np
import numpy.typing as npt

from codo.annotations.assemble import assemble, image_numbers, unused_classes
from codo.annotations.entries import FileEntries
from codo.annotations.records import Annotations, Category
from codo.annotations.voc.layout import VocImage, years

CORNERS = ("xmin", "ymin", "xmax", "ymax")
BOX = "write xmin <= xmax and ymin <= ymax in pixels of the image as it is on disk, counted from 1"


class Labels(NamedTuple):
    """An XML file as text, ``None`` where something is missing.

    Attributes:
        size: Width and height.
        names: Class of each object.
        corners: xmin, ymin, xmax, ymax of each object.
        difficult: Flag of each object.
    """

    size: tuple[str | None, str | None]
    names: list[str | None]
    corners: list[tuple[str | None, ...]]
    difficult: list[str | None]


def read_voc(folder: Path, images: Sequence[VocImage]) -> Annotations:
    """Read and check the labels of images.

    Args:
        folder: The data folder.
        images: From `codo.annotations.voc.layout.images_of`.

    Returns:
        The annotations, with ``difficult``.

    Raises:
        InputError: Names the first invalid file or object and how many there are.
    """
    files = FileEntries("XML file", [image.labels for image in images])
    parsed = [parse(image.labels) for image in images]
    wrong = {i: labels for i, labels in enumerate(parsed) if isinstance(labels, str)}
    files.refuse(wrong, "that cannot be read", "write it again; it may be cut off", wrong.__getitem__)
    labels = [one for one in parsed if not isinstance(one, str)]
    sizes = _sizes(files, labels)

    counts = [len(one.names) for one in labels]
    of_image = np.repeat(np.arange(len(labels), dtype=np.int64), counts)
    places = [number for count in counts for number in range(1, count + 1)]
    objects = FileEntries("object", [images[int(i)].labels for i in of_image], places)
    names = [name or "" for one in labels for name in one.names]
    objects.refuse((i for i, name in enumerate(names) if not name), "without a name", "write the <name> of its class")
    bbox, flat = _boxes(objects, [corners for one in labels for corners in one.corners], sizes[of_image])
    difficult = [text or "0" for one in labels for text in one.difficult]
    objects.refuse(
        (i for i, text in enumerate(difficult) if text not in ("0", "1")),
        "where <difficult> is not 0 or 1",
        "write 0 or 1",
        lambda i: f"difficult {difficult[i]}",
    )
    classes = sorted({*names, *_other_names(folder, images)})
    categories = tuple(Category(i, name) for i, name in enumerate(classes, start=1))
    place = {name: i for i, name in enumerate(classes, start=1)}
    label = np.array([place[name] for name in names], dtype=np.int64)
    return assemble(
        folder,
        image_ids=image_numbers([image.name for image in images]),
        file_names=[image.name for image in images],
        sizes=sizes,
        categories=categories,
        of_image=of_image,
        bbox=bbox,
        labels=label,
        crowd=np.zeros(len(names), dtype=bool),
        difficult=np.array([text == "1" for text in difficult], dtype=bool),
        areas=bbox[:, 2] * bbox[:, 3],
        object_ids=np.arange(1, len(names) + 1),
        outlines=[None] * len(names),
        folder=folder,
        warnings=[flat, unused_classes(categories, label, str(folder))],
    )


def parse(path: Path) -> Labels | str:
    """The labels of a file, or the reason why it cannot be read."""
    try:
        root = ElementTree.fromstring(path.read_bytes())
    except OSError as error:
        return error.strerror or str(error)
    except (ElementTree.ParseError, LookupError, ValueError) as error:  # the latter two: an encoding that is not one
        return f"broken XML: {error}"
    if root.tag != "annotation":
        return f"<{root.tag}> where <annotation> was expected"
    objects = root.findall("object")  # direct children: parts of persons have boxes too
    return Labels(
        (root.findtext("size/width"), root.findtext("size/height")),
        [_text(one, "name") for one in objects],
        [tuple(_text(one, f"bndbox/{corner}") for corner in CORNERS) for one in objects],
        [_text(one, "difficult") for one in objects],
    )


def _text(element: ElementTree.Element, path: str) -> str | None:
    text = element.findtext(path)
    return None if text is None else text.strip()


def _sizes(files: FileEntries, labels: Sequence[Labels]) -> npt.NDArray[np.int32]:
    """Height and width of every image."""
    sizes = numbers((one.size[1], one.size[0]) for one in labels).reshape(-1, 2)
    files.refuse(
        np.flatnonzero(~((sizes >= 1) & (sizes < 2**31) & (sizes == np.floor(sizes))).all(axis=1)).tolist(),
        "with an impossible <size>",
        "write width and height of the image in pixels",
        lambda i: f"width {labels[i].size[0] or 'missing'}, height {labels[i].size[1] or 'missing'}",
    )
    return sizes.astype(np.int32)


def _boxes(
    objects: FileEntries, corners: Sequence[tuple[str | None, ...]], sizes: npt.NDArray[np.int32]
) -> tuple[npt.NDArray[np.float64], str]:
    """Boxes x, y, width, height, counted from 0, and a warning, if any."""

    def corners_text(i: int) -> str:
        return ", ".join(f"{name} {text or 'missing'}" for name, text in zip(CORNERS, corners[i], strict=True))

    values = numbers(corners).reshape(-1, 4)
    objects.refuse(
        np.flatnonzero(~np.isfinite(values).all(axis=1)).tolist(),
        "whose corners are not four numbers",
        "write xmin, ymin, xmax and ymax in <bndbox>",
        corners_text,
    )
    bbox = np.concatenate([values[:, :2] - 1, values[:, 2:] - values[:, :2] + 1], axis=1)
    objects.refuse(
        np.flatnonzero((bbox[:, 2:] <= 0).any(axis=1)).tolist(),
        "with a box without area",
        BOX,
        corners_text,
    )
    return bbox, objects.check_boxes(bbox, sizes, corners_text, BOX)


def numbers(texts: Iterable[tuple[str | None, ...]]) -> npt.NDArray[np.float64]:
    """Rows of texts as numbers; nan for other text."""

    def number(text: str | None) -> float:
        try:
            return float(text or "nan")
        except ValueError:
            return float("nan")

    return np.array([[number(text) for text in row] for row in texts], dtype=np.float64)


def _other_names(folder: Path, images: Sequence[VocImage]) -> set[str]:
    """Names of classes in the XML files of other images; errors in these files are not reported here."""
    read = {image.labels for image in images}
    folders = {path.parent for path in read} | {year / "Annotations" for year in years(folder)}
    paths = (path for one in sorted(folders) for path in one.glob("*.xml"))
    others = (parse(path) for path in paths if path not in read)
    return {name for one in others if isinstance(one, Labels) for name in one.names if name}
