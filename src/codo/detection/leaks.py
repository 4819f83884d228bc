"""Were images that a detector is evaluated on in its pretraining pool?

No label leaks that way, but an evaluation on images whose pixels were trained on says less about new ones (METHOD 1.12,
A17). Compared are content hashes of files, so that only identical files are found, not resized copies.
"""

from __future__ import annotations

from contextlib import suppress

import numpy as np

from codo.catalog.build import open_prepared
from codo.catalog.catalog import Catalog
from codo.catalog.work import content_hash
from codo.detection.annotations.records import Annotations
from codo.errors import InputError
from codo.run import is_run, open_run
from codo.views.pools import split_share


def leak_warning(annotations: Annotations, weights: str) -> str | None:
    """A warning when images of ``annotations`` were in the pool of the pretraining run ``weights``; else ``None``."""
    catalogs = pretraining_catalogs(weights)
    if not catalogs:
        return None
    pool = np.concatenate([catalog.hashes for catalog in catalogs])
    known = {row.tobytes() for row in pool}
    seen = [i for i in range(len(annotations)) if content_hash(annotations.path(i).read_bytes()) in known]
    if not seen:
        return None
    return (
        f"{len(seen)} of {len(annotations)} images to evaluate on were in the pretraining pool of {weights} "
        f"(the first: {annotations.file_names[seen[0]]}); results on them do not speak for new images"
    )


def pretraining_catalogs(weights: str) -> list[Catalog]:
    """The catalogs of a pretraining run that are still there, in the cache too; none for anything else."""
    if not is_run(weights) or open_run(weights).verb != "pretrain":
        return []
    config = open_run(weights).config
    pools = config.get("backgrounds", {})
    named = {config.get("foregrounds"), *pools.get("query", ()), *pools.get("key", ())} - {None}
    found = []
    for path in sorted({split_share(name)[0] for name in named}):
        with suppress(InputError):
            found.append(open_prepared(path, propose=False))
    return found
