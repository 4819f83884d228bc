"""Labels of images that an EXIF orientation turns (``data.exif``), and the check of the annotated sizes."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

import numpy as np
import numpy.typing as npt

from codo.annotations.images import RESIZE, read_stored_sizes, upright_sizes
from codo.annotations.records import Annotations
from codo.geometry.turning import turn_boxes, turn_outline
from codo.layouts.entries import FileEntries

Exif = Literal["auto", "upright", "stored"]


def fit_to_images(annotations: Annotations, exif: Exif, *, check: bool = True) -> Annotations:
    """Turn the labels that were made on images as stored, and check that all images have the annotated sizes.

    Args:
        annotations: The data set.
        exif: See `turn_labels`.
        check: Whether all images must be there, readable and of the annotated size; else what can be is turned.

    Raises:
        InputError: Images cannot be read or have another size; names the first and how many there are.
    """
    if annotations.folder is None or (exif == "upright" and not check):
        return annotations
    paths = [annotations.path(i) for i in range(len(annotations))]
    stored = read_stored_sizes(paths, tolerant=not check)
    turned = turn_labels(annotations, stored, exif)
    if not check:
        return turned
    actual, annotated = upright_sizes(stored), turned.sizes
    FileEntries("image", paths).refuse(
        np.flatnonzero((actual != annotated).any(axis=1)).tolist(),
        "whose size differs from the annotations",
        RESIZE,
        lambda i: f"{actual[i, 1]} x {actual[i, 0]} pixels, annotated as {annotated[i, 1]} x {annotated[i, 0]}",
    )
    return turned


def turn_labels(annotations: Annotations, stored: npt.NDArray[np.int32], exif: Exif) -> Annotations:
    """Turn the labels of images that were labeled as they are stored.

    Args:
        annotations: The data set.
        stored: Sizes and orientations from `codo.annotations.images.read_stored_sizes`; zeros where unknown.
        exif: ``stored``: all labels are of the stored images; ``upright``: none is; ``auto``: those of images whose
            annotated size is the stored one, not the upright one; and if that holds for every image whose orientation
            exchanges its sides, also those that are mirrored or upside down, whose sizes tell nothing.
    """
    if exif == "upright":
        return annotations
    orientation = stored[:, 2]
    as_stored = (annotations.sizes == stored[:, :2]).all(axis=1)
    quarter = (orientation >= 5) & (stored[:, 0] != stored[:, 1])
    proven = quarter & as_stored
    others = (orientation >= 2) & as_stored & ~quarter  # mirrored, upside down, or square
    if exif == "stored":
        turned = (orientation >= 2) & as_stored
    else:
        turned = proven | others if proven.any() and (proven == quarter).all() else proven
    unsure = "" if exif == "stored" or not proven.any() else _unsure(annotations, int((others & ~turned).sum()))
    if not turned.any():
        return annotations
    bbox, outlines = annotations.bbox.copy(), {}
    for i in np.flatnonzero(turned).tolist():
        rows = annotations.objects(i)
        height, width, way = (int(v) for v in stored[i])
        bbox[rows] = turn_boxes(bbox[rows], way, height, width)
        for row in range(rows.start, rows.stop):
            outlines[row] = turn_outline(annotations.segmentations[row], way, height, width)
    sizes = np.where(turned[:, None], upright_sizes(stored), annotations.sizes).astype(np.int32)
    note = (
        f"{annotations.source}: the labels of {int(turned.sum())} of {len(annotations)} images are of the image before "
        f"its EXIF orientation, and were turned with it (the first: {annotations.file_names[np.argmax(turned)]})"
    )
    return replace(
        annotations,
        bbox=bbox,
        sizes=sizes,
        segmentations=annotations.segmentations.replaced(outlines),
        notes=(*annotations.notes, note, *filter(None, [unsure])),
    )


def _unsure(annotations: Annotations, count: int) -> str:
    if not count:
        return ""
    return (
        f"{annotations.source}: {count} more images are mirrored, upside down or square, where sizes do not tell "
        "whether labels were made before or after turning: not turned; data.exif=stored turns them"
    )
