"""The folder for what is computed once and kept: catalogs of plain image folders, and compiled kernels.

::

    ~/.cache/codo/      or the folder that CODO_CACHE names
      catalogs/         NAME-DIGEST: one catalog each (preparation/cache.py)
      labeled/          PROTOCOL/BUCKET/…: labeled data of object stores (sources/local_copy.py)
      images/           PROTOCOL/BUCKET/…: files of catalogs in object stores (sources/local_copy.py)
      perceptual/       hashes of what images look like (duplicates/hashes.py)
      kernels/          only where Numba cannot keep them next to the source, nor in its own cache (core/jit.py)
"""

from __future__ import annotations

import os
from pathlib import Path

VARIABLE = "CODO_CACHE"
KERNELS, LABELED, IMAGES, PERCEPTUAL = "kernels", "labeled", "images", "perceptual"
"""Folders in it that are no catalogs."""
LOCK = "lock"
"""A file in the folders of copies, locked by the process that copies."""


def default_cache() -> Path:
    """The cache folder: ``CODO_CACHE``, or ``~/.cache/codo``."""
    return Path(os.environ.get(VARIABLE) or "~/.cache/codo").expanduser()
