"""Errors about splits that a folder does not have; they name the setting that chooses one."""

from __future__ import annotations

from collections.abc import Sequence

from codo.core.errors import InputError, nearest


class OnlyOneSet(InputError):
    """A folder has one set of images, and no other to evaluate on."""


def only_one_set(name: str, where: str) -> OnlyOneSet:
    """The error for a folder whose only images are trained on already."""
    return OnlyOneSet(
        f"there is one set of images, '{name}', and no other to evaluate on",
        where=where,
        fix=f"keep a fifth of it for that with data.split=0.2, or evaluate on all of it with data.val_split={name}",
    )


def no_such_split(split: str, known: Sequence[str], where: str) -> InputError:
    """The error for a split that is not there while others are.

    Args:
        split: ``train`` or ``val``.
        known: Names of the splits there are.
        where: The folder or data file.
    """
    if split == "val" and "test" in known:
        fix = "evaluate on test with data.val_split=test"
    else:
        fix = nearest(split, list(known)) or f"choose one with data.{split}_split= ({', '.join(known[:8])})"
    return InputError(f"no split '{split}', but {', '.join(known[:8])}", where=where, fix=fix)
