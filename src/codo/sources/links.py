"""Names of one file in a folder tree: symbolic links, links to folders, and hard links.

Other names of a file come last in the listing, at the *same place*, so that it counts once (`build_listing`), like a
file that a list names twice. It keeps its own name, or the first of several links or hard links. A link to a file
outside of the tree stays under its own path.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from codo.sources.listing import Member, is_hidden


class Name(NamedTuple):
    """What is special about a path whose file may have others.

    Attributes:
        linked: Whether it is a symbolic link, or below a link to a folder.
        identity: Device and number of a file that has several hard links; ``None`` for all others.
    """

    linked: bool
    identity: tuple[int, int] | None


def at_one_place(root: str, members: Iterable[Member], special: Mapping[str, Name]) -> Iterator[Member]:
    """The members in their order, then those that are another name of one of them, at its place.

    Args:
        root: The tree.
        members: Its files, in the order of their keys, each at its own path.
        special: By key, those that may have other names.
    """
    real_root = os.path.realpath(root)
    places: dict[str | tuple[int, int], str] = {}
    others: list[Member] = []
    for member in members:
        if member.key not in special:
            yield member
            continue
        linked, identity = special[member.key]
        own = member.location.uri
        target = os.path.realpath(own) if linked else own
        inside = inside_of(real_root, target)
        if linked and identity is None and inside and not is_hidden(inside):
            place = os.path.join(root, inside)  # the file is listed under its own name, too
        else:
            place = places.setdefault(identity or target, own)
        if place == own:
            yield member
        else:
            others.append(member._replace(location=member.location._replace(uri=place)))
    yield from others


def inside_of(folder: str, path: str) -> str:
    """The part of a path below a folder, with ``/``; empty if it is not below it. Both are free of links."""
    prefix = folder.rstrip(os.sep) + os.sep
    return path.removeprefix(prefix).replace(os.sep, "/") if path.startswith(prefix) else ""
