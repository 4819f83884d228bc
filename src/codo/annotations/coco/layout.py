"""Find the images of a COCO annotation file in their folders (`codo.layouts.coco`)."""

from __future__ import annotations

import os
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import numpy as np

from codo.annotations.records import Annotations
from codo.annotations.subset import without_missing
from codo.core.errors import InputError
from codo.label_formats.table import without_images
from codo.layouts.missing import missing_note
from codo.sources.file_names import match_files, readings
from codo.sources.folder import image_files
from codo.sources.image_lists import file_name


def locate_images(
    annotations: Annotations, folders: list[Path], missing: Literal["error", "skip"] = "error"
) -> Annotations:
    """The same annotations with their image folder: the first of ``folders`` that has the images.

    Names that are not there as written are matched by their longest common end (`match_files`), which is told.

    Args:
        annotations: The annotations.
        folders: Possible folders, best first.
        missing: What to do about images that are not there: ``error``, or ``skip`` them.

    Raises:
        InputError: No such folder; images missing in it (the first is named, and how many there are); or a name that
            two files fit.
    """
    names = [str(name) for name in annotations.file_names]
    found = _find(str(annotations.source), names, folders)
    if found.missing and missing == "error":
        raise InputError(
            f"{len(found.missing)} of {len(names)} images missing in {found.folder}; the first: "
            f"{names[found.missing[0]]}",
            where=str(annotations.source),
            fix="copy the images there, give their folder with data.images=DIR, or leave them out: data.missing=skip",
        )
    present = np.ones(len(names), dtype=np.bool_)
    present[found.missing] = False
    return without_missing(found.apply(annotations), present)


def drop_missing(
    values: dict[str, Any], where: str, folders: list[Path]
) -> tuple[dict[str, Any], list[str], list[str]]:
    """The lists of a COCO file without the images that are not there, where their sizes are not in the file.

    Args:
        values: The content of the file.
        where: The file, for messages.
        folders: Possible folders of images, best first.

    Returns:
        The lists, the names of the images that were left out, and a note on them.

    Raises:
        InputError: See `locate_images`; or none is there.
    """
    rows = [row for row in values["images"] if isinstance(row, dict)]
    names = [file_name(row) for row in rows]
    known = all(row.get("height") is not None and row.get("width") is not None for row in rows)
    if known or len(rows) < len(values["images"]) or not all(isinstance(name, str) and name for name in names):
        return values, [], []
    gone = _find(where, names, folders).missing
    missing = [names[i] for i in gone]
    note = missing_note(where, missing, len(names))
    return (without_images(values, gone) if gone else values), missing, [note] if note else []


def _find(where: str, names: Sequence[str], folders: list[Path]) -> _Found:
    """The folder with most of the images.

    Raises:
        InputError: No such folder, or a name that two files fit.
    """
    existing = [folder for folder in folders if folder.is_dir()]
    if not existing:
        raise InputError(
            f"cannot find the images; looked for {folders[0]}",
            where=where,
            fix="give their folder with data.images=DIR",
        )
    direct = next((folder for folder in existing if os.path.isfile(folder / names[0])), existing[0])
    found = _Found(names, direct)
    # Where some images are there as written, the others can only be in the same folder.
    for folder in [direct] if len(found.missing) < len(names) else dict.fromkeys((direct, *existing)):
        if not found.missing:
            break
        other = _Found(names, folder)
        other.match()
        if len(other.missing) < len(found.missing) or (other.rivals and len(other.missing) == len(found.missing)):
            found = other
    if found.rivals:
        i, rivals = next(iter(found.rivals.items()))
        count = "1 file name fits" if len(found.rivals) == 1 else f"{len(found.rivals)} file names fit"
        raise InputError(
            f"{count} more than one image in {found.folder}; the first: '{names[i]}' fits {rivals[0]} and {rivals[1]}",
            where=where,
            fix="write more of the path into the file, or give the folder of this split with data.images=DIR",
        )
    return found


def find_files(where: str, names: Sequence[str], folders: list[Path]) -> list[Path]:
    """The files of images by their names; see `locate_images`.

    Args:
        where: The annotation file, for messages.
        names: Names of images.
        folders: Possible folders, best first.

    Raises:
        InputError: See `locate_images`.
    """
    found = _find(where, names, folders)
    if found.missing:
        raise InputError(
            f"{len(found.missing)} images have neither a size in the file nor a file in {found.folder}; the first: "
            f"{names[found.missing[0]]}",
            where=where,
            fix="write height and width in pixels, or give the folder of the images with data.images=DIR",
        )
    return [found.folder / found.renamed.get(i, name) for i, name in enumerate(names)]


class _Found:
    """Which images are in a folder.

    Attributes:
        missing: Indices of those that are not.
        renamed: Index -> file that the name means.
        rivals: Index -> files that fit it equally well.
    """

    def __init__(self, names: Sequence[str], folder: Path) -> None:
        self.names, self.folder = names, folder
        self.missing = _missing(names, folder)
        self.renamed: dict[int, str] = {}
        self.rivals: dict[int, list[str]] = {}

    def match(self) -> None:
        """Find the missing ones by the ends of their names, among the files that no other name has."""
        taken = set(self.names)
        taken.difference_update([self.names[i] for i in self.missing])
        files = [path.relative_to(self.folder).as_posix() for path in image_files(self.folder).paths]
        matches = match_files([self.names[i] for i in self.missing], [file for file in files if file not in taken])
        places = list(self.missing)
        self.renamed = {places[k]: file for k, file in enumerate(matches.files) if file}
        self.rivals = {places[k]: files for k, files in matches.rivals.items()}
        for i in self._strays():
            del self.renamed[i]
        self.missing = [i for i in places if i not in self.renamed]

    def _strays(self) -> list[int]:
        """Matches in another folder than most images of the same written folder: of another split, most likely."""
        homes = defaultdict[str, Counter[str]](Counter)
        away = set(self.missing)
        written = [os.path.dirname(readings(name)[-1]) for name in self.names]
        actual = [os.path.dirname(self.renamed.get(i, name)) for i, name in enumerate(self.names)]
        for i, home in enumerate(written):
            if i not in away or i in self.renamed:
                homes[home][actual[i]] += 1
        usual = {home: found.most_common(1)[0] for home, found in homes.items()}
        return [
            i
            for i in self.renamed
            if actual[i] != usual[written[i]][0] and usual[written[i]][1] > homes[written[i]].total() / 2
        ]

    def apply(self, annotations: Annotations) -> Annotations:
        """The annotations with this folder and the names of its files."""
        if not self.renamed:
            return replace(annotations, folder=self.folder)
        first, names = min(self.renamed), list(self.names)
        for i, file in self.renamed.items():
            names[i] = file
        note = (
            f"{annotations.source}: {len(self.renamed)} of {len(names)} file names are not there as written and were "
            f"matched by their last parts in {self.folder} (the first: '{self.names[first]}' is {names[first]})"
        )
        return replace(
            annotations,
            folder=self.folder,
            file_names=np.array(names, dtype=np.str_),
            notes=(*annotations.notes, note),
        )


def _missing(names: Sequence[str], folder: Path) -> list[int]:
    """Indices of files that do not exist; lists each folder once, which is faster on network disks."""
    by_parent: dict[str, list[int]] = defaultdict(list)
    for i, name in enumerate(names):
        by_parent[os.path.dirname(folder / name)].append(i)
    missing: list[int] = []
    for parent, indices in by_parent.items():
        present = set(os.listdir(parent)) if os.path.isdir(parent) else set()
        missing += [i for i in indices if os.path.basename(names[i]) not in present]
    return sorted(missing)
