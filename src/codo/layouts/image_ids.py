"""Image ids for formats that have none."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import PurePosixPath

import numpy as np
import numpy.typing as npt


def image_numbers(names: Sequence[str]) -> npt.NDArray[np.int64]:
    """Image ids for formats that have none, as result files use them.

    If all file names are numbers, these are the ids (``000012.jpg`` is 12, ``2008_000002.jpg`` is 2008000002), as in
    common converters; else the ids are 1, 2, … in order.
    """
    stems = [name.rpartition("/")[2].rpartition(".")[0] for name in names]
    if all(re.fullmatch(r"[0-9]+(_[0-9]+)?", stem) and len(stem) <= 18 for stem in stems):
        ids = np.array([int(stem.replace("_", "")) for stem in stems], dtype=np.int64)
        if len(np.unique(ids)) == len(ids):
            return ids
    return np.arange(1, len(names) + 1, dtype=np.int64)


def ids_by_name(names: Iterable[str], ids: npt.NDArray[np.int64]) -> dict[str | int, int]:
    """Ids by the names of image files, with and without extension, as result files may have them in their place.

    Folders are left out, and so are names that two images share.
    """
    paths = [PurePosixPath(name) for name in names]
    times = Counter(name for path in paths for name in {path.name, path.stem})
    found = zip(ids.tolist(), paths, strict=True)
    return {name: i for i, path in found for name in (path.name, path.stem) if times[name] == 1}


def of_other_images(given: Sequence[object], named: Sequence[str], names: Mapping[str | int, int]) -> Iterator[int]:
    """Places at which a given id is that of another image than the file name beside it.

    The number in a name is no such id: Ultralytics writes it as the id of an image, whatever ours is.

    Args:
        given: Ids as written.
        named: The file name beside each, in ``names``.
        names: Our ids by name.
    """
    known = set(names.values())
    for i, (id_, name) in enumerate(zip(given, named, strict=True)):
        stem = PurePosixPath(name).stem
        number = stem.isdecimal() and int(stem) == id_
        if type(id_) is int and id_ in known and id_ != names[name] and not number:
            yield i
