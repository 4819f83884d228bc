"""Where exported weights come from: data, recipe, length, versions and last numbers of a run, for the model card."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePath
from typing import Any

import numpy as np
import yaml

from codo.catalog.catalog import Catalog
from codo.core.config import resolve
from codo.core.errors import CodoError
from codo.core.run import Run
from codo.loading.pools import split_share
from codo.methods.registry import find_method
from codo.preparation.prepare import open_prepared
from codo.training.pretrain_settings import PretrainSettings


@dataclass(frozen=True)
class DataSource:
    """One catalog that a run learned from.

    Attributes:
        name: Last part of its path; the rest is nobody's business in a file that may be published.
        roles: What the images were: ``foregrounds``, ``query backgrounds``, ``key backgrounds``; ``images`` of a method
            that pastes nothing.
        images: Number of images, or ``None`` when the catalog is no longer where it was.
        proposals: Number of proposals, or ``None`` where there are none.
        fingerprint: Of the contents of all images, whatever their names and order; see `fingerprint`.
    """

    name: str
    roles: tuple[str, ...]
    images: int | None = None
    proposals: int | None = None
    fingerprint: str = ""


@dataclass(frozen=True)
class Origin:
    """What a model card says of a run.

    Attributes:
        run: Name of the run's folder.
        sources: The catalogs.
        samples: Proposals looked at, repeats included: steps times global batch.
        seed: Of the run.
        config: All settings as YAML, with names instead of paths.
        versions: Package -> version, and Python.
        started: When, ISO 8601.
        hardware: What it started on.
        metrics: Last logged numbers by name (loss, invariance, probe/…) up to the exported step.
    """

    run: str
    sources: tuple[DataSource, ...]
    samples: int
    seed: int
    config: str
    versions: Mapping[str, str]
    started: str
    hardware: str
    metrics: Mapping[str, float]


def read_origin(run: Run, step: int) -> Origin:
    """Read what a run says of itself.

    Args:
        run: A pretraining run.
        step: Step of the weights that are exported.

    Raises:
        InputError: The run's configuration cannot be read.
    """
    settings = resolve(PretrainSettings, None, run.config)
    environment = run.environment
    return Origin(
        run=run.path.absolute().name,
        sources=_sources(settings),
        samples=step * settings.batch_size,
        seed=settings.seed,
        config=_without_paths(run.config),
        versions={"python": str(environment.get("python", "?")), **environment.get("packages", {})},
        started=str(environment.get("started", "?")),
        hardware=str(environment.get("device", "?")),
        metrics=_last(run, step),
    )


def fingerprint(catalog: Catalog) -> str:
    """32 hexadecimal digits: blake2b-128 of the sorted content hashes of all images."""
    hashes = np.ascontiguousarray(catalog.hashes).view("S16")[:, 0]
    return hashlib.blake2b(np.sort(hashes).tobytes(), digest_size=16).hexdigest()


def _sources(settings: PretrainSettings) -> tuple[DataSource, ...]:
    pastes = find_method(settings.method).needs_backgrounds
    roles: dict[str, list[str]] = {settings.foregrounds: ["foregrounds" if pastes else "images"]}
    for network, entries in (("query", settings.backgrounds.query), ("key", settings.backgrounds.key)):
        for entry in entries:
            roles.setdefault(split_share(entry)[0], []).append(f"{network} backgrounds")
    return tuple(_source(path, tuple(dict.fromkeys(found))) for path, found in roles.items())


def _source(path: str, roles: tuple[str, ...]) -> DataSource:
    name = PurePath(path).name
    try:
        catalog = open_prepared(path, propose="foregrounds" in roles)
    except CodoError:  # moved or deleted since: the card then says so
        return DataSource(name, roles)
    proposals = catalog.counts.get("proposals") if catalog.settings.get("propose") else None
    return DataSource(name, roles, len(catalog), proposals, fingerprint(catalog))


def _last(run: Run, step: int) -> dict[str, float]:
    rows = [row for row in run.metrics() if row.get("step", 0) <= step]
    wanted = ("loss", "invariance", "invariance_chance")
    return {
        name: value
        for row in rows
        for name, value in row.items()
        if (name in wanted or name.startswith("probe/")) and isinstance(value, int | float)
    }


def _without_paths(config: Mapping[str, Any]) -> str:
    def name(entry: Any) -> Any:
        if isinstance(entry, list | tuple):
            return [name(item) for item in entry]
        return PurePath(entry).name if isinstance(entry, str) and ("/" in entry or "\\" in entry) else entry

    def clean(values: Mapping[str, Any]) -> dict[str, Any]:
        return {key: clean(value) if isinstance(value, Mapping) else name(value) for key, value in values.items()}

    return yaml.safe_dump(clean(config), sort_keys=False, default_flow_style=None, width=110)
