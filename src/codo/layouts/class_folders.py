"""Images in class folders, the layout of ImageNet: ``DIR/train/CLASS/….jpg`` and ``DIR/val/CLASS/….jpg``."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from codo.core.errors import InputError
from codo.sources.folder import image_files
from codo.sources.listing import is_hidden


@dataclass(frozen=True)
class ClassFolders:
    """The images of one split.

    Attributes:
        folder: Where the class folders are.
        paths: Every image, class by class, sorted by name.
        labels: int64 ``(n,)``, index into ``classes``.
        classes: Names of the folders, sorted.
    """

    folder: Path
    paths: tuple[Path, ...]
    labels: npt.NDArray[np.int64]
    classes: tuple[str, ...]


def read_class_folders(folder: str | Path, classes: tuple[str, ...] | None = None) -> ClassFolders:
    """List the images of a split.

    Args:
        folder: Folder with one folder per class.
        classes: The classes of the other split; all classes here must be among them.

    Raises:
        InputError: No such folder, no class folders, no images, or a class that the other split lacks.
    """
    root = Path(folder)
    fix = "give a folder with one folder of images per class"
    if not root.is_dir():
        raise InputError("no such folder", where=str(root), fix=fix)
    named = tuple(sorted(entry.name for entry in root.iterdir() if entry.is_dir() and not is_hidden(entry.name)))
    if classes is not None and (foreign := [name for name in named if name not in classes]):
        what = f"{len(foreign)} classes of this split are not in the other (the first: {foreign[0]})"
        raise InputError(what, where=str(root), fix="give both splits the same class folders")
    known = classes or named
    paths, labels = [], []
    for name in named:
        files = image_files(root / name).paths
        paths += files
        labels += [known.index(name)] * len(files)
    if not paths:
        raise InputError("no images in class folders", where=str(root), fix=fix)
    return ClassFolders(root, tuple(paths), np.array(labels, dtype=np.int64), known)
