"""``codo prepare``: from a source of images to a catalog, once.

* ``prepare``: puts it together; ``open_or_prepare`` for training commands that are given a plain image folder.
* ``prepare_settings``, ``request``: what can be chosen; what was asked for, checked before anything is written.
* ``manifest``: the working directory: chunks, what is done, and how an interrupted run continues.
* ``chunk_worker``: what happens to one chunk of images: read, decode, check, propose, pack.
* ``engines``: where chunks are worked on: processes of this machine, or a Ray cluster (``ray_engine``).
* ``changes``: what has changed in the source of a finished catalog.
* ``cache``: ``codo cache``: catalogs of plain folders, which are stale, and removing them.
* ``pack``: small JPEGs in WebDataset shards; ``merge``: from finished chunks to the catalog.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from codo.core.lazy import lazy_exports

if TYPE_CHECKING:
    from codo.preparation.prepare import open_or_prepare as open_or_prepare
    from codo.preparation.prepare import open_prepared as open_prepared
    from codo.preparation.prepare import prepare as prepare
    from codo.preparation.prepare import prepare_shard as prepare_shard
    from codo.preparation.prepare_settings import PrepareSettings as PrepareSettings
else:
    __getattr__, __dir__, __all__ = lazy_exports(
        __name__,
        {
            "PrepareSettings": "prepare_settings",
            "open_or_prepare": "prepare",
            "open_prepared": "prepare",
            "prepare": "prepare",
            "prepare_shard": "prepare",
        },
    )
