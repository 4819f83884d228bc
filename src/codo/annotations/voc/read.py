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
converted to ``x = xmin - 1`` and ``width = xmax - xmin + 1``. Folders that count from 0 are recognized (``origin``),
and rectangles that CVAT has rotated are replaced by their extent. ``difficult`` may be left out, and a size of 0 or
none is read from the image.

VOC has no list of classes. The classes are the names in all XML files of the folder, of every year and split, so that
all splits agree; in alphabetical order, with ids from 1. For VOC itself these are its 20 classes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from codo.annotations.assemble import assemble, unused_classes
from codo.annotations.images import read_sizes
from codo.annotations.records import Annotations, Category
from codo.geometry.corners import Counting, Origin
from codo.layouts.entries import FileEntries
from codo.layouts.image_ids import image_numbers
from codo.layouts.voc import VocImage, label_folders
from codo.layouts.voc_xml import CORNERS, Labels, Unreadable, parse
from codo.sources.folder import files_with

BOX = "write xmin <= xmax and ymin <= ymax in pixels of the image as it is on disk, counted from 1 (or 0)"


def read_voc(folder: Path, images: Sequence[VocImage], origin: Origin = "auto") -> Annotations:
    """Read and check the labels of images.

    Args:
        folder: The data folder.
        images: From `codo.layouts.voc.images_of`.
        origin: What the corners count from; ``auto``: 0 if any corner in the folder is 0, else 1.

    Returns:
        The annotations, with ``difficult``.

    Raises:
        InputError: Names the first invalid file or object and how many there are.
    """
    files = FileEntries("XML file", [image.labels for image in images])
    parsed = [parse(image.labels) for image in images]
    wrong = {i: labels for i, labels in enumerate(parsed) if isinstance(labels, Unreadable)}
    if wrong:
        fix = next(iter(wrong.values())).fix
        files.refuse(wrong, "that cannot be read", fix, lambda i: wrong[i].reason)
    labels = [one for one in parsed if not isinstance(one, Unreadable)]
    others = _others(folder, images)
    sizes, filled = _sizes(files, labels, [folder / image.name for image in images])

    counts = [len(one.names) for one in labels]
    of_image = np.repeat(np.arange(len(labels), dtype=np.int64), counts)
    places = [number for count in counts for number in range(1, count + 1)]
    objects = FileEntries("object", [images[int(i)].labels for i in of_image], places)
    names = [name or "" for one in labels for name in one.names]
    objects.refuse((i for i, name in enumerate(names) if not name), "without a name", "write the <name> of its class")
    counting = _counting(labels, sizes, others, origin)
    corners = [corners for one in labels for corners in one.corners]
    rotation = enumerate(angle for one in labels for angle in one.rotation)
    angles = {i: angle for i, angle in rotation if angle is not None}
    bbox, flat, turned = _boxes(objects, corners, angles, sizes[of_image], counting, str(folder))
    difficult = [text or "0" for one in labels for text in one.difficult]
    objects.refuse(
        (i for i, text in enumerate(difficult) if text not in ("0", "1")),
        "where <difficult> is not 0 or 1",
        "write 0 or 1",
        lambda i: f"difficult {difficult[i]}",
    )
    classes = sorted({*names, *(name for one in others for name in one.names if name)})
    categories = tuple(Category(i, name) for i, name in enumerate(classes, start=1))
    place = {name: i for i, name in enumerate(classes, start=1)}
    label = np.array([place[name] for name in names], dtype=np.int64)
    annotations = assemble(
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
        notes=[
            counting.note(str(folder)),
            turned,
            f"{folder}: {filled} XML files without a <size>; it is read from the images" if filled else "",
        ],
    )
    return replace(annotations, inferred={"voc_origin": 0}) if counting.from_0 else annotations


def _sizes(files: FileEntries, labels: Sequence[Labels], images: Sequence[Path]) -> tuple[npt.NDArray[np.int32], int]:
    """Height and width of every image, and how many are not in the XML files but read from the images."""
    sizes = numbers((one.size[1] or "0", one.size[0] or "0") for one in labels).reshape(-1, 2)
    missing = [i for i in np.flatnonzero((sizes == 0).any(axis=1)).tolist() if images[i].is_file()]
    if missing:
        sizes[missing] = read_sizes([images[i] for i in missing])
    files.refuse(
        np.flatnonzero(~((sizes >= 1) & (sizes < 2**31) & (sizes == np.floor(sizes))).all(axis=1)).tolist(),
        "with an impossible <size>",
        "write width and height of the image in pixels",
        lambda i: f"width {labels[i].size[0] or 'missing'}, height {labels[i].size[1] or 'missing'}",
    )
    return sizes.astype(np.int32), len(missing)


def _counting(
    labels: Sequence[Labels], sizes: npt.NDArray[np.int32], others: Sequence[Labels], origin: Origin
) -> Counting:
    """How the corners of the whole folder count, so that all splits agree."""
    corners = numbers(corners for one in (*labels, *others) for corners in one.corners).reshape(-1, 4)
    known = [*sizes[:, ::-1].astype(np.float64), *numbers(one.size for one in others).reshape(-1, 2)]
    counts = [len(one.names) for one in (*labels, *others)]
    return Counting(corners, np.repeat(np.array(known).reshape(-1, 2), counts, axis=0), origin)


def _boxes(
    objects: FileEntries,
    corners: Sequence[tuple[str | None, ...]],
    angles: Mapping[int, str],
    sizes: npt.NDArray[np.int32],
    counting: Counting,
    where: str,
) -> tuple[npt.NDArray[np.float64], str, str]:
    """Boxes x, y, width, height from edges at 0, a warning and a note, if any."""

    def corners_text(i: int) -> str:
        return ", ".join(f"{name} {text or 'missing'}" for name, text in zip(CORNERS, corners[i], strict=True))

    values = numbers(corners).reshape(-1, 4)
    objects.refuse(
        np.flatnonzero(~np.isfinite(values).all(axis=1)).tolist(),
        "whose corners are not four numbers",
        "write xmin, ymin, xmax and ymax in <bndbox>",
        corners_text,
    )
    bbox = counting.boxes(values)
    objects.refuse(
        np.flatnonzero((bbox[:, 2:] <= 0).any(axis=1)).tolist(),
        "with a box without area",
        BOX,
        corners_text,
    )
    bbox, turned = objects.turned_boxes(bbox, sizes, angles, where)
    return bbox, objects.check_boxes(bbox, sizes, corners_text, BOX), turned


def numbers(texts: Iterable[tuple[str | None, ...]]) -> npt.NDArray[np.float64]:
    """Rows of texts as numbers; nan for other text."""

    def number(text: str | None) -> float:
        try:
            return float(text or "nan")
        except ValueError:
            return float("nan")

    return np.array([[number(text) for text in row] for row in texts], dtype=np.float64)


def _others(folder: Path, images: Sequence[VocImage]) -> list[Labels]:
    """The labels of other images of the folder; errors in these files are not reported here."""
    read = {image.labels for image in images}
    folders = {path.parent for path in read} | set(label_folders(folder))
    paths = {path for one in folders for path in files_with(one, {".xml"}).paths} - read
    return [one for one in map(parse, sorted(paths)) if isinstance(one, Labels)]
