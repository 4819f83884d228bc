"""The classes of a COCO file: parents that only group others, two of one name, and classes of crowd regions only."""

from __future__ import annotations

from collections import defaultdict
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from codo.annotations.assemble import same_names as same_names_error
from codo.annotations.coco.json_columns import JsonColumns
from codo.annotations.records import Category
from codo.core.errors import InputError

Labels = npt.NDArray[np.int64]

NEARLY_ALL = 0.9
"""Share of crowd regions from which a class has practically no objects. COCO marks one object in a hundred so; some
exporters of masks mark every object, since they write run-length codes, which COCO itself uses for crowds only."""

MANY = 0.1
"""Share of crowd regions of a class from which it is told that they are ignored."""


class UsedClasses(NamedTuple):
    """The classes that are left.

    Attributes:
        classes: In the order of their ids.
        labels: Label of every object among them, from 1.
        merged: Id of a class that was merged -> id of the class that has its objects now.
        note: What was done, or empty.
    """

    classes: tuple[Category, ...]
    labels: Labels
    merged: dict[str | int, int]
    note: str


def parent_ids(table: JsonColumns, classes: tuple[Category, ...], labels: Labels) -> tuple[int, ...]:
    """Ids of categories without objects that only group others: another category names them as its supercategory."""
    children = defaultdict[str, set[str | int]](set)
    for row in table.rows:
        if type(row.get("supercategory")) is str:
            children[row["supercategory"]].add(row["id"])
    number = {int(id_): row["id"] for id_, row in zip(() if table.ids is None else table.ids, table.rows, strict=False)}
    present = set(labels.tolist())
    return tuple(
        category.id
        for label, category in enumerate(classes, start=1)
        if label not in present and children[category.name] - {number[category.id]}
    )


def merge_classes(
    classes: tuple[Category, ...], labels: Labels, parents: tuple[int, ...], same_names: str, where: str
) -> UsedClasses:
    """Classes of the same name made one, which keeps the smallest id, or refused; parents do not count.

    Raises:
        InputError: ``same_names`` is ``refuse``, and two classes that are no parents have the same name.
    """
    ids = defaultdict[str, list[int]](list)
    for category in classes:
        if category.id not in parents:
            ids[category.name].append(category.id)
    repeated = {name: found for name, found in ids.items() if len(found) > 1}
    if not repeated:
        return UsedClasses(classes, labels, {}, _similar(classes, where))
    if same_names == "refuse":
        raise same_names_error(repeated, where, "set data.same_names=merge to make them one class, or give other names")
    merged: dict[str | int, int] = {other: found[0] for found in repeated.values() for other in found[1:]}
    kept = tuple(category for category in classes if category.id not in merged)
    place = {category.id: label for label, category in enumerate(kept, start=1)}
    moved = np.array([0, *(place[merged.get(category.id, category.id)] for category in classes)], dtype=np.int64)
    told = ", ".join(f"'{name}' (ids {', '.join(map(str, found))})" for name, found in list(repeated.items())[:5])
    return UsedClasses(kept, moved[labels], merged, f"{where}: categories of the same name were merged: {told}")


def resolve_crowds(
    used: UsedClasses, crowd: npt.NDArray[np.bool_], setting: str, where: str
) -> tuple[npt.NDArray[np.bool_], str]:
    """Which objects are crowd regions, by ``data.crowd``, and a note if that is unusual.

    Raises:
        InputError: ``auto``, and a class has hardly any object that is not a crowd region.
    """
    count = int(crowd.sum())
    if not count or setting == "ignore":
        return crowd, ""
    if setting == "object":
        return np.zeros_like(crowd), f"{where}: {count} of {len(crowd)} objects are marked as crowds, read as objects"
    size = len(used.classes) + 1
    objects, crowds = (np.bincount(labels, minlength=size)[1:] for labels in (used.labels, used.labels[crowd]))
    wrong = np.flatnonzero((objects > 0) & (crowds >= NEARLY_ALL * objects)).tolist()
    if wrong:
        first = wrong[0]
        classes = "1 class has" if len(wrong) == 1 else f"{len(wrong)} classes have"
        raise InputError(
            f"{classes} hardly any object that is not marked as a crowd, and nothing to learn; the first: "
            f"'{used.classes[first].name}' ({crowds[first]} of {objects[first]}; of all {count} of {len(crowd)})",
            where=where,
            fix="set data.crowd=object to read them as objects, as exporters of masks mean it, or data.crowd=ignore",
        )
    shares = crowds / np.maximum(objects, 1)
    if shares.max() < MANY:
        return crowd, ""
    most = int(shares.argmax())
    share = f"'{used.classes[most].name}' ({crowds[most]} of {objects[most]})"
    return crowd, (
        f"{where}: {count} of {len(crowd)} objects are marked as crowds, not learned and not evaluated; the largest "
        f"share is that of {share}; for objects set data.crowd=object"
    )


def _similar(classes: tuple[Category, ...], where: str) -> str:
    """A note on names that differ in case and spaces only, which stay two classes."""
    names = defaultdict[str, list[str]](list)
    for category in classes:
        names["".join(category.name.split()).casefold()].append(category.name)
    pairs = [found for found in names.values() if len(set(found)) > 1]
    told = "; ".join(" and ".join(repr(name) for name in found) for found in pairs[:3])
    return f"{where}: class names that differ only in case or spaces stay different classes: {told}" if pairs else ""
