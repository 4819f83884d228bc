"""Which kind of source a path is, and the listing of all of them.

* a folder: every image below it; VOC years in it by image set; a folder without images is its archives or, without
  these, its tables
* ``*.tar`` and ``*.zip``: their members, read in place; ``*.parquet`` and ``*.arrow``: rows, read in place
* ``*.json``: COCO annotations, with the images where COCO's conventions put them
* ``*.txt``: one path or URL per line
* a single image, and patterns of any of these (``shard-*.tar``, ``shard-{000..127}.tar``)
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from itertools import chain

from codo.catalog import heif
from codo.catalog.reading import Location, Reader
from codo.catalog.schema import FILE as CATALOG
from codo.core.errors import InputError
from codo.core.paths import expand, kind, missing
from codo.sources import archives, tables
from codo.sources.folder import walk
from codo.sources.listing import (
    IMAGE_EXTENSIONS,
    Listing,
    Member,
    build_listing,
    extension,
    images_only,
    is_hidden,
)
from codo.sources.selection import (
    choose,
    find_images,
    is_list,
    list_path,
    names_in,
    paths_in,
)
from codo.sources.spool import spool
from codo.sources.tables import is_table
from codo.sources.voc import DEFAULT, choose_voc, voc_years


def list_sources(sources: Sequence[str], select: str | None = None, image_column: str | None = None) -> Listing:
    """List the images of all sources; reads names and archive directories, no image.

    Args:
        sources: Absolute paths, URLs or patterns.
        select: A COCO annotation file or text file that names images, or VOC image sets; see `selection` and `voc`.
        image_column: The column of tables that has the images; needed where several may.

    Raises:
        InputError: A source is missing, damaged or holds no image, or the selection does not fit it.
    """
    ignored: Counter[str] = Counter()
    chosen: list[Iterable[Member]] = []
    selected: list[str] = []
    open_ended: list[Collection[Member]] = []
    for path in [path for source in sources for path in expand(source)]:
        if not is_list(path):
            open_ended.append(contents(path, image_column))
            continue
        _must_exist(path)
        selected.append(path)
        chosen.append(
            paths_in(path) if extension(path) == ".txt" else choose(contents(find_images(path)), names_in(path), path)
        )
    if open_ended or select:
        together = open_ended[0] if len(open_ended) == 1 else spool(chain.from_iterable(open_ended))
        members, by = _select(together, select, ignored)
        chosen.append(members)
        selected += [by] if by else []
    listing = build_listing(chain.from_iterable(chosen), ignored, ", ".join(selected))
    if not listing.members:
        seen = ", ".join(f"{count} {ending}" for ending, count in ignored.most_common(5))
        raise InputError(
            f"no images found ({seen or 'it is empty'})",
            where=", ".join(sources),
            fix=heif.left_out_warning(ignored) or "give a source with .jpg, .png, .webp, .tif or other images",
        )
    return listing


def contents(path: str, image_column: str | None = None) -> Collection[Member]:
    """Every file of one folder or archive, every image of a table.

    Raises:
        InputError: It is missing, damaged, or of no known kind.
    """
    what = kind(path)
    if what is None:
        raise missing(path)
    if what == "file":
        if archives.is_archive(path) or path.lower().endswith(archives.COMPRESSED_TARS):
            return archives.members(path)
        if is_table(path):
            return tables.members(path, image_column)
        if extension(path) in IMAGE_EXTENSIONS:
            return [Member(path.rpartition("/")[2], Location(path))]
        raise InputError(
            f"a '{extension(path) or 'nameless'}' file is not a source of images",
            where=path,
            fix="give a folder, .tar, .zip, .parquet, COCO .json, or a .txt file of paths",
        )
    files = walk(path)
    packed: list[str] = []
    tabled: list[str] = []
    for file in files:
        if is_hidden(file.key):
            continue
        if extension(file.key) in IMAGE_EXTENSIONS:
            return files
        if archives.is_archive(file.key):
            packed.append(file.location.uri)
        elif is_table(file.key) and file.key.rpartition("/")[2] != CATALOG:
            tabled.append(file.location.uri)
    if packed:  # tables beside archives describe them, as those of img2dataset do
        return spool(member for archive in packed for member in archives.members(archive))
    if tabled:
        return spool(member for table in tabled for member in tables.members(table, image_column))
    return files


def _select(members: Collection[Member], select: str | None, ignored: Counter[str]) -> tuple[Iterable[Member], str]:
    """Images among ``members``, and what selected them."""
    path = list_path(select) if select else None
    if path:
        _must_exist(path)
        return choose(members, names_in(path), path), path
    years = voc_years(members)
    if not years:
        if select:
            raise InputError(
                f"the source has no image set '{select}': it is not a VOCdevkit",
                where="select",
                fix="give a COCO .json or a .txt file that names the images",
            )
        return images_only(members, ignored), ""
    beside = [member for member in members if not member.key.startswith(tuple(years))]
    chosen, sets = choose_voc(members, years, select or DEFAULT, Reader().read)
    return [*images_only(beside, ignored), *chosen], sets


def _must_exist(path: str) -> None:
    if kind(path) is None:
        raise missing(path)
