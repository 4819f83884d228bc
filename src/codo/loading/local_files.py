"""Files of catalogs that lie in an object store: read there, or copied to this machine first (``local_copy=``)."""

from __future__ import annotations

from collections.abc import Sequence

from codo.catalog.catalog import Catalog
from codo.core.cache import IMAGES, default_cache
from codo.sources.local_copy import copy_images


def copy_files(catalogs: Sequence[Catalog]) -> None:
    """Copy the remote files of catalogs to this machine, and let the catalogs read the copies.

    Raises:
        InputError: The store cannot be read, or the disk of the cache is too small.
        CodoError: The store cannot be reached, or the disk is full.
    """
    if files := _remote_files(catalogs):
        copy_images(tuple(files), default_cache())
        read_copies(catalogs)


def read_copies(catalogs: Sequence[Catalog]) -> None:
    """Let catalogs read the copies that are there, as they are."""
    for catalog in catalogs:
        catalog.read_copies(default_cache() / IMAGES)


def remote_note(catalogs: Sequence[Catalog], copied: bool, looks: float) -> list[str]:
    """A line for the log on remote files, if there are any.

    Args:
        catalogs: The run's catalogs, each once.
        copied: ``local_copy``.
        looks: How often the run reads an image, on average.
    """
    files = len(_remote_files(catalogs))
    if not files:
        return []
    if copied:
        return [f"local_copy=true: {files:,} files in an object store are read from copies in {default_cache()}"]
    if looks <= 1:
        return []
    return [
        f"{files:,} files with images are in an object store: an image that is not in memory is a request whenever it "
        f"is read, on average {looks:.1f} times in this run; local_copy=true reads each file once, sequentially"
    ]


def _remote_files(catalogs: Sequence[Catalog]) -> list[str]:
    return sorted({file for one in catalogs for file in one.remote_files()})
