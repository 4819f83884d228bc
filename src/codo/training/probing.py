"""Probes of labels: on the way through pretraining, and of any run or weight file afterwards (``codo probe``)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from pydantic import Field
from torch import nn

from codo.annotations.leaks import lineage, seen_in_pretraining
from codo.config import resolve
from codo.errors import InputError
from codo.models.encoder import Encoder, ModelSettings
from codo.models.weights import TRUNK
from codo.probes.boxes import box_probe
from codo.probes.features import trunk_features
from codo.probes.pictures import picture_probe
from codo.probes.sets import ProbeSet
from codo.probes.settings import LabelledProbeSettings
from codo.run import Run, is_run, open_run
from codo.training.distributed import choose_device
from codo.training.saved import load_method


class ProbeVerbSettings(LabelledProbeSettings):
    """``codo probe``."""

    source: str = Field(description="a pretraining run, a weight file, imagenet, or none for random weights")
    canvas: int = Field(224, ge=32, description="side of the square views in pixels; a run brings its own")
    device: str = Field("auto", description="auto, cpu, cuda or cuda:N")
    model: ModelSettings = Field(default_factory=ModelSettings, description="the trunk, unless source is a run")


@dataclass(frozen=True)
class LabelledProbes:
    """Sets of labelled canvases, read and checked.

    Attributes:
        sets: The sets.
        held_out: Image files that judge; pretraining should not have seen them.
    """

    sets: tuple[ProbeSet, ...]
    held_out: tuple[Path, ...]

    @classmethod
    def read(cls, settings: LabelledProbeSettings, canvas: int) -> LabelledProbes:
        """Read what the settings name.

        Raises:
            InputError: Wrong annotations or folders; images that cannot be read; too few classes.
        """
        sets, held_out = list[ProbeSet](), list[Path]()
        if settings.data is not None:
            found, val = box_probe(settings.data, settings.boxes, canvas)
            sets.append(found)
            held_out += [val.path(i) for i in range(len(val))]
        if settings.pictures is not None:
            found, shown = picture_probe(settings.pictures, settings.images, canvas)
            sets.append(found)
            held_out += shown
        return cls(tuple(sets), tuple(held_out))

    def scores(self, parts: Mapping[str, nn.Module], device: torch.device) -> dict[str, float]:
        """``probe/roi/knn``, ``probe/image/linear``, … of modules that are in evaluation mode.

        The global random state is not touched, so a run with probes computes what it computes without.
        """
        found: dict[str, float] = {}
        for one in self.sets:
            with torch.autocast(device.type, enabled=False):
                found |= one.scores(trunk_features(parts, device, whole=one.name == "image"))
        return {f"probe/{name}": value for name, value in found.items()}

    def leak(self, run: Run) -> str | None:
        """A warning when the pool of a pretraining run has images that judge."""
        seen = seen_in_pretraining(self.held_out, run)
        if not seen:
            return None
        return (
            f"{len(seen)} of {len(self.held_out)} images that the probes judge by were in the pretraining pool of "
            f"{run.path} (the first: {seen[0].name}); these scores do not speak for new images"
        )


def probe(source: Run | str | Path, **overrides: Any) -> dict[str, Any]:
    """Ask a frozen trunk about labelled boxes, pictures, or both.

    Args:
        source: A pretraining run, a weight file, ``imagenet``, or ``none`` for random weights.
        **overrides: ``data=`` (labelled boxes), ``pictures=`` (class folders), and the settings of `ProbeVerbSettings`.

    Returns:
        ``{"parts": [...], "probe/roi/knn": …, "warnings": [...]}``; scores are mean recalls of the classes in [0, 1].

    Raises:
        InputError: Wrong settings, weights or data.
    """
    named = str(source.path) if isinstance(source, Run) else str(source)
    settings = resolve(ProbeVerbSettings, None, {**overrides, "source": named})
    if settings.data is None and settings.pictures is None:
        raise InputError("there is nothing to probe with", where="codo probe", fix="add data=DIR or pictures=DIR")
    parts, canvas = _parts(named, settings)
    probes = LabelledProbes.read(settings, canvas)
    device = choose_device(settings.device)
    modules = nn.ModuleDict(parts).to(device).eval()
    scores = probes.scores(dict(modules.items()), device)
    warnings = [text for run in lineage(named) if (text := probes.leak(run))]
    return {"parts": list(parts), **scores, "warnings": warnings}


def _parts(source: str, settings: ProbeVerbSettings) -> tuple[dict[str, nn.Module], int]:
    """The parts of the trunk that the source has, and the canvas they were trained on."""
    if is_run(source):
        if open_run(source).verb != "pretrain":
            fix = "probe the run it started from, or a weight file"
            raise InputError("not a pretraining run", where=source, fix=fix)
        method, trained, _ = load_method(source)
        return method.exports(), trained.canvas
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        encoder = Encoder(settings.model.model_copy(update={"init": source}))
    counts = encoder.load_report.counts() if encoder.load_report else {}
    there = [part for part in TRUNK if encoder.load_report is None or counts.get(part, (0,))[0]]
    return {part: encoder.get_submodule(part) for part in there}, settings.canvas
