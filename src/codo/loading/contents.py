"""Which data a run was begun with: its order of samples, and with ``epochs=`` its length, depend on them.

::

    RUN/contents.json    {"foregrounds": "3595 images, 61204 proposals, 6f0c…", "backgrounds.query.0": …}
                         {"train": "1697 images, 2520 objects, 15 classes, 93ab…", "val": …}
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from codo.annotations.records import Annotations
from codo.catalog.catalog import Catalog
from codo.core.errors import InputError
from codo.core.io import write_atomically
from codo.loading.dataset_inputs import DatasetInputs

FILE = "contents.json"
DERIVED = ("pairs.npz", "alphas.bin")
"""What ORL and DiLo compute from the images before the first step, and read again."""


def contents(inputs: DatasetInputs) -> dict[str, str]:
    """What every catalog of a run holds, by the setting that names it."""
    found = {"foregrounds": _described(inputs.images)}
    for name, pool in (("query", inputs.query), ("key", inputs.key)):
        for i, one in enumerate(pool.catalogs if pool is not None else ()):
            found[f"backgrounds.{name}.{i}"] = _described(one)
    return found


def _described(catalog: Catalog) -> str:
    """Number of images and proposals, and a digest of the images' hashes in their order."""
    proposals = f"{catalog.counts['proposals']} proposals, " if catalog.has_proposals else ""
    return f"{len(catalog)} images, {proposals}{digest([catalog.hashes.tobytes()])}"


def labeled_contents(splits: Mapping[str, Annotations]) -> dict[str, str]:
    """What the splits of a labeled data set hold, by name; of images their names and sizes, not the pixels."""
    return {name: _labels_described(one) for name, one in splits.items()}


def _labels_described(one: Annotations) -> str:
    """Number of images, objects and classes, and a digest of what training and evaluation read of them."""
    names = json.dumps([one.file_names.tolist(), one.categories]).encode()
    arrays = (one.sizes, one.offsets, one.bbox, one.labels, one.ignored, one.areas)
    found = digest([names, *(array.tobytes() for array in arrays), *one.segmentations.buffers])
    return f"{len(one)} images, {len(one.labels)} objects, {len(one.categories)} classes, {found}"


def digest(parts: Iterable[bytes | memoryview]) -> str:
    """16 hexadecimal digits that tell contents from one another."""
    found = hashlib.blake2b(digest_size=8)
    for part in parts:
        found.update(part)
    return found.hexdigest()


def check_contents(
    out: str,
    now: Mapping[str, str],
    gather: Callable[[Any], Sequence[Any]],
    *,
    resumed: bool,
    held: str = "images",
    start: str = "model.init",
) -> None:
    """Refuse processes that have different data, and a run whose data has changed since it began.

    Runs of earlier versions have no record of them.

    Args:
        out: The run directory, which may be missing.
        now: Its `contents` or `labeled_contents`.
        gather: Collects an object from all processes, in the order of their ranks; all of them wait.
        resumed: Whether the run goes on from a checkpoint; otherwise only what is `DERIVED` depends on other data.
        held: What they hold, for messages.
        start: The setting by which a new run starts from this one's weights.

    Raises:
        InputError: The data is another.
    """
    first, *others = gather(dict(now))
    for rank, other in enumerate(others, 1):
        if changed := [name for name in first if other.get(name) != first[name]]:
            name = changed[0]
            what = f"rank 0 and rank {rank} have other {held} as {name}: {first[name]}; {other.get(name, 'none')}"
            raise InputError(what, where=name, fix=f"give all hosts the same command and the same {held}")
    path = Path(out) / FILE
    derived = any((path.parent / name).exists() for name in DERIVED)
    if not path.is_file() or not (resumed or derived):
        return
    before = json.loads(path.read_text(encoding="utf-8"))
    if changed := [name for name, value in now.items() if before.get(name, value) != value]:
        name = changed[0]
        what = f"the run was begun with other {held} as {name}: {before[name]}; now {now[name]}"
        fix = f"bring them back, or begin a new run with another out= and, to keep its weights, {start}={out}"
        raise InputError(what, where=str(path), fix=fix)


def write_contents(folder: Path, now: Mapping[str, str], *, resumed: bool) -> None:
    """Record them; a resumed run keeps its record, if it has one."""
    if not resumed or not (folder / FILE).exists():
        write_atomically(folder / FILE, json.dumps(now, indent=2) + "\n")
