"""A part of a labeled data set: a random split, the images that are there, or the classes that are no parents."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

import numpy as np
import numpy.typing as npt

from codo.annotations.fraction import labeled_subset
from codo.annotations.records import Annotations
from codo.core.errors import InputError
from codo.layouts.missing import missing_note

SPLIT_SEED = 1
"""Added to the seed of a split, so that it is another draw than that of ``data.fraction`` with the same seed."""


def take(annotations: Annotations, images: npt.NDArray[np.int64]) -> Annotations:
    """The same data set with only some images and their objects.

    Args:
        annotations: The data set.
        images: Indices of the images to keep, in order.
    """
    counts = np.diff(annotations.offsets)[images]
    rows = np.repeat(annotations.offsets[images] - (np.cumsum(counts) - counts), counts) + np.arange(counts.sum())
    return replace(
        annotations,
        image_ids=annotations.image_ids[images],
        file_names=annotations.file_names[images],
        sizes=annotations.sizes[images],
        offsets=np.concatenate([[0], np.cumsum(counts)]).astype(np.int64),
        bbox=annotations.bbox[rows],
        labels=annotations.labels[rows],
        crowd=annotations.crowd[rows],
        areas=annotations.areas[rows],
        object_ids=annotations.object_ids[rows],
        segmentations=annotations.segmentations.take(rows),
        difficult=None if annotations.difficult is None else annotations.difficult[rows],
    )


def random_split(annotations: Annotations, split: Literal["train", "val"], share: float, seed: int) -> Annotations:
    """One side of a random split, drawn class by class as `codo.annotations.fraction` does.

    It depends on labels and file names only: the same for every order of the file and every format.

    Args:
        annotations: The whole data set.
        split: ``train`` or ``val``.
        share: Fraction of the images that are ``val``.
        seed: Seed of the draw.

    Raises:
        InputError: One side would be empty.
    """
    val = labeled_subset(annotations, share, seed + SPLIT_SEED)
    train = np.setdiff1d(np.arange(len(annotations)), val)
    if not len(train) or not len(val):
        raise InputError(
            f"data.split={share:g} of {len(annotations)} images leaves one side empty",
            where=str(annotations.source),
            fix="choose another fraction, or add images",
        )
    counts = f"{len(train)} train and {len(val)} val images"
    note = f"{annotations.source}: one set of images, split at random into {counts} (data.split={share:g})"
    part = take(annotations, train if split == "train" else val)
    return replace(part, notes=(*part.notes, note))


def without_parents(train: Annotations, val: Annotations) -> tuple[Annotations, Annotations]:
    """Both splits without the categories that only group others and have no objects in either."""
    empty = set(train.parents) & set(val.parents)
    if not empty or train.categories != val.categories:
        return train, val
    names = ", ".join(f"'{c.name}' (id {c.id})" for c in train.categories if c.id in empty)
    note = f"categories that only group others and have no objects are no classes: {names}"
    kept = tuple(category for category in train.categories if category.id not in empty)
    label_of = {category.id: label for label, category in enumerate(kept, start=1)}
    moved = np.array([0, *(label_of.get(category.id, 0) for category in train.categories)], dtype=np.int64)

    def left(annotations: Annotations) -> Annotations:
        labels, notes = moved[annotations.labels], (*annotations.notes, note)
        return replace(annotations, categories=kept, labels=labels, parents=(), notes=notes)

    return left(train), left(val)


def without_missing(annotations: Annotations, present: npt.NDArray[np.bool_]) -> Annotations:
    """The data set without the images that are not there (``data.missing=skip``).

    Args:
        annotations: The data set.
        present: Which images are there, ``(N,)``.

    Raises:
        InputError: None is there.
    """
    if present.all():
        return annotations
    names = annotations.file_names[~present].tolist()
    note = missing_note(str(annotations.source), names, len(annotations))
    part = take(annotations, np.flatnonzero(present))
    return replace(part, missing=tuple(names), notes=(*part.notes, note))
