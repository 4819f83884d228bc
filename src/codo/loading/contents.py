"""Which images a run was begun with: its order of samples, and with ``epochs=`` its length, depend on them.

::

    RUN/contents.json    {"foregrounds": "3595 images, 61204 proposals, 6f0c…", "backgrounds.query.0": …}
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from codo.catalog.catalog import Catalog
from codo.core.errors import InputError
from codo.core.io import write_atomically
from codo.loading.dataset_inputs import DatasetInputs

FILE = "contents.json"


def contents(inputs: DatasetInputs) -> dict[str, str]:
    """What every catalog of a run holds, by the setting that names it."""
    found = {"foregrounds": _described(inputs.images)}
    for name, pool in (("query", inputs.query), ("key", inputs.key)):
        for i, one in enumerate(pool.catalogs if pool is not None else ()):
            found[f"backgrounds.{name}.{i}"] = _described(one)
    return found


def _described(catalog: Catalog) -> str:
    """Number of images and proposals, and a digest of the images' hashes in their order."""
    digest = hashlib.blake2b(catalog.hashes.tobytes(), digest_size=8).hexdigest()
    proposals = f"{catalog.counts['proposals']} proposals, " if catalog.has_proposals else ""
    return f"{len(catalog)} images, {proposals}{digest}"


def check_contents(out: str, now: Mapping[str, str], gather: Callable[[Any], Sequence[Any]]) -> None:
    """Refuse processes that have different images, and a run whose images have changed since it began.

    Runs of earlier versions have no record of them.

    Args:
        out: The run directory, which may be missing.
        now: Its `contents`.
        gather: Collects an object from all processes, in the order of their ranks; all of them wait.

    Raises:
        InputError: The images are others.
    """
    first, *others = gather(dict(now))
    for rank, other in enumerate(others, 1):
        if changed := [name for name in first if other.get(name) != first[name]]:
            name = changed[0]
            what = f"rank 0 and rank {rank} have other images as {name}: {first[name]}; {other.get(name, 'none')}"
            raise InputError(what, where=name, fix="give all hosts the same command and the same images")
    path = Path(out) / FILE
    if not path.is_file():
        return
    before = json.loads(path.read_text(encoding="utf-8"))
    if changed := [name for name, value in now.items() if before.get(name, value) != value]:
        name = changed[0]
        what = f"the run was begun with other images as {name}: {before[name]}; now {now[name]}"
        fix = f"bring them back, or begin a new run with another out= and, to keep its weights, model.init={out}"
        raise InputError(what, where=str(path), fix=fix)


def write_contents(folder: Path, now: Mapping[str, str]) -> None:
    """Record them, unless it has been done."""
    if not (folder / FILE).exists():
        write_atomically(folder / FILE, json.dumps(now, indent=2) + "\n")
