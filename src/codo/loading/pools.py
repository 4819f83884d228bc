"""Background pools: the images that proposals are pasted on, for the query and for the key network (Table 2).

A pool is written as a list of catalogs. By default every image of all of them is equally likely ("gather … together",
section 4.3), so the probability of a catalog is proportional to its size. ``DIR@0.3`` sets the probability of a
catalog; catalogs without one divide the remaining probability in proportion to their sizes. If all catalogs have one,
the probabilities are normalized to sum to 1.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from pydantic import Field, field_validator, model_validator

from codo.catalog.catalog import Catalog
from codo.core.config import Settings
from codo.core.errors import InputError
from codo.views.random_numbers import Source, drawn, integer, random


class PoolSettings(Settings):
    """The two pools; a plain list means the same pool for both networks (the paper's best choice)."""

    query: tuple[str, ...] = Field((), description="catalogs (or image folders): backgrounds of the query network")
    key: tuple[str, ...] = Field((), description="catalogs (or image folders): backgrounds of the key network")

    @model_validator(mode="before")
    @classmethod
    def _same_for_both(cls, value: Any) -> Any:
        if isinstance(value, str):
            value = [value]
        return {"query": value, "key": value} if isinstance(value, list | tuple) else value

    @field_validator("query", "key", mode="before")
    @classmethod
    def _one_is_a_list(cls, value: Any) -> Any:
        return (value,) if isinstance(value, str) else value


def split_share(entry: str) -> tuple[str, float | None]:
    """``DIR@0.3`` as ``("DIR", 0.3)``; an ``@`` without a number after it belongs to the path."""
    path, at, share = entry.rpartition("@")
    try:
        return (path, float(share)) if at and path else (entry, None)
    except ValueError:
        return entry, None


class Pool:
    """The images of several catalogs, from which random ones are drawn.

    Args:
        catalogs: The catalogs.
        shares: The probability of each, or ``None`` for one in proportion to its size; see the top of this file.

    Raises:
        InputError: A share is outside (0, 1], or the shares leave no probability for the other catalogs.
    """

    def __init__(self, catalogs: Sequence[Catalog], shares: Sequence[float | None]) -> None:
        self.catalogs = list(catalogs)
        self.sizes = np.array([len(catalog) for catalog in catalogs], dtype=np.int64)
        given = np.array([share or 0.0 for share in shares])
        free = np.array([share is None for share in shares])
        if any(share is not None and not 0 < share <= 1 for share in shares):
            raise InputError(
                "a share of a background pool lies outside (0, 1]", where="backgrounds", fix="write DIR@0.3"
            )
        if free.any() and given.sum() >= 1:
            raise InputError(
                f"the shares of a background pool sum to {given.sum():g} and leave nothing for the rest",
                where="backgrounds",
                fix="lower the shares, or give every catalog one",
            )
        by_size = self.sizes * free
        self.shares = given + (1 - given.sum()) * by_size / by_size.sum() if free.any() else given / given.sum()
        self._bounds = np.cumsum(self.shares)

    def __len__(self) -> int:
        return int(self.sizes.sum())

    def draw(self, rng: Source) -> tuple[Catalog, int]:
        """A catalog and the index of an image in it."""
        which, index = draw_image(self._bounds, self.sizes, rng)
        return self.catalogs[which], index


@drawn
def draw_image(bounds: npt.NDArray[np.float64], sizes: npt.NDArray[np.int64], rng: Source) -> tuple[int, int]:
    """A catalog, by the sums of their probabilities up to each, and the index of an image in it."""
    which = min(int(np.searchsorted(bounds, random(rng), side="right")), len(bounds) - 1)
    return which, integer(sizes[which], rng)
