"""Build `Annotations` from the columns that a reader has read; the last step of every reader."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from codo.annotations.records import Aliases, Annotations, Category
from codo.core.errors import InputError
from codo.geometry.segmentations import Segmentations


def assemble(
    source: Path,
    *,
    image_ids: npt.NDArray[np.int64],
    file_names: Sequence[str],
    sizes: npt.NDArray[np.int32],
    categories: tuple[Category, ...],
    of_image: npt.NDArray[np.int64],
    bbox: npt.NDArray[np.float64],
    labels: npt.NDArray[np.int64],
    crowd: npt.NDArray[np.bool_],
    areas: npt.NDArray[np.float64],
    object_ids: npt.NDArray[np.int64],
    outlines: Sequence[Any],
    difficult: npt.NDArray[np.bool_] | None = None,
    folder: Path | None = None,
    parents: tuple[int, ...] = (),
    aliases: Aliases | None = None,
    warnings: Iterable[str] = (),
    notes: Iterable[str] = (),
) -> Annotations:
    """Sort objects by image and build `Annotations`.

    Args:
        source: The file or folder that was read.
        image_ids: ``(N,)``, id of every image.
        file_names: N names, relative to ``folder``.
        sizes: ``(N, 2)``, height and width in pixels.
        categories: The classes.
        of_image: ``(M,)``, index of the image of every object; in any order.
        bbox: ``(M, 4)``, x, y, width, height in pixels.
        labels: ``(M,)``, from 1.
        crowd: ``(M,)``, whether an object is a crowd region.
        areas: ``(M,)``, in square pixels.
        object_ids: ``(M,)``, for messages.
        outlines: M segmentations, ``None`` where there is none.
        difficult: ``(M,)``, whether an object is difficult; ``None`` where the format does not say.
        folder: Folder of the images.
        parents: Ids of categories that only group others.
        aliases: Ids as the files write them, where these are not the ones above.
        warnings: Messages for the user; empty ones are dropped.
        notes: What was inferred, one line each; empty ones are dropped.
    """
    order = np.argsort(of_image, kind="stable")  # objects of an image keep their order: it decides ties in COCO AP
    return Annotations(
        source=source,
        folder=folder,
        image_ids=image_ids,
        file_names=np.array(file_names, dtype=np.str_),
        sizes=sizes,
        categories=categories,
        offsets=np.concatenate([[0], np.cumsum(np.bincount(of_image, minlength=len(image_ids)))]).astype(np.int64),
        bbox=bbox[order],
        labels=labels[order],
        crowd=crowd[order],
        areas=areas[order],
        object_ids=object_ids[order],
        segmentations=Segmentations(outlines[i] for i in order),
        difficult=None if difficult is None else difficult[order],
        parents=parents,
        aliases=aliases or Aliases({}, {}),
        warnings=tuple(filter(None, warnings)),
        notes=tuple(filter(None, notes)),
    )


def refuse_same_names(categories: tuple[Category, ...], labels: npt.NDArray[np.int64], where: str) -> None:
    """Refuse two classes of the same name that both have objects, because results by class would be ambiguous.

    A class without objects is allowed: some exporters add a parent category of the same name.

    Args:
        categories: The classes.
        labels: Label of every object, from 1.
        where: The file or folder that was read.

    Raises:
        InputError: Names the first such name with its ids, and how many there are.
    """
    ids = defaultdict[str, list[int]](list)
    for label in np.unique(labels).tolist():
        ids[categories[label - 1].name].append(categories[label - 1].id)
    repeated = {name: found for name, found in ids.items() if len(found) > 1}
    if repeated:
        raise same_names(repeated, where, "give the objects one id, or the classes different names")


def same_names(repeated: Mapping[str, Sequence[int]], where: str, fix: str) -> InputError:
    """The error about classes of the same name; ``repeated`` has the ids of each such name."""
    name, found = next(iter(repeated.items()))
    count = "1 name" if len(repeated) == 1 else f"{len(repeated)} names"
    return InputError(
        f"{count} used by more than one class; the first: '{name}' (ids {', '.join(map(str, found))})",
        where=where,
        fix=fix,
    )


def unused_classes(
    categories: tuple[Category, ...], labels: npt.NDArray[np.int64], where: str, parents: Collection[int] = ()
) -> str:
    """A warning about classes without objects; they remain classes, so that ids stay valid.

    Args:
        categories: The classes.
        labels: Label of every object, from 1.
        where: The file or folder that was read.
        parents: Ids of parent categories, about which nothing is said.
    """
    present = set(labels.tolist())
    if not present:
        return f"{where}: there are no objects, so every AP is -1 (undefined)"
    empty = [c for label, c in enumerate(categories, start=1) if label not in present and c.id not in parents]
    if not empty:
        return ""
    names = ", ".join(f"{c.name} (id {c.id})" for c in empty[:5])
    more = f" and {len(empty) - 5} more" if len(empty) > 5 else ""
    return f"{where}: {len(empty)} of {len(categories)} categories have no annotation: {names}{more}"
