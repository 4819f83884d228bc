"""The setting ``data=``: find the annotation files and images of a split, and read them.

``data=`` is a folder in the layout of one of the formats, recognized by its contents, or single annotation files:
``data.train=a.json data.val=b.json data.images=DIR`` (or ``data.train_images=`` and ``data.val_images=`` if they
differ). Each may be a URL (`codo.sources.local_copy`). ``formats`` is the table of formats, `codo.layouts` has the
layouts.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from codo.annotations.data_settings import PATHS, Format
from codo.annotations.data_settings import DataSettings as DataSettings
from codo.annotations.data_settings import Split as Split
from codo.annotations.formats import READERS
from codo.annotations.records import Annotations
from codo.annotations.subset import random_split
from codo.annotations.upright import fit_to_images
from codo.core.cache import default_cache
from codo.core.errors import InputError
from codo.core.paths import is_url
from codo.label_formats.formats import format_of_file
from codo.label_formats.not_read import export_instead
from codo.sources.local_copy import local_copy, url_of


def read_annotations(data: DataSettings, split: Split, *, images: bool = True, sizes: bool = True) -> Annotations:
    """Read a split of a data set.

    Args:
        data: The data set.
        split: ``train`` or ``val``.
        images: Whether the images are needed too: they must exist and have the annotated sizes. (For YOLO the sizes are
            always read from the images.)
        sizes: Whether to check the sizes; pages can be made without damaged images.

    Raises:
        InputError: No annotations, invalid ones, or images that are missing or have another size; names the first and
            how many there are.
    """
    data = _with_local_files(data)
    reader = READERS[find_format(data)]
    if data.split is None:
        annotations = reader.read(data, split, images)
    else:
        whole: Split = "val" if data.val and not data.train else "train"
        annotations = random_split(reader.read(data, whole, images), split, data.split, seed=0)
    if rules := str(data.pixel_rules):
        notes = (*annotations.notes, f"image files become colors by {rules}")
        annotations = replace(annotations, pixel_rules=data.pixel_rules, notes=notes)
    return annotations if reader.sizes_from_images else fit_to_images(annotations, data.exif, check=images and sizes)


def find_format(data: DataSettings) -> Format:
    """The format of the data: ``data.format``, or recognized by the folder's contents.

    Raises:
        InputError: The folder does not exist, or has none or several of the layouts.
    """
    data = _with_local_files(data)
    if data.train or data.val or data.folder is None:
        kinds = {format_of_file(Path(path)) for path in (data.train, data.val) if path}
        return data.format if data.format != "auto" else (kinds.pop() if len(kinds) == 1 else None) or "coco"
    folder = Path(data.folder)
    if not folder.exists():
        raise InputError("no such folder", where=str(folder), fix="give a folder of labeled images")
    if data.format != "auto":
        return data.format
    found = [name for name, reader in READERS.items() if reader.recognizes(data, folder)] or [
        name for name, reader in READERS.items() if reader.may_be(folder)
    ]
    if len(found) > 1:
        raise InputError(
            f"the folder has annotations in {len(found)} formats: {', '.join(found)}",
            where=str(folder),
            fix=f"choose one: data.format={found[0]}",
        )
    if not found:
        raise InputError(
            f"no annotations in the folder: neither {', nor '.join(one.layout for one in READERS.values())}",
            where=str(folder),
            fix=export_instead(folder)
            or "give a folder in one of these layouts, or COCO files with data.train= and data.val=",
        )
    return found[0]


def resolved(data: DataSettings, train: Annotations, val: Annotations) -> DataSettings:
    """The settings with explicit files and splits, so that a later command reads the same data."""
    data = _with_local_files(data)
    kind = find_format(data)
    places = {*PATHS, "train_split", "val_split"}
    how = {name: value for name, value in data.model_dump().items() if name not in places}
    found = READERS[kind].explicit(data, train, val)
    urls = {name: url_of(path) for name in PATHS if (path := found.get(name))}
    return DataSettings(**{**how, "format": kind, **found, **urls})


def _with_local_files(data: DataSettings) -> DataSettings:
    """The settings with local copies in place of URLs."""
    urls = {name: url for name in PATHS if (url := getattr(data, name)) and is_url(url)}
    return data.model_copy(update={name: str(local_copy(url, default_cache())) for name, url in urls.items()})
