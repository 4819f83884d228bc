"""Near-duplicates between images to evaluate on and other images: the same picture, resized or encoded again."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple

from codo.catalog.catalog import Catalog
from codo.duplicates.hashes import Hashes, hashes_of_catalog, hashes_of_files, read_file, read_row
from codo.duplicates.perceptual import alike, candidates, thumbnail

DEFAULT_LIMIT = 50_000
"""Images among which near-duplicates are looked for by default: a minute and a half of one core, the first time."""
SECONDS = 0.0015
"""That an image takes, of a photograph of half a megapixel."""
MOST_COMPARED = 100
"""Candidates of an image that are compared with it: near hashes are rare among photographs, not among blank scans."""


class NearDuplicate(NamedTuple):
    """An image and the other one that shows the same.

    Attributes:
        path: The image.
        other: Name of the other image.
    """

    path: Path
    other: str


def near_in_files(paths: Sequence[Path], others: Sequence[Path]) -> list[NearDuplicate]:
    """The images among ``paths`` that are near-duplicates of one of ``others``, but equal to none of them."""
    found = _near(paths, hashes_of_files(others), lambda i: read_file(others[i]))
    return [NearDuplicate(path, str(others[i])) for path, i in found]


def near_in_catalogs(paths: Sequence[Path], catalogs: Sequence[Catalog]) -> list[NearDuplicate]:
    """The images among ``paths`` that are near-duplicates of an image of the catalogs."""
    found: dict[Path, NearDuplicate] = {}
    for catalog in catalogs:
        left = [path for path in paths if path not in found]
        for path, i in _near(left, hashes_of_catalog(catalog), partial(read_row, catalog)):
            found[path] = NearDuplicate(path, catalog.picture(i))
    return [found[path] for path in paths if path in found]


def split_warning(train: Sequence[Path], val: Sequence[Path], limit: int) -> str:
    """A warning about evaluation images that are near-duplicates of a training image; empty if there are none.

    Args:
        train: The training images.
        val: The images to evaluate on.
        limit: The largest number of images in either that are looked at; 0: none.
    """
    if not limit:
        return ""
    if (count := max(len(train), len(val))) > limit:
        return too_many(count, "images to train and to evaluate on")
    if not (near := near_in_files(val, train)):
        return ""
    return (
        f"{len(near)} of {len(val)} evaluation images {what_they_are(near)} a training image ({first(near)}); results "
        "on them do not hold for new images"
    )


def what_they_are(near: Sequence[NearDuplicate]) -> str:
    """The predicate of a sentence about near-duplicates."""
    return f"{'is a near-duplicate' if len(near) == 1 else 'are near-duplicates'} (resized or encoded again) of"


def first(near: Sequence[NearDuplicate]) -> str:
    """The first pair, for a message."""
    return f"the first: {near[0].path.name} is like {near[0].other}"


def too_many(count: int, images: str, setting: str = "near_duplicates") -> str:
    """The sentence that tells that near-duplicates were not looked for."""
    return (
        f"near-duplicates were not looked for among {count:,} {images}: {setting}={count} does, in about "
        f"{count * SECONDS / 60:.0f} minutes of one core the first time; {setting}=0 is silent"
    )


def _near(paths: Sequence[Path], hashes: Hashes, read: Callable[[int], bytes]) -> list[tuple[Path, int]]:
    """Each path that has a near-duplicate and no equal, with the index of the nearest."""
    found = []
    for i, others in candidates(hashes_of_files(paths), hashes).items() if len(hashes) else ():
        data = read_file(paths[i])
        own, nearest = thumbnail(data), None
        for other in others[:MOST_COMPARED]:
            others_data = read(other)
            if others_data == data:  # told as identical
                nearest = None
                break
            if nearest is None and alike(own, thumbnail(others_data)):
                nearest = other
        found += [] if nearest is None else [(paths[i], nearest)]
    return found
