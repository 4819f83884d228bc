"""Files of catalogs that lie in an object store: read there, or copied to this machine first (``local_copy=``)."""

from __future__ import annotations

from collections.abc import Sequence

from codo.catalog.catalog import Catalog
from codo.core.cache import default_cache
from codo.sources.local_copy import copies_at_hand, copy_images


def read_local_copies(catalogs: Sequence[Catalog], *, copy: bool = True) -> None:
    """Copy the remote files of catalogs to this machine, and let the catalogs read the copies.

    Args:
        catalogs: The catalogs.
        copy: Whether to copy what is missing; otherwise only copies that are there are read, as they are.

    Raises:
        InputError: The store cannot be read, or the disk of the cache is too small.
        CodoError: The store cannot be reached.
    """
    files = sorted({file for one in catalogs for file in one.remote_files()})
    copies = (copy_images if copy else copies_at_hand)(files, default_cache())
    for catalog in catalogs:
        catalog.read_copies(copies)


def remote_note(catalogs: Sequence[Catalog], copied: bool, looks: float) -> list[str]:
    """A line for the log on remote files, if there are any.

    Args:
        catalogs: The run's catalogs, each once.
        copied: ``local_copy``.
        looks: How often the run looks at an image, on average.
    """
    files = len({file for one in catalogs for file in one.remote_files()})
    if not files:
        return []
    if copied:
        return [f"local_copy=true: {files:,} files in an object store are read from copies in {default_cache()}"]
    if looks <= 1:
        return []
    return [
        f"{files:,} files with images are in an object store: each look at an image is a request, and the run looks "
        f"{looks:.1f} times at each; local_copy=true reads each file once, from begin to end"
    ]
