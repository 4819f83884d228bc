"""Probes with labels: during pretraining, and for any run or weight file (``codo probe``)."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import torch
from pydantic import Field
from torch import nn

from codo.core.config import resolve
from codo.core.errors import InputError
from codo.core.run import Run, is_run, open_run
from codo.evaluation.leaks import pool_warning
from codo.models.batch_statistics import data_statistics, tracking_layers
from codo.models.encoder import ModelSettings
from codo.models.normalization import Normalization
from codo.models.pretrained import load_encoder
from codo.probes.boxes import box_probe
from codo.probes.features import main_part, part_features, trunk_features
from codo.probes.pictures import picture_probe
from codo.probes.probe_settings import LabeledProbeSettings
from codo.probes.sets import ProbeSet, featurize_all
from codo.training.distributed import choose_device, threads_within_quota
from codo.training.load_run import load_method


class ProbeVerbSettings(LabeledProbeSettings):
    """``codo probe``."""

    source: str = Field(description="a pretraining run, a weight file, imagenet, or none for random weights")
    canvas: int = Field(224, ge=32, description="side of the square views in pixels; for runs, that of the run")
    device: str = Field("auto", description="auto, cpu, cuda or cuda:N")
    model: ModelSettings = Field(
        default_factory=ModelSettings,
        description="architecture of the trunk; runs and files of codo export record it themselves",
    )


@dataclass(frozen=True)
class LabeledProbes:
    """Labeled probe sets, read and checked.

    Attributes:
        sets: The probe sets.
    """

    sets: tuple[ProbeSet, ...]

    @classmethod
    def read(cls, settings: LabeledProbeSettings, canvas: int) -> LabeledProbes:
        """Read the probe sets of the settings.

        Raises:
            InputError: Wrong annotations or folders; images that cannot be read; too few classes.
        """
        sets = []
        if settings.data is not None:
            sets.append(box_probe(settings.data, settings.boxes, canvas))
        if settings.image_folder is not None:
            sets.append(picture_probe(settings.image_folder, settings.images, canvas))
        return cls(tuple(sets))

    def scores(
        self,
        parts: Mapping[str, nn.Module],
        device: torch.device,
        normalization: Normalization,
        untrained: Collection[str] = (),
    ) -> dict[str, float]:
        """Compute ``probe/roi/knn``, ``probe/roi/fpn/knn``, ``probe/image/linear``, … of modules in evaluation mode.

        Neither the modules nor the global random state are changed, so probes do not change what a run computes.

        Args:
            parts: The parts of the trunk.
            device: Their device.
            normalization: That of the images that they were trained on.
            untrained: The parts with random weights, whose BatchNorm statistics are not theirs: they are probed with
                the statistics of the canvases that the probe learns from.
        """
        found: dict[str, float] = {}
        layers = tracking_layers(parts[part] for part in untrained)
        for probe_set in self.sets:
            whole = probe_set.name == "image"  # classified by the backbone alone, as in linear evaluation
            featurize = part_features({"backbone": parts["backbone"]} if whole else parts, device, normalization)
            pass_train = partial(featurize_all, featurize, probe_set.train.images, probe_set.train.boxes)
            with torch.autocast(device.type, enabled=False), data_statistics(layers, pass_train):
                if whole:
                    found |= probe_set.scores(trunk_features(parts, device, normalization, whole=True))
                else:
                    found |= probe_set.part_scores(featurize, main_part(parts))
        return {f"probe/{name}": value for name, value in found.items()}

    def warnings(self, weights: str) -> list[str]:
        """Warnings about the data, and about evaluation images that were also used to pretrain ``weights``.

        Args:
            weights: See `codo.evaluation.leaks.lineage`.
        """
        judges = list(dict.fromkeys(path for one in self.sets for path in one.val_files))
        messages = [text for one in self.sets for text in one.warnings]
        return [text for text in (*messages, pool_warning(judges, weights, "that probes judge by")) if text]


def probe(source: Run | str | Path, **overrides: Any) -> dict[str, Any]:
    """Classify labeled boxes or images on the features of a frozen trunk, by k-NN and a linear classifier.

    Args:
        source: A pretraining run, a weight file, ``imagenet``, or ``none`` for random weights.
        **overrides: ``data=`` (labeled boxes), ``image_folder=`` (class folders), and the settings of
            `ProbeVerbSettings`.

    Returns:
        ``{"parts": [...], "probe/roi/knn": …, "warnings": [...]}``; scores are class-averaged recalls in [0, 1].

    Raises:
        InputError: Invalid settings, weights or data.

    Example:
        >>> import codo
        >>> scores = codo.probe("runs/mine", data="labeled")
        >>> 0 <= scores["probe/roi/knn"] <= 1
        True
    """
    named = str(source.path) if isinstance(source, Run) else str(source)
    settings = resolve(ProbeVerbSettings, None, {**overrides, "source": named})
    if settings.data is None and settings.image_folder is None:
        raise InputError("no labeled data to probe with", where="codo probe", fix="add data=DIR or image_folder=DIR")
    warnings: list[str] = []
    parts, untrained, canvas, normalization = _parts(named, settings, warnings.append)
    probes = LabeledProbes.read(settings, canvas)
    device = choose_device(settings.device)
    modules = nn.ModuleDict(parts).to(device).eval()
    with threads_within_quota():
        scores = probes.scores(dict(modules.items()), device, normalization, untrained)
    return {"parts": list(parts), **scores, "warnings": [*warnings, *probes.warnings(named)]}


def _parts(
    source: str, settings: ProbeVerbSettings, warn: Callable[[str], None]
) -> tuple[dict[str, nn.Module], tuple[str, ...], int, Normalization]:
    """The parts of the trunk in the source, which of them are random, and canvas and normalization of its training."""
    if is_run(source):
        if open_run(source).verb != "pretrain":
            fix = "probe the pretraining run that it was finetuned from, or a weight file"
            raise InputError("not a pretraining run", where=source, fix=fix)
        method, trained, _ = load_method(source, warn)
        return method.exports(), (), trained.canvas, method.normalization
    encoder, loaded = load_encoder(source, settings.model)
    untrained = loaded if encoder.load_report is None else ()
    parts = {part: encoder.get_submodule(part) for part in loaded}
    return parts, untrained, settings.canvas, encoder.settings.normalization
