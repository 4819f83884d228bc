"""Warn when an image to evaluate on is byte for byte an image to train on, under whatever name."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from codo.annotations.records import Annotations
from codo.catalog.content import content_hash

TAIL = 4096
"""Bytes at the end of a file that are compared before the whole of it: files of one camera begin alike."""
THREADS = 8


def identical_warning(train: Annotations, val: Annotations) -> str:
    """A warning about validation images whose bytes equal those of a training image; empty if there are none.

    Only files of equal size are opened, and only those that end alike are read whole. The same file in both splits is
    not counted: `codo.annotations.images.shared_images` tells it.
    """
    pairs = identical_files([train.path(i) for i in range(len(train))], [val.path(i) for i in range(len(val))])
    if not pairs:
        return ""
    own, other = pairs[0]
    return (
        f"{val.source}: {len(pairs)} of {len(val)} evaluation images have the same bytes as a training image (the "
        f"first: {own.name} is {other}); results on them do not hold for new images"
    )


def identical_files(train: Sequence[Path], val: Sequence[Path]) -> list[tuple[Path, Path]]:
    """Files of ``val`` with the bytes of another file of ``train``, each with that file, in the order of ``val``."""
    with ThreadPoolExecutor(THREADS) as pool:
        sizes = list(pool.map(_size, (*train, *val)))
        of_size = defaultdict[int, list[Path]](list)
        for path, size in zip(train, sizes, strict=False):
            of_size[size].append(path)
        suspects = [path for path, size in zip(val, sizes[len(train) :], strict=True) if size in of_size and size > 0]
        partners = {size: of_size[size] for path, size in zip(val, sizes[len(train) :], strict=True) if size in of_size}
        files = list(dict.fromkeys([*suspects, *(path for paths in partners.values() for path in paths)]))
        tails = dict(zip(files, pool.map(_tail, files), strict=True))
        ends = defaultdict[bytes, list[Path]](list)
        for paths in partners.values():
            for path in paths:
                ends[tails[path]].append(path)
        alike = [path for path in suspects if ends.get(tails[path])]
        whole = list(dict.fromkeys([*alike, *(path for one in alike for path in ends[tails[one]])]))
        digests = dict(zip(whole, pool.map(_digest, whole), strict=True))
    found = []
    for path in alike:
        real = os.path.realpath(path)
        others = [one for one in ends[tails[path]] if digests[one] == digests[path] and os.path.realpath(one) != real]
        if others:
            found.append((path, others[0]))
    return found


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return -1


def _tail(path: Path) -> bytes:
    with path.open("rb") as file:
        file.seek(max(0, _size(path) - TAIL))
        return _size(path).to_bytes(8, "little") + file.read()


def _digest(path: Path) -> bytes:
    return content_hash(path.read_bytes())
