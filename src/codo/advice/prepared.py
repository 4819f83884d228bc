"""The answer of a catalog's page: how much of it pretraining can use.

A suggestion comes if more than `MANY_REJECTED` of the files are broken, or if the proposals of more than `MANY_WHOLE`
of the images are only the whole image.
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping

from codo.advice.answer import Answer, Suggestion
from codo.core.numbers import number, percent

MANY_REJECTED = 0.05
"""Share of broken files from which on a source is looked at."""
MANY_WHOLE = 0.25
"""Share of images without any proposal but the whole image from which on the images are looked at."""
WHOLE = "whole"
"""Fallback stage of an image whose only proposal is the whole image (docs/method.md#proposals)."""


def catalog_answer(images: int, rejected: int, stages: Mapping[str, int], *, proposals: bool, path: str) -> Answer:
    """The conclusion of a catalog.

    Args:
        images: Number of images.
        rejected: Number of broken files.
        stages: Images by the filters that their proposals passed, see `codo.reporting.catalog_page.FALLBACK_STAGES`.
        proposals: Whether proposals were computed.
        path: Its folder, for commands.
    """
    if not images:
        why = "A catalog without images cannot be used."
        return Answer(
            "bad", "The catalog has no images.", [Suggestion("images", "Look at the files left out below", why)]
        )
    found: list[Suggestion] = []
    lost, whole = rejected / (images + rejected), stages.get(WHOLE, 0) / images
    if lost > MANY_REJECTED:
        why = f"{number(rejected)} of {number(images + rejected)} files ({percent(lost)}) cannot be read."
        found.append(Suggestion("images", "Look at the rejected files below, and replace them", why))
    if whole > MANY_WHOLE:
        why = f"{percent(whole)} of the images have no proposal: they are plain, or too small."
        found.append(Suggestion("images", "Use larger or richer images as foregrounds", why))
    if not found:
        setting = shlex.quote(f"foregrounds={path}" if proposals else f"backgrounds=[{path}]")
        what = "foregrounds" if proposals else "backgrounds: no proposals were computed"
        found.append(
            Suggestion("nothing", f"Change nothing; use it in `codo pretrain {setting}`", f"It can serve as {what}.")
        )
    kept = f"{number(images)} images can be used" + (f", {number(rejected)} files cannot be read" if rejected else "")
    return Answer("good" if lost <= MANY_REJECTED and whole <= MANY_WHOLE else "watch", f"{kept}.", found)
