"""Selecting the images of a VOCdevkit by image sets.

``select=`` is ``trainval``, ``VOC2012/train``, or several separated by commas; ``all`` takes every JPEG. The default is
``trainval``: pretraining on VOC 07+12 must never see test07, whose images are in the same folder. Of the set of a class
(``cat_train``) only the images that show the class are taken (image_lists.py says why). The masks that are stored
beside the images are never taken.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Collection

from codo.catalog.reading import Location
from codo.core.errors import InputError, nearest
from codo.sources.image_lists import parse_image_set
from codo.sources.listing import Member, is_hidden

DEFAULT = "trainval"
_IMAGE_SET = re.compile(r"^(|.*/)ImageSets/Main/([^/]+)\.txt$")


def voc_years(members: Collection[Member]) -> dict[str, dict[str, Member]]:
    """The image sets of every VOC year in a source: ``{"VOC2007/": {"trainval": its text file}}``."""
    years: dict[str, dict[str, Member]] = defaultdict(dict)
    for member in members:
        if (found := _IMAGE_SET.match(member.key)) and not is_hidden(member.key):
            years[found[1]][found[2]] = member
    folders = {member.key[: member.key.find("JPEGImages/")] for member in members if "JPEGImages/" in member.key}
    return {year: sets for year, sets in sorted(years.items()) if year in folders}


def choose_voc(
    members: Collection[Member], years: dict[str, dict[str, Member]], select: str, read: Callable[[Location], bytes]
) -> tuple[list[Member], str]:
    """The images of VOC image sets, and which sets they are.

    Args:
        members: What the source holds.
        years: From `voc_years`.
        select: Which sets.
        read: Reads an image set.

    Raises:
        InputError: No year has such a set.
    """
    by_stem = {year: _jpegs(members, year) for year in years}
    if select == "all":
        return [member for stems in by_stem.values() for member in stems.values()], "all"
    chosen: list[Member] = []
    used: list[str] = []
    for item in select.split(","):
        wanted_year, _, name = item.strip().rpartition("/")
        asked = [year for year in years if not wanted_year or f"/{year}".endswith(f"/{wanted_year}/")]
        matching = [year for year in asked if name in years[year]]
        if not matching:
            names = sorted({name for year in asked for name in years[year]})
            known = ", ".join(name for name in names if "_" not in name) or "no image set"
            raise InputError(
                f"no VOC image set '{item.strip()}'",
                where="select",
                fix=nearest(name, [*names, "all"]) or f"{wanted_year or 'the source'} has {known}",
            )
        for year in matching:
            used.append(f"{year}{name}")
            data, file = read(years[year][name].location), years[year][name].key
            for row in parse_image_set(data, file, by_stem[year].__contains__):
                if row.is_negative:
                    continue
                problem = f"missing: in {name}.txt, not in JPEGImages"
                absent = Member(f"{year}JPEGImages/{row.name}.jpg", Location(""), problem=problem)
                chosen.append(by_stem[year].get(row.name, absent))
    return chosen, ", ".join(used)


def _jpegs(members: Collection[Member], year: str) -> dict[str, Member]:
    folder = f"{year}JPEGImages/"
    return {
        member.key.removeprefix(folder).rpartition(".")[0]: member
        for member in members
        if member.key.startswith(folder) and not is_hidden(member.key)
    }
