"""The sets of images of a folder (train, val, …), and the choice of those of a split."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from codo.core.errors import InputError, nearest
from codo.layouts.splits import no_such_split, only_one_set
from codo.sources.folder import visible_files, visible_folders

ALL = "all"
"""Name of the only set of a folder that does not name its sets."""

WORDS = {"train": ("train", "training"), "val": ("val", "valid", "validation"), "test": ("test", "testing")}
"""Words in the names of files and folders that say which split they are."""


class LabelSet(NamedTuple):
    """A set of images.

    Attributes:
        name: Its name, as ``data.train_split`` takes it.
        path: The file of its labels, or its folder.
    """

    name: str
    path: Path


def split_of(name: str) -> str | None:
    """The split that a name says: ``VisDrone2019-DET-train`` is ``train``; ``None`` if it says none, or several."""
    parts = set(re.split(r"[^a-z]+", name.lower()))
    found = [split for split, words in WORDS.items() if parts & set(words)]
    return found[0] if len(found) == 1 else None


def choose(sets: Sequence[LabelSet], split: str, named: str | None, where: str) -> LabelSet:
    """The set of a split.

    Args:
        sets: All sets.
        split: ``train`` or ``val``.
        named: Value of ``data.train_split`` or ``data.val_split``.
        where: The folder, for messages.

    Raises:
        InputError: There is no such set, or there are several.
    """
    names = [one.name for one in sets]
    if named is not None:
        found = [one for one in sets if one.name == named]
        if not found:
            fix = nearest(named, names) or f"choose one with data.{split}_split= ({', '.join(names[:8])})"
            raise InputError(f"no set '{named}' in the folder", where=where, fix=fix)
        return found[0]
    found = [one for one in sets if split_of(one.name) == split]
    if len(found) > 1:
        raise InputError(
            f"{len(found)} sets for {split}: {', '.join(one.name for one in found[:8])}",
            where=where,
            fix=f"choose one with data.{split}_split={found[0].name}",
        )
    if found:
        return found[0]
    if len(sets) == 1 and split_of(names[0]) in (None, "train"):
        if split == "train":
            return sets[0]
        raise only_one_set(names[0], where)
    tests = [one.name for one in sets if split_of(one.name) == "test"]
    if split == "val" and tests and "test" not in names:
        fix = f"evaluate on it with data.val_split={tests[0]}"
        raise InputError(f"no split 'val', but {', '.join(names[:8])}", where=where, fix=fix)
    raise no_such_split(split, names, where)


def folder_sets(folder: Path, has_labels: Callable[[Path], bool]) -> list[LabelSet]:
    """The sets of a folder whose labels are many files: a folder per split, or all in one.

    Args:
        folder: The data folder.
        has_labels: Whether a folder has labels in it or in its usual folder of labels.
    """
    if not folder.is_dir():
        return []
    below = [one for one in visible_folders(folder) if has_labels(one)]
    if has_labels(folder) or (below and not any(split_of(one.name) for one in below)):
        return [LabelSet(ALL, folder)]
    return [LabelSet(one.name, one) for one in below]


def file_sets(folder: Path, suffix: str, is_label_file: Callable[[Path], bool]) -> list[LabelSet]:
    """The sets of a folder whose labels are one file each, in it, in its folders of labels, or in one folder per split.

    Args:
        folder: The data folder, or one file.
        suffix: Extension of label files.
        is_label_file: Whether a file with this extension has labels.
    """
    if folder.is_file():
        is_one = folder.suffix.lower() == suffix and is_label_file(folder)
        return [LabelSet(folder.stem, folder)] if is_one else []
    found: list[LabelSet] = []
    for place in [folder, *visible_folders(folder)]:
        names = [name for name in visible_files(place) if name.lower().endswith(suffix)]
        labels = [place / name for name in names if is_label_file(place / name)]
        if place != folder and not labels:
            inner = [one for one in visible_folders(place) if one.name.lower() in ("labels", "annotations")]
            labels = [
                one / name
                for one in inner
                for name in visible_files(one)
                if name.lower().endswith(suffix) and is_label_file(one / name)
            ]
        for path in labels:
            by_folder = place != folder and split_of(place.name) is not None and split_of(path.stem) is None
            name = path.stem if not by_folder else place.name if len(labels) == 1 else f"{place.name}/{path.stem}"
            found.append(LabelSet(name, path))
    return found
