"""The table of formats of this package: how each is found in a folder, and read into a `LabelTable`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence, Set
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, NamedTuple

from codo.core.errors import InputError
from codo.label_formats import createml, dota, label_studio, labelme, open_images, via, visdrone
from codo.label_formats.json_kind import json_kind
from codo.label_formats.sets import LabelSet, split_of
from codo.label_formats.table import Labels, LabelTable, coco_lists
from codo.layouts.coco import image_folders
from codo.layouts.image_ids import image_numbers
from codo.sources.folder import image_files

LabelFormatName = Literal["labelme", "via", "createml", "label_studio", "open_images", "visdrone", "dota"]


class Options(NamedTuple):
    """Settings that some formats need.

    Attributes:
        class_attribute: The region attribute of VIA that is the class.
    """

    class_attribute: str | None = None


@dataclass(frozen=True)
class LabelFormat:
    """One format.

    Attributes:
        layout: The usual layout, for messages.
        entry: What an object is called in messages.
        find: The sets of a folder; empty if it has no labels of this format.
        read: Reads a set. If it is a folder, names of images are relative to it. ``read(set, options)``.
        one_file: Whether the labels of a set are one file, so that ``data.train`` and ``data.val`` can name it.
        unsure: Whether boxes may be in other units than the format says.
        lists_empty: Whether images without objects are in the labels.
    """

    layout: str
    entry: str
    find: Callable[[Path], list[LabelSet]]
    read: Callable[[LabelSet, Options], Labels]
    one_file: bool = True
    unsure: bool = False
    lists_empty: bool = True


FORMATS: Mapping[LabelFormatName, LabelFormat] = {
    "labelme": LabelFormat(
        "labelme's JSON files", "shape", labelme.find, lambda one, _: labelme.read(one), one_file=False
    ),
    "via": LabelFormat("VIA's JSON", "region", via.find, lambda one, options: via.read(one, options.class_attribute)),
    "createml": LabelFormat(
        "CreateML's JSON", "annotation", createml.find, lambda one, _: createml.read(one), unsure=True
    ),
    "label_studio": LabelFormat(
        "Label Studio's JSON", "result", label_studio.find, lambda one, _: label_studio.read(one)
    ),
    "open_images": LabelFormat(
        "Open Images' CSV", "row", open_images.find, lambda one, _: open_images.read(one), lists_empty=False
    ),
    "visdrone": LabelFormat(
        "VisDrone's annotations/*.txt",
        "line",
        visdrone.find,
        lambda one, _: visdrone.read(one),
        one_file=False,
    ),
    "dota": LabelFormat("DOTA's labelTxt/*.txt", "line", dota.find, lambda one, _: dota.read(one), one_file=False),
}


def format_of_file(path: Path) -> LabelFormatName | None:
    """The format of one file with the labels of many images; ``None`` if it is none of `FORMATS`."""
    if path.suffix.lower() == ".csv":
        return "open_images" if open_images.is_boxes(path) else None
    kind = json_kind(path)
    return next((name for name, form in FORMATS.items() if name == kind and form.one_file), None)


def find_sets(name: LabelFormatName, folder: Path) -> list[LabelSet]:
    """The sets of a folder.

    Raises:
        InputError: It has no labels of this format.
    """
    found = FORMATS[name].find(folder)
    if not found:
        fix = "give another folder, or another data.format"
        raise InputError(f"no {FORMATS[name].layout} in the folder", where=str(folder), fix=fix)
    return found


def read_labels(
    name: LabelFormatName, chosen: LabelSet, sets: Sequence[LabelSet], folder: Path, split: str, options: Options
) -> LabelTable:
    """Read a set.

    Args:
        name: The format.
        chosen: The set.
        sets: All sets, which have the same classes.
        folder: The data folder.
        split: ``train`` or ``val``.
        options: See `Options`.

    Raises:
        InputError: Its labels are invalid; names the first and how many there are.
    """
    form = FORMATS[name]
    labels = form.read(chosen, options)
    classes = labels.classes or _class_names(form, labels, [one for one in sets if one != chosen], options)
    names = [image.name for image in labels.images]
    values = coco_lists([labels], classes, form.entry, (int(one) for one in image_numbers(names)))
    # Images of a set that is a folder are looked for in it only: another split may have files of the same names.
    folders = [chosen.path.parent, *image_folders(folder, split)] if form.one_file else [chosen.path]
    notes = [f"{chosen.path}: this is the set for {split}"] if len(sets) > 1 and chosen.name != split else []
    notes += labels.notes
    if not form.lists_empty:
        of_split = [one for one in folders if one.is_relative_to(folder) and split_of(str(one.relative_to(folder)))]
        notes += _not_listed({*names}, of_split)
    return LabelTable(chosen.path, values, notes, labels.unit, form.entry, list(dict.fromkeys(folders)), form.unsure)


def _not_listed(names: Set[str], folders: Sequence[Path]) -> list[str]:
    """A note on the images that are beside those of a split, but not in its labels: they may be without objects."""
    for place in folders:
        present = {path.name for path in image_files(place).paths}
        if present & names and (others := sorted(present - names)):
            told = "are left out, as they may have no objects"
            return [f"{place}: {len(others)} images that the labels do not name {told}; the first: {others[0]}"]
    return []


def _class_names(form: LabelFormat, labels: Labels, others: Sequence[LabelSet], options: Options) -> list[str]:
    """The classes of all sets, in alphabetical order, so that all splits agree; errors in other sets are not told."""
    names = set(labels.names)
    for one in others:
        try:
            names |= form.read(one, options).names
        except InputError:
            continue
    return sorted(names)
