"""``codo convert``: labeled data of any format that is read, written as COCO annotation files.

::

    OUT/
      annotations/instances_train.json    and instances_val.json; instances_default.json for data with one set
      data.txt                            what was read, inferred and left out, one line each
      missing_images.txt                  images that are not there, with data.missing=skip

Images are not copied: ``file_name`` is relative to the folder of images of the source, which the last line names.
"""

from __future__ import annotations

import json
import shlex
from pathlib import Path
from typing import Any, NamedTuple

from codo import __version__
from codo.annotations.records import Annotations
from codo.annotations.source import DataSettings, find_format, read_annotations
from codo.annotations.subset import without_parents
from codo.core.config import Settings, nest, resolve
from codo.core.errors import InputError, nearest
from codo.core.io import write_atomically
from codo.layouts.splits import OnlyOneSet

TARGETS = ("coco",)


class ConvertSettings(Settings):
    """Settings of ``codo convert``."""

    data: DataSettings


class Conversion(NamedTuple):
    """What was written.

    Attributes:
        files: The annotation files, train first.
        lines: What was read, inferred and left out, one line each.
        next: The settings with which `codo finetune` reads the files.
    """

    files: list[Path]
    lines: list[str]
    next: str

    def text(self) -> str:
        """The lines to print."""
        return "\n".join([*self.lines, *(f"wrote {path}" for path in self.files), f"next: codo finetune {self.next} …"])


def convert(source: str | Path, out: str | Path, *, to: str = "coco", **overrides: Any) -> Conversion:
    """Write labeled data as COCO annotation files, and say what was understood.

    Args:
        source: A folder of labeled data in any format that is read, or its annotation file.
        out: The folder to write; it must not exist, or be empty.
        to: The format to write: ``coco``.
        **overrides: Settings of the data, such as ``data={"format": "via"}``; see `DataSettings`.

    Raises:
        InputError: Labels are invalid, images are missing or ``out`` is not empty; nothing is written then.

    Example:
        >>> import codo
        >>> [path.name for path in codo.convert("labeled", "converted").files]
        ['instances_train.json', 'instances_val.json']
    """
    if to not in TARGETS:
        fix = nearest(to, list(TARGETS)) or f"choose {', '.join(TARGETS)}"
        raise InputError(f"unknown format '{to}'", where="--to", fix=fix)
    folder = Path(out)
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise InputError("the folder to write exists and is not empty", where=str(folder), fix="give another --out")
    single = Path(source).is_file() and Path(source).suffix.lower() == ".json"
    given = {"data": {"train" if single else "folder": str(source)}}
    data = resolve(ConvertSettings, None, nest(_merged(given, nest(overrides)))).data
    splits = _read(data, single)
    lines = _lines(data, splits)
    files = {name: folder / "annotations" / f"instances_{name}.json" for name in splits}
    texts = {name: json.dumps(_coco(one, source), ensure_ascii=False) for name, one in splits.items()}
    (folder / "annotations").mkdir(parents=True, exist_ok=True)
    for name, text in texts.items():
        write_atomically(files[name], text)
    write_atomically(folder / "data.txt", "".join(f"{line}\n" for line in lines))
    if missing := [name for one in splits.values() for name in one.missing]:
        write_atomically(folder / "missing_images.txt", "".join(f"{name}\n" for name in missing))
    return Conversion(list(files.values()), lines, _next(folder, splits))


def _merged(given: dict[str, Any], overrides: dict[str, Any]) -> dict[str, Any]:
    return {**overrides, "data": {**given["data"], **overrides.get("data", {})}}


def _read(data: DataSettings, single: bool) -> dict[str, Annotations]:
    """The splits by the name of their file."""
    train = read_annotations(data, "train")
    if single and not (data.val or data.split):
        return {"default": train}
    try:
        val = read_annotations(data, "val")
    except OnlyOneSet:
        return {"default": train}
    train, val = without_parents(train, val)
    return {"train": train, "val": val}


def _lines(data: DataSettings, splits: dict[str, Annotations]) -> list[str]:
    """What was read, inferred and left out, each line once."""
    lines = [f"format: {find_format(data)}"]
    for name, one in splits.items():
        masks, crowds = int(one.segmentations.present.sum()), int(one.ignored.sum())
        counts = f"{len(one)} images, {len(one.labels)} objects ({masks} with an outline, {crowds} to be ignored)"
        classes = ", ".join(category.name for category in one.categories[:12])
        more = ", …" if len(one.categories) > 12 else ""
        lines.append(f"{name}: {counts}, {len(one.categories)} classes ({classes}{more}) in {one.source}")
    told = [line for one in splits.values() for line in (*one.notes, *(f"warning: {text}" for text in one.warnings))]
    return [*lines, *dict.fromkeys(told)]


def _coco(annotations: Annotations, source: str | Path) -> dict[str, Any]:
    """The content of an annotation file."""
    return {
        **annotations.to_coco(),
        "info": {"description": f"{Path(source).name}, converted by codo-detect {__version__}"},
        "licenses": [],
    }


def _next(folder: Path, splits: dict[str, Annotations]) -> str:
    """The settings with which the files are read, except ``out``."""
    folders = {name: shlex.quote(str(one.folder)) for name, one in splits.items()}
    images = (
        [f"data.images={next(iter(folders.values()))}"]
        if len(set(folders.values())) == 1
        else [f"data.{name}_images={one}" for name, one in folders.items()]
    )
    split = ["data.split=0.2"] if "default" in splits else []
    # What is ignored is written as crowds; a class of crowds alone would otherwise be asked about.
    crowds = ["data.crowd=ignore"] if any(one.ignored.any() for one in splits.values()) else []
    return " ".join([f"data={shlex.quote(str(folder))}", *images, *split, *crowds])
