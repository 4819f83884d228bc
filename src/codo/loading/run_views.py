"""The pasted views of a run that is over, made again from its recorded settings."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from codo.core.errors import CodoError
from codo.loading.local_files import read_copies
from codo.loading.pasted_views import PastedViews
from codo.loading.pools import Pool, PoolSettings, split_share
from codo.preparation.prepare import open_prepared
from codo.views.cpj import CopyPasteJitter, CPJSettings
from codo.views.photometric import AugmentSettings


def open_views(config: Mapping[str, Any]) -> tuple[PastedViews, int]:
    """The views of a run and their number; they are a pure function of its settings.

    Raises:
        CodoError: The run has no such settings, or a catalog no longer exists.
    """
    try:
        pools = PoolSettings.model_validate(config["backgrounds"])
        cpj, augment = CPJSettings.model_validate(config["cpj"]), AugmentSettings.model_validate(config["augment"])
        path, canvas, seed, views = config["foregrounds"], config["canvas"], config["seed"], config["views"]
    except (KeyError, ValueError) as error:
        raise CodoError(f"the settings do not describe views ({error})") from error
    query, key = (_pool(entries) for entries in (pools.query, pools.key))
    foregrounds = open_prepared(path, propose=cpj.proposal != "whole")
    if config.get("local_copy"):
        read_copies([foregrounds, *query.catalogs, *key.catalogs])
    return PastedViews(foregrounds, query, key, CopyPasteJitter(canvas, cpj, augment), seed=seed), views


def _pool(entries: tuple[str, ...]) -> Pool:
    parts = [split_share(entry) for entry in entries]
    return Pool([open_prepared(path, propose=False) for path, _ in parts], [share for _, share in parts])
