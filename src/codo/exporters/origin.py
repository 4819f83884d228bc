"""Origin of exported weights, for the model card: data, settings, length, versions and last metrics of a run."""

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
from codo.training.freezing import PretrainModelSettings
from codo.training.pretrain_settings import PretrainSettings


@dataclass(frozen=True)
class DataSource:
    """One catalog of training images of a run.

    Attributes:
        name: Last part of its path; the card may be published, so it does not show folders.
        roles: Use of the images: ``foregrounds``, ``query backgrounds``, ``key backgrounds``; ``images`` for methods
            that paste nothing.
        images: Number of images, or ``None`` if the catalog has moved or been deleted.
        proposals: Number of proposals, or ``None`` without proposals.
        fingerprint: Hash of the contents of all images, independent of names and order; see `fingerprint`.
    """

    name: str
    roles: tuple[str, ...]
    images: int | None = None
    proposals: int | None = None
    fingerprint: str = ""


@dataclass(frozen=True)
class Origin:
    """The facts about a run on a model card.

    Attributes:
        run: Name of the run's folder.
        sources: The catalogs.
        samples: Samples seen, repeats included: steps times global batch size.
        seed: The run's seed.
        config: All settings as YAML, with names instead of paths.
        versions: Package -> version, and Python.
        started: Time of the first start, ISO 8601.
        hardware: Devices at the first start.
        metrics: Last logged value of each metric (loss, invariance, probe/…) up to the exported step.
        frozen: What kept its initial weights, in words; empty if everything was trained.
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
    frozen: str = ""


def read_origin(run: Run, step: int) -> Origin:
    """Collect the facts about a run.

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
        frozen=_frozen(settings.model),
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
    except CodoError:  # moved or deleted: the card says so
        return DataSource(name, roles)
    proposals = catalog.counts.get("proposals") if catalog.settings.get("propose") else None
    return DataSource(name, roles, len(catalog), proposals, fingerprint(catalog))


def _frozen(model: PretrainModelSettings) -> str:
    if not model.freeze:
        return ""
    how = "not trained" if model.unfreeze_at is None else f"trained from step {model.unfreeze_at:,} on"
    return f"{' and '.join(model.freeze)}: {how}, initialized by model.init={PurePath(model.init).name}"


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
