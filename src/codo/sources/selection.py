"""Selecting among the images of a source by a COCO annotation file or a text file of names.

The file names images and sets their order. A name matches the member whose path ends with it (or that it ends with,
when the list was written for a folder further up). A name without a match stays in the listing with a problem, so that
it is rejected with a reason instead of lost.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence

from codo.catalog.reading import Location
from codo.core.errors import InputError, first_line
from codo.core.paths import absolute, join, kind, parent, read_whole
from codo.sources.image_lists import file_name, parse_coco, parse_lines
from codo.sources.listing import IMAGE_EXTENSIONS, Member, clean_key, extension, is_hidden


def is_list(path: str) -> bool:
    """Whether the name is that of a file that names images."""
    return extension(path) in (".json", ".txt")


def names_in(path: str) -> list[str]:
    """The names of images that a COCO json or a text file holds, in its order.

    Raises:
        InputError: The file is missing, broken, or names no image.
    """
    try:
        data = read_whole(path)
    except OSError as error:
        what = f"cannot read the list of images: {first_line(error)}"
        raise InputError(what, where=path, fix="check the file and its permissions") from error
    names = _coco_names(data, path) if extension(path) == ".json" else [line.text for line in parse_lines(data, path)]
    if not names:
        raise InputError("the list names no image", where=path, fix="give a list with at least one image")
    return names


def _coco_names(data: bytes, path: str) -> list[str]:
    names = []
    for number, image in enumerate(parse_coco(data, path)["images"], start=1):
        name = file_name(image) if isinstance(image, dict) else None
        if not isinstance(name, str) or not name:
            which = image.get("id", f"number {number}") if isinstance(image, dict) else f"number {number}"
            raise InputError(f"image {which} has no 'file_name'", where=path, fix="write the file_name of every image")
        names.append(name)
    return names


def paths_in(path: str) -> list[Member]:
    """The images that a text file of paths or URLs lists; relative paths start at the folder of the file.

    Raises:
        InputError: The file cannot be read, or none of the first images it lists exists.
    """
    names = names_in(path)
    members = [Member(clean_key(name), Location(join(parent(path), name))) for name in names]
    if all(kind(member.location.uri) is None for member in members[:8]):
        raise InputError(
            f"the listed files do not exist, such as '{members[0].location.uri}'",
            where=path,
            fix="write absolute paths, or paths relative to the folder of the list",
        )
    return members


def find_images(path: str) -> str:
    """The folder or archive that holds the images of a COCO annotation file, by COCO's conventions.

    ``annotations/instances_train.json`` has them in ``train/``, ``images/train/`` or ``train.zip`` next to
    ``annotations/``; other files have them in their own folder or next to it.

    Raises:
        InputError: They are in none of these places.
    """
    name = names_in(path)[0]
    here = parent(path)
    stem = path.rpartition("/")[2].rpartition(".")[0]
    split = re.sub(r"^(instances|person_keypoints|captions|image_info|lvis_v\d(\.\d)?|annotations?)_+", "", stem)
    folders = [f"{base}{below}" for base in (parent(here), here) for below in (f"/{split}", f"/images/{split}")]
    folders += [f"{base}{below}" for base in (parent(here), here) for below in ("/images", "")]
    for folder in folders:
        if kind(f"{folder}/{name}") == "file":
            return folder
    for base in (parent(here), here):
        for ending in (".zip", ".tar"):
            if kind(f"{base}/{split}{ending}") == "file":
                return f"{base}/{split}{ending}"
    raise InputError(
        f"cannot find the images of these annotations, such as '{name}'",
        where=path,
        fix=f"give the folder of the images as the source, with select={path}",
    )


def choose(members: Iterable[Member], names: Sequence[str], where: str) -> list[Member]:
    """The members with these names, in the order of the names.

    Args:
        members: What the source holds.
        names: The names; an image extension may be left out.
        where: The file that the names are from, for messages.

    Raises:
        InputError: None of the names is in the source, or one matches several members.
    """
    by_name: dict[str, list[Member]] = defaultdict(list)
    for member in members:
        base = member.key.rpartition("/")[2]
        by_name[base].append(member)
        if extension(base) in IMAGE_EXTENSIONS:
            by_name[base.rpartition(".")[0]].append(member)
    chosen, found = [], 0
    for name in map(clean_key, names):
        matches = [member for member in by_name[name.rpartition("/")[2]] if _matches(member.key, name)]
        matches = [member for member in matches if is_hidden(name) or not is_hidden(member.key)]
        exact = [member for member in matches if member.key == name]
        if len(matches) > 1 and not exact:
            both = f"'{matches[0].key}' and '{matches[1].key}'"
            raise InputError(f"'{name}' could be {both}", where=where, fix="give the folder that the names start in")
        if matches:
            chosen.append((exact or matches)[0])
            found += 1
        else:
            chosen.append(Member(name, Location(""), problem="missing: in the list, not in the source"))
    if not found:
        raise InputError(
            f"none of the {len(names)} listed images is in the source, such as '{names[0]}'",
            where=where,
            fix="give the folder or archive that holds these images as the source",
        )
    return chosen


def _matches(key: str, name: str) -> bool:
    """Whether one path ends with the other; ``name`` may lack the extension."""
    if extension(name) not in IMAGE_EXTENSIONS and extension(key) in IMAGE_EXTENSIONS:
        key = key.rpartition(".")[0]
    return f"/{key}".endswith(f"/{name}") or f"/{name}".endswith(f"/{key}")


def list_path(select: str) -> str | None:
    """The absolute path of a selection that is a file, ``None`` for VOC image sets."""
    return absolute(select) if is_list(select) else None
