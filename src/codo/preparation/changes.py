"""What has changed in the source of a finished catalog: told when the same ``codo prepare`` is run again.

The source is listed, no image is read but those whose file is newer than the catalog and has its old size: their
content hash decides (a copied folder has new times and the same images). Pictures in tiles count once. A packed catalog
has its images in itself, so nothing is looked at.
"""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from codo.catalog.catalog import Catalog
from codo.catalog.content import hash_span
from codo.catalog.schema import REJECTED
from codo.core.errors import CodoError, InputError
from codo.preparation.request import Request
from codo.sources.listing import Listing, extension

MOST_READ = 10_000
"""Newer files of the old size that are read: minutes on a slow disk at most, and enough where all have new times."""


class Changes(NamedTuple):
    """Keys of the images that differ from what the catalog recorded.

    Attributes:
        changed: Another size or content.
        gone: No longer in the source.
        added: Neither in the catalog nor rejected then; without files that have no extension.
    """

    changed: list[str]
    gone: list[str]
    added: list[str]

    def words(self) -> str | None:
        """The changes as a sentence; ``None`` if there are none."""
        parts = [
            f"{len(keys):,} {'image' if len(keys) == 1 else 'images'} {what} (the first: {keys[0]})"
            for keys, what in ((self.changed, "changed"), (self.gone, "gone"), (self.added, "new"))
            if keys
        ]
        return "; ".join(parts) or None


def changes_note(request: Request, catalog: Catalog) -> str | None:
    """A warning if the source of a finished catalog is not what it was; ``None`` if it is, or cannot be listed.

    Args:
        request: Source and settings.
        catalog: The catalog made of them.
    """
    if catalog.packed:
        return None
    try:
        listing = request.listing()
    except InputError as error:
        found: str | None = error.what
    except (CodoError, OSError):  # a URL that does not answer
        return None
    else:
        found = find_changes(catalog, listing).words()
    return found and f"since this catalog was made: {found}; to use them, prepare the source into a new directory"


def find_changes(catalog: Catalog, listing: Listing) -> Changes:
    """Compare a listing of the source with the catalog."""
    rows = {catalog.picture(i): i for i in range(len(catalog))}
    left = MOST_READ
    changed = []
    for member in listing.members:
        if (row := rows.get(member.key)) is None:
            continue
        location = catalog.location(row)
        differs = member.location.size not in (-1, location.size) or member.location.offset != location.offset
        if not differs and left and catalog.written_later(row):
            left -= 1
            differs = not _is_the_same(catalog, row)
        if differs:
            changed.append(member.key)
    known = rows.keys() | _rejected(Path(catalog.path))
    keys = {member.key for member in listing.members}
    added = [key for key in sorted(keys - known) if extension(key)]
    return Changes(changed, sorted(rows.keys() - keys), added)


def _is_the_same(catalog: Catalog, row: int) -> bool:
    location = catalog.location(row)
    try:
        if not location.is_compressed:  # a picture in tiles may be larger than what can be read at once
            size = location.size if location.offset else -1  # all of a file, which may have grown
            return hash_span(location.uri, location.offset, size) == catalog.content_hash(row)
        catalog.read(row)
    except (CodoError, OSError):
        return False
    return True


def _rejected(folder: Path) -> set[str]:
    try:
        with (folder / REJECTED).open(encoding="utf-8", newline="") as file:
            rows: Sequence[list[str]] = list(csv.reader(file))
    except OSError:
        return set()
    return {row[0] for row in rows[1:] if row}
