"""Files that choose among the images of a source: COCO annotations, and text files of names.

They name images, and set their order. A name means the member whose path ends with it (or that it ends with, when the
list was written for a folder further up). Names that the source lacks stay in the listing with a problem, so that they
are rejected with a reason and not lost.
"""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Sequence

from codo.catalog.reading import Location
from codo.catalog.sources.listing import IMAGE_EXTENSIONS, Member, clean_key, extension
from codo.core.errors import InputError
from codo.core.paths import absolute, join, kind, parent, read_whole


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
        names = _coco_names(data) if extension(path) == ".json" else lines_of(data)
    except (OSError, ValueError, KeyError, TypeError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise InputError(f"cannot read the list of images: {reason}", where=path, fix="correct the file") from error
    if not names:
        raise InputError("the list names no image", where=path, fix="give a list with at least one image")
    return names


def _coco_names(data: bytes) -> list[str]:
    value = json.loads(data)
    if not isinstance(value, dict) or not isinstance(value.get("images"), list):
        raise ValueError("not COCO annotations: there is no list 'images'")
    names = []
    for image in value["images"]:
        name = image.get("file_name") or "/".join(image.get("coco_url", "").split("/")[-2:])  # LVIS has only the URL
        if not isinstance(name, str) or not name:
            raise ValueError(f"image {image.get('id')} has no 'file_name'")
        names.append(name)
    return names


def lines_of(data: bytes) -> list[str]:
    """The lines of a text file, without empty ones and comments."""
    lines = (line.strip() for line in data.decode("utf-8-sig").splitlines())
    return [line for line in lines if line and not line.startswith("#")]


def paths_in(path: str) -> list[Member]:
    """The images that a text file of paths or URLs names; relative ones are relative to its folder.

    Raises:
        InputError: The file is broken, or none of the first images it names exists.
    """
    names = names_in(path)
    members = [Member(clean_key(name), Location(join(parent(path), name))) for name in names]
    if all(kind(member.location.uri) is None for member in members[:8]):
        raise InputError(
            f"the files that the list names do not exist, such as '{members[0].location.uri}'",
            where=path,
            fix="write absolute paths, or paths relative to the folder of the list",
        )
    return members


def images_beside(path: str) -> str:
    """The folder or archive that holds the images of a COCO json, by COCO's customs.

    ``annotations/instances_train.json`` has them in ``train/``, ``images/train/`` or ``train.zip`` next to
    ``annotations/``; others in the folder of the json or next to it.

    Raises:
        InputError: They are at none of these places.
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
        fix="give the folder of the images as the source and select= (--select) this file",
    )


def choose(members: Sequence[Member], names: Sequence[str], chooser: str) -> list[Member]:
    """The members with these names, in the order of the names.

    Args:
        members: What the source holds.
        names: The names; an image extension may be left out.
        chooser: Where they are from, for the messages.

    Raises:
        InputError: None of the names is in the source, or one fits several members.
    """
    by_name: dict[str, list[Member]] = defaultdict(list)
    for member in members:
        base = member.key.rpartition("/")[2]
        by_name[base].append(member)
        if extension(base) in IMAGE_EXTENSIONS:
            by_name[base.rpartition(".")[0]].append(member)
    chosen, found = [], 0
    for name in map(clean_key, names):
        fitting = [member for member in by_name[name.rpartition("/")[2]] if _fits(member.key, name)]
        exact = [member for member in fitting if member.key == name]
        if len(fitting) > 1 and not exact:
            both = f"'{fitting[0].key}' and '{fitting[1].key}'"
            raise InputError(f"'{name}' could be {both}", where=chooser, fix="give the folder that the names start in")
        if fitting:
            chosen.append((exact or fitting)[0])
            found += 1
        else:
            chosen.append(Member(name, Location(""), problem="missing: named by the list, not in the source"))
    if not found:
        raise InputError(
            f"none of the {len(names)} images it names is in the source, such as '{names[0]}'",
            where=chooser,
            fix="give the folder or archive that holds these images as the source",
        )
    return chosen


def _fits(key: str, name: str) -> bool:
    """Whether one path ends with the other, an extension that ``name`` lacks aside."""
    if extension(name) not in IMAGE_EXTENSIONS and extension(key) in IMAGE_EXTENSIONS:
        key = key.rpartition(".")[0]
    return f"/{key}".endswith(f"/{name}") or f"/{name}".endswith(f"/{key}")


def list_path(select: str) -> str | None:
    """The absolute path of a selection that is a file, ``None`` for VOC image sets."""
    return absolute(select) if is_list(select) else None
