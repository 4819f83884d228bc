"""How many decoded images a run keeps in memory (``cache=``); what they are kept in: `codo.catalog.decoded_images`."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Literal

from codo.catalog.catalog import Catalog
from codo.loading.loader import START_METHOD, StartMethod
from codo.machine.memory import available_memory

SHARE = 0.25
"""Of the available memory, for ``cache=auto``."""
LEAST = 0.5
"""Share of the images that must fit for ``cache=auto``: with fewer, most are decoded each time all the same."""
_UNITS = {"kb": 1e3, "mb": 1e6, "gb": 1e9, "tb": 1e12}
_SIZE = re.compile(r"(\d+(?:\.\d+)?) ?([kmgt]b)", re.IGNORECASE)


def cache_size(setting: str) -> int | Literal["auto"]:
    """The setting ``cache`` in bytes; 0 for ``off``.

    Raises:
        ValueError: It is neither ``auto`` nor ``off`` nor a size.
    """
    if setting == "auto":
        return "auto"
    if setting == "off":
        return 0
    size = _SIZE.fullmatch(setting.strip())
    if size is None:
        raise ValueError("must be auto, off, or a size such as 500MB or 2GB")
    return int(float(size[1]) * _UNITS[size[2].lower()])


def keep_decoded(
    catalogs: Sequence[Catalog],
    setting: str,
    *,
    looks: float,
    workers: int,
    ranks: int = 1,
    start_method: StartMethod = START_METHOD,
) -> str:
    """Let catalogs keep decoded images as the setting says, before the loader's workers are forked.

    Args:
        catalogs: The run's catalogs, each once.
        setting: ``cache``.
        looks: How often the run looks at an image, on average.
        workers: Loader workers of this process.
        ranks: Processes on this machine, each of which keeps its own.
        start_method: Of the workers. Only forked ones share memory with this process.

    Returns:
        A line for the log.
    """
    chosen = cache_size(setting)
    if chosen == 0:
        return ""
    if workers and start_method != "fork":
        return f"cache={setting}: images are decoded each time, because workers are not forked on this system"
    sizes = [3 * int(catalog.decoded_sizes().prod(axis=1).sum()) for catalog in catalogs]
    total, count = sum(sizes), sum(map(len, catalogs))
    told = f"the {count:,} images take {_told(total)} when decoded"
    limit = chosen if chosen != "auto" else int(SHARE * (available_memory() or 0) / ranks)
    if chosen == "auto":
        if looks < 2:
            return ""
        if limit < LEAST * total:
            return f"cache=auto: off, {told}, and a quarter of the available memory is {_told(limit * ranks)}"
    limit = min(limit, total)
    kept = [catalog.keep_decoded(size * limit // total) for catalog, size in zip(catalogs, sizes, strict=True)]
    places = sum(map(len, kept))
    if places == count:
        return f"cache={setting}: {told}, which are kept in memory once they are decoded"
    return f"cache={setting}: {places:,} of the images are kept in memory once they are decoded; {told}"


def _told(size: float) -> str:
    return f"{size / 1e9:.1f} GB" if size >= 1e9 else f"{size / 1e6:.0f} MB"
