"""Background pools: which images may stand behind a proposal, for the query and for the key network (Table 2).

A pool is written as a list of catalogs. By default every image of all of them is equally likely ("gather … together",
section 4.3), so that a catalog counts by its size. ``DIR@0.3`` gives a catalog that share instead; catalogs without a
share divide what is left by their sizes. Shares alone are normalized to one.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from pydantic import Field, field_validator, model_validator

from codo.catalog.catalog import Catalog
from codo.core.config import Settings
from codo.core.errors import InputError


class PoolSettings(Settings):
    """The two pools; a plain list means the same pool for both networks (the paper's best choice)."""

    query: tuple[str, ...] = Field((), description="catalogs (or image folders) behind the query network's views")
    key: tuple[str, ...] = Field((), description="catalogs (or image folders) behind the key network's views")

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
    """``DIR@0.3`` as ``("DIR", 0.3)``; an ``@`` that no number follows belongs to the path."""
    path, at, share = entry.rpartition("@")
    try:
        return (path, float(share)) if at and path else (entry, None)
    except ValueError:
        return entry, None


class Pool:
    """Images of several catalogs, one of which can be drawn.

    Args:
        catalogs: The catalogs.
        shares: A probability for each, or ``None`` to count by size; see the top of this file.

    Raises:
        InputError: A share outside (0, 1], or shares that leave nothing for the others.
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

    def draw(self, rng: np.random.Generator) -> tuple[Catalog, int]:
        """A catalog and the index of an image in it."""
        which = min(int(np.searchsorted(self._bounds, rng.random(), side="right")), len(self.catalogs) - 1)
        return self.catalogs[which], int(rng.integers(self.sizes[which]))
