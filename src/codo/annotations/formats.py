"""The table of formats of labeled data: how each is recognized, read, and written into explicit settings."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from codo.annotations.coco.json_columns import read_bytes
from codo.annotations.coco.layout import drop_missing, find_files, locate_images
from codo.annotations.coco.read import CocoRules, read_lists
from codo.annotations.data_settings import DataSettings, Format, Split
from codo.annotations.images import read_sizes
from codo.annotations.records import Annotations
from codo.annotations.voc.read import read_voc
from codo.annotations.yolo.read import read_yolo
from codo.core.errors import InputError
from codo.core.interpreter import without_collection
from codo.geometry.boxes import Convention
from codo.label_formats.formats import FORMATS, LabelFormatName, Options, find_sets, read_labels
from codo.label_formats.json_kind import json_kind
from codo.label_formats.sets import LabelSet, choose
from codo.label_formats.table import LabelTable
from codo.layouts import voc, yolo
from codo.layouts.coco import find_annotations, find_single_file, image_folders
from codo.layouts.splits import no_such_split, only_one_set
from codo.sources.image_lists import parse_coco


@dataclass(frozen=True)
class Reader:
    """One format.

    Attributes:
        layout: The usual layout, for messages.
        recognizes: Whether a folder has the usual layout.
        may_be: Whether it has a less common layout; asked only if no format recognizes the folder.
        read: Reads a split; with images, these are found. ``read(data, split, images)``.
        explicit: Settings with the files and splits that were read. ``explicit(data, train, val)``.
        sizes_from_images: Whether the sizes are those of the images, so that they need no check.
    """

    layout: str
    recognizes: Callable[[DataSettings, Path], bool]
    may_be: Callable[[Path], bool]
    read: Callable[[DataSettings, Split, bool], Annotations]
    explicit: Callable[[DataSettings, Annotations, Annotations], dict[str, Any]]
    sizes_from_images: bool = False


def _is_coco(data: DataSettings, folder: Path) -> bool:
    found = (find_annotations(folder, data.split_name(split) or split) for split in ("train", "val"))
    return any(path is not None and json_kind(path) in (None, "coco") for path in found)


def _may_be_coco(folder: Path) -> bool:
    found = find_single_file(folder)
    kind = None if found is None else json_kind(found)
    # The only JSON file may be another file of another format, such as the hierarchy of Open Images' classes.
    return found is not None and (kind == "coco" or not (kind or any(form.find(folder) for form in FORMATS.values())))


def _read_coco(data: DataSettings, split: Split, images: bool) -> Annotations:
    path = _annotation_file(data, split)
    rules = CocoRules(Convention(data.box_format, data.box_unit), data.crowd, data.same_names, data.areas)
    with without_collection():
        values = parse_coco(read_bytes(path, "annotation file"), str(path))
        return _read_lists(data, values, path, _image_folders(data, split, path), rules, images)


def _read_labels(name: LabelFormatName, data: DataSettings, split: Split, images: bool) -> Annotations:
    folder, sets, chosen = _label_sets(name, data, split)
    table = read_labels(name, chosen, sets, folder, split, Options(data.class_attribute))
    given = (data.train_images if split == "train" else data.val_images) or data.images
    folders = [Path(given)] if given and FORMATS[name].one_file else table.folders
    unit = data.box_unit if table.unsure and data.box_unit != "pixels" else table.unit
    rules = CocoRules(Convention("xywh", unit), areas=data.areas)
    return _read_lists(data, table.values, table.source, folders, rules, images, table)


def _label_sets(name: LabelFormatName, data: DataSettings, split: Split) -> tuple[Path, list[LabelSet], LabelSet]:
    """The data folder, all sets, and that of a split."""
    files = {key: path for key, path in (("train", data.train), ("val", data.val)) if path is not None}
    sets = [LabelSet(Path(path).stem, Path(path)) for path in files.values()]
    if split in files or data.folder is None:
        path = _annotation_file(data, split)
        return path.parent, sets, LabelSet(path.stem, path)
    folder = Path(data.folder)
    found = find_sets(name, folder)
    chosen = choose(found, split, data.split_name(split), str(folder))
    return folder if folder.is_dir() else folder.parent, [*found, *sets], chosen


def _explicit_labels(name: LabelFormatName, data: DataSettings, train: Annotations, val: Annotations) -> dict[str, Any]:
    read = {split: one for split, one in (("train", train), ("val", val)) if split in _own_splits(data)}
    images = {f"{split}_images": str(one.folder) for split, one in read.items()} if FORMATS[name].one_file else {}
    if data.train or data.val:
        return {split: str(one.source) for split, one in read.items()} | images
    names = {one.path: one.name for one in find_sets(name, Path(data.folder or "."))}
    return {"folder": data.folder, **{f"{split}_split": names[one.source] for split, one in read.items()}, **images}


def _read_lists(
    data: DataSettings,
    values: dict[str, Any],
    path: Path,
    folders: list[Path],
    rules: CocoRules,
    images: bool,
    table: LabelTable | None = None,
) -> Annotations:
    """Check the lists of a COCO file, or those made of another format, and find their images."""
    missing, notes = list[str](), list[str]()
    if data.missing == "skip":
        values, missing, notes = drop_missing(values, str(path), folders)
        table = table and replace(table, values=values)
    sizes_of = lambda names: read_sizes(find_files(str(path), names, folders))  # noqa: E731
    annotations = read_lists(values, path, rules, sizes_of, table)
    try:
        located = locate_images(annotations, folders, data.missing)
    except InputError:
        if images:
            raise
        return annotations
    return replace(located, missing=(*missing, *located.missing), notes=(*notes, *located.notes))


def _explicit_coco(data: DataSettings, train: Annotations, val: Annotations) -> dict[str, Any]:
    files = {"train": str(train.source), "train_images": str(train.folder)}
    return files if data.split else files | {"val": str(val.source), "val_images": str(val.folder)}


def _annotation_file(data: DataSettings, split: Split) -> Path:
    """The COCO file of a split.

    Raises:
        InputError: Nothing there.
    """
    named = data.train if split == "train" else data.val
    if named is not None:
        if not Path(named).is_file():
            raise InputError(
                "no such annotation file",
                where=named,
                fix="check the path; if the data were moved, give the new place with data=…",
            )
        return Path(named)
    if data.folder is None:
        raise InputError(
            f"no annotation file for {split}", where="data", fix=f"add data.{split}=FILE.json, or give data=FOLDER"
        )
    name = data.split_name(split) or split
    found = find_annotations(Path(data.folder), name)
    if found is None and split == "train" and data.train_split is None:
        found = find_single_file(Path(data.folder))
    if found is None:
        raise _no_annotations(data, split, name)
    return found


def _no_annotations(data: DataSettings, split: Split, name: str) -> InputError:
    folder = Path(data.folder or ".")
    if name == "val":
        known = [one for one in ("train", "test") if find_annotations(folder, one)]
        if "test" in known:
            return no_such_split(split, known, str(folder))
        if known and not data.train_split:
            return only_one_set("train", str(folder))
        if (single := find_single_file(folder)) is not None:
            return only_one_set(single.name, str(folder))
    return InputError(
        f"no COCO annotations of '{name}' in the folder",
        where=str(folder),
        fix=f"add annotations/instances_{name}.json, or give the file with data.{split}=FILE.json",
    )


def _image_folders(data: DataSettings, split: Split, annotation_file: Path) -> list[Path]:
    """Possible folders of the images of a COCO file, best first; only one if the user gave it."""
    images = (data.train_images if split == "train" else data.val_images) or data.images
    if images is not None:
        return [Path(images)]
    parent = annotation_file.parent
    root = Path(data.folder) if data.folder else parent.parent if parent.name == "annotations" else parent
    return image_folders(root, data.split_name(split) or split)


def _read_voc(data: DataSettings, split: Split, images: bool) -> Annotations:
    folder = Path(data.folder or ".")
    sets = voc.image_sets(folder, split, data.split_name(split))
    found = voc.images_of(folder, sets, checked=images, missing=data.missing)
    read = read_voc(folder, found.images, data.voc_origin)
    return replace(read, missing=tuple(found.missing), notes=(*found.notes, *read.notes))


def _explicit_voc(data: DataSettings, train: Annotations, val: Annotations) -> dict[str, Any]:
    folder = Path(data.folder or ".")
    sets = {
        f"{split}_split": voc.format_sets(folder, voc.image_sets(folder, split, data.split_name(split)))
        for split in _own_splits(data)
    }
    origin = train.inferred.get("voc_origin", data.voc_origin)
    return {"folder": str(folder), "voc_origin": origin, **sets}


def _read_yolo(data: DataSettings, split: Split, images: bool) -> Annotations:
    data_file = yolo.read_data_file(_data_file(Path(data.folder or ".")))
    named = data.split_name(split)
    name = yolo.split_name(data_file, split, named)
    found = yolo.images_of(data_file, name, data.missing)
    read = read_yolo(data_file, found.images, data.yolo_points)
    other = name == "test" and named is None
    note = [f"{data_file.path}: there is no 'val', so 'test' is; data.val_split= chooses another"] if other else []
    return replace(read, missing=tuple(found.missing), notes=(*data_file.notes, *note, *found.notes, *read.notes))


def _explicit_yolo(data: DataSettings, train: Annotations, val: Annotations) -> dict[str, Any]:
    data_file = yolo.read_data_file(train.source)
    names = {f"{split}_split": yolo.split_name(data_file, split, data.split_name(split)) for split in _own_splits(data)}
    points = train.inferred.get("yolo_points", data.yolo_points)
    return {"folder": str(train.source), "yolo_points": points, **names}


def _own_splits(data: DataSettings) -> tuple[Split, ...]:
    """The splits that have images of their own."""
    return ("train",) if data.split else ("train", "val")


def _data_file(folder: Path) -> Path:
    found = yolo.find_data_file(folder)
    if found is None:
        raise InputError(
            "no data.yaml in the folder", where=str(folder), fix="add it, or give the file: data=FILE.yaml"
        )
    return found


def _label_reader(name: LabelFormatName) -> Reader:
    """The reader of a format of `codo.label_formats`; a folder of COCO, VOC or YOLO is never taken for one."""
    return Reader(
        FORMATS[name].layout,
        lambda data, folder: False,
        lambda folder: bool(FORMATS[name].find(folder)),
        partial(_read_labels, name),
        partial(_explicit_labels, name),
    )


READERS: Mapping[Format, Reader] = {
    "coco": Reader("COCO's annotations/instances_train.json", _is_coco, _may_be_coco, _read_coco, _explicit_coco),
    "voc": Reader(
        "VOC's Annotations/ and ImageSets/Main/",
        lambda data, folder: bool(voc.years(folder)),
        voc.is_voc,
        _read_voc,
        _explicit_voc,
    ),
    "yolo": Reader(
        "YOLO's data.yaml",
        lambda data, folder: yolo.find_data_file(folder) is not None,
        lambda folder: False,
        _read_yolo,
        _explicit_yolo,
        sizes_from_images=True,
    ),
    **{name: _label_reader(name) for name in FORMATS},
}
